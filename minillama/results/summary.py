"""From values of each prompt to figures: means over prompts and seeds, and differences on the same prompts."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from minillama.evaluation.intervals import paired_difference, wilson_interval
from minillama.evaluation.win_rate import outcomes_of_scores, win_rate

SHARES = ("violations", "false_refusals", "borderline_refusals")  # values of 0 and 1, rarely 1
DIFFERENCES = ("helpfulness", *SHARES)
# Compared beside the stages that follow one another.
FURTHER_PAIRS = (("sft", "rlhf-v4"), ("sft", "rlhf-v5"), ("rlhf-v5", "chat"), ("sft", "chat"))
Measured = Mapping[str, Mapping[int, Mapping[str, Any]]]
"""What :func:`minillama.results.measuring.measure_stage` gave, by stage and seed."""


def summarise(measured: Measured, kinds: Sequence[str]) -> dict[str, Any]:
    """All figures as JSON.

    Args:
        measured: By stage, in order, and seed. A stage may lack some of the seeds.
        kinds: Of the ordinary prompts, in their order.

    Returns:
        ``stages`` (for each its figures), ``differences`` (of consecutive stages and of ``FURTHER_PAIRS``),
        ``greedy`` (greedy against sampled, where both were measured).
    """
    names = list(measured)
    pairs = [*pairwise(names), *(pair for pair in FURTHER_PAIRS if set(pair) <= set(names))]
    differences = [
        {"stage": later, "before": earlier, "metric": metric, **found}
        for earlier, later in dict.fromkeys(pairs)
        for metric in DIFFERENCES
        if (
            found := difference(
                _rows(measured, later, metric, earlier), _rows(measured, earlier, metric, later), metric
            )
        )
    ]
    return {
        "stages": {name: _stage(measured, name, kinds) for name in names},
        "differences": differences,
        "greedy": [
            {"stage": name, "metric": metric, **found}
            for name in names
            for metric in ("helpfulness", "violations")
            if (found := _greedy(measured[name], metric))
        ],
    }


def figure(rows: Mapping[int, Sequence[float]], share: bool) -> dict[str, Any]:
    """Mean over prompts and seeds with a 95 % interval over prompts, and each seed's mean.

    A share's interval is Wilson's, with the prompts and not the answers as its trials: several seeds that meet the same
    prompts make no new ones.
    """
    table = np.array([rows[seed] for seed in rows], dtype=float)
    mean, n = float(table.mean()), table.shape[1]
    if share:
        found = wilson_interval(mean * n, n)
        low, high = found.low, found.high
    else:
        interval = paired_difference(table, np.zeros_like(table))
        low, high = interval.low, interval.high
    by_seed = {str(seed): _short(np.mean(values)) for seed, values in rows.items()}
    return {"mean": _short(mean), "low": _short(low), "high": _short(high), "by_seed": by_seed, "prompts": n}


def difference(
    later: Mapping[int, Sequence[float]], earlier: Mapping[int, Sequence[float]], metric: str
) -> dict[str, Any] | None:
    """By how much the later stage's values exceed the earlier one's on the same prompts; None without a common seed.

    ``over_prompts`` speaks of new prompts to these models, ``over_both`` also of newly trained models (null with one
    seed, and for shares, whose intervals allow for rare events instead).
    """
    seeds = [seed for seed in later if seed in earlier]
    if not seeds:
        return None
    a, b = ([list(rows[seed]) for seed in seeds] for rows in (later, earlier))
    rare = metric in SHARES
    found = paired_difference(a, b, rare=rare)
    both = None if rare or len(seeds) < 2 else paired_difference(a, b, over="both")
    return {
        "mean": _short(found.mean),
        "by_seed": {str(seed): _short(value) for seed, value in zip(seeds, found.by_seed, strict=True)},
        "over_prompts": [_short(found.low), _short(found.high)],
        "over_both": None if both is None else [_short(both.low), _short(both.high)],
        "prompts": found.n_prompts,
    }


def against(ours: Mapping[int, Sequence[float]], theirs: Mapping[int, Sequence[float]]) -> dict[str, Any] | None:
    """Win rate by the judge's helpfulness on the same prompts; None without a common seed.

    A tie counts half. Its interval is over prompts, whose points are averaged over seeds first.
    """
    seeds = [seed for seed in ours if seed in theirs]
    if not seeds:
        return None
    outcomes = {seed: outcomes_of_scores(ours[seed], theirs[seed]) for seed in seeds}
    points = [[{"win": 1.0, "tie": 0.5, "loss": 0.0}[each] for each in outcomes[seed]] for seed in seeds]
    interval = paired_difference(points, np.zeros_like(np.array(points)))
    every = [each for seed in seeds for each in outcomes[seed]]
    counted = win_rate(every)
    decided = win_rate(every, ties="drop").rate if counted.wins + counted.losses else None
    return {
        "rate": _short(counted.rate),
        "low": _short(interval.low),
        "high": _short(interval.high),
        "by_seed": {str(seed): _short(win_rate(outcomes[seed]).rate) for seed in seeds},
        "without_ties": None if decided is None else _short(decided),
        "wins": counted.wins,
        "ties": counted.ties,
        "losses": counted.losses,
    }


def _stage(measured: Measured, name: str, kinds: Sequence[str]) -> dict[str, Any]:
    seeds = measured[name]
    metrics = next(iter(seeds.values()))["values"]
    helpfulness = _rows(measured, name, "helpfulness")
    found: dict[str, Any] = {
        metric: figure(_rows(measured, name, metric), share=metric in SHARES) for metric in metrics
    }
    found["by_kind"] = {
        kind: _short(
            np.mean([[v for v, k in zip(row, kinds, strict=True) if k == kind] for row in helpfulness.values()])
        )
        for kind in dict.fromkeys(kinds)
    }
    if name != "sft" and "sft" in measured:
        found["win_rate_over_sft"] = against(helpfulness, _rows(measured, "sft", "helpfulness"))
    if told := {seed: each["obedience"] for seed, each in seeds.items() if "obedience" in each}:
        found["obedience"] = _obedience(told)
    if drifted := {seed: each["divergence"] for seed, each in seeds.items() if "divergence" in each}:
        found["divergence"] = _divergence(drifted)
    return found


def _rows(measured: Measured, name: str, metric: str, other: str | None = None) -> dict[int, list[float]]:
    """A stage's values by seed; with another stage, of the seeds that both have."""
    return {
        seed: each["values"][metric]
        for seed, each in measured[name].items()
        if other is None or seed in measured[other]
    }


def _greedy(seeds: Mapping[int, Mapping[str, Any]], metric: str) -> dict[str, Any] | None:
    both = {seed: each for seed, each in seeds.items() if "greedy" in each}
    if not both:
        return None
    greedy = {seed: each["greedy"][metric] for seed, each in both.items()}
    sampled = {seed: each["values"][metric] for seed, each in both.items()}
    gain = difference(greedy, sampled, metric)
    return {"greedy": figure(greedy, share=metric in SHARES), "difference": gain}


def _obedience(told: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """For each turn the share of dialogues that keep the instruction, of those where it can be told."""
    turns: dict[str, Any] = {}
    for turn in next(iter(told.values()))["kept"]:
        by_seed = {str(seed): _mean_of_told(each["kept"][turn]) for seed, each in told.items()}
        mean = math.fsum(by_seed.values()) / len(by_seed)
        n = min(sum(value is not None for value in each["kept"][turn]) for each in told.values())
        interval = wilson_interval(mean * n, n)
        turns[turn] = {
            "mean": _short(mean),
            "low": _short(interval.low),
            "high": _short(interval.high),
            "by_seed": {seed: _short(value) for seed, value in by_seed.items()},
            "dialogs": n,
        }
    return {"turns": turns, "broken": {str(seed): each["broken"] for seed, each in told.items()}}


def _mean_of_told(values: Iterable[float | None]) -> float:
    told = [value for value in values if value is not None]
    if not told:
        raise ValueError("no dialogue of a seed can be told obeyed or not; measure more dialogues")
    return sum(told) / len(told)


def _divergence(drifted: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    names = next(iter(drifted.values()))
    return {
        reference: {
            estimate: figure({seed: each[reference][estimate] for seed, each in drifted.items()}, share=False)
            for estimate in ("k1", "k3")
        }
        for reference in names
    }


def _short(value: Any) -> float:
    return round(float(value), 4)
