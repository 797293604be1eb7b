"""Which of two models wins, and what the order in which answers are shown does to it.

A judge that prefers what it sees first gives the model shown first a win rate that it does not deserve. Three cures:
show each pair in a random order (the paper's, for GPT-4: Figure 11), which makes the bias cancel on average; or in
both orders and count only wins in both; or count both orders, half a win each.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from minillama.evaluation.intervals import Interval, Numbers, as_values, paired_difference, wilson_interval

Outcome = Literal["win", "tie", "loss"]
Choice = Literal["first", "second", "tie"]
Chooser = Callable[[Any, str, str], Choice]
"""A judge of pairs: (prompt, answer shown first, answer shown second) to which is better."""


@dataclass(frozen=True)
class WinRate:
    """Wins, ties and losses of our model against another.

    Attributes:
        rate: The win rate, with ties as ``ties`` says.
        interval: Its 95 % interval (Wilson's; with ties counted half it is somewhat too wide).
    """

    wins: int
    ties: int
    losses: int
    rate: float
    interval: Interval


def win_rate(
    outcomes: Iterable[Outcome], ties: Literal["half", "drop"] = "half", confidence: float | int = 0.95
) -> WinRate:
    """Count wins.

    Args:
        outcomes: One per prompt: "win", "tie" or "loss" of our model.
        ties: "half" counts a tie as half a win; "drop" leaves ties out: wins / (wins + losses).
        confidence: Probability with which the interval covers.

    Raises:
        ValueError: No outcomes, another word, or only ties where they are left out.
    """
    listed = list(outcomes)
    counts = {name: listed.count(name) for name in ("win", "tie", "loss")}
    if sum(counts.values()) != len(listed):
        raise ValueError(f"outcomes must be 'win', 'tie' or 'loss', not {sorted(set(map(str, listed)) - set(counts))}")
    if ties not in ("half", "drop"):
        raise ValueError(f"ties must be 'half' or 'drop', not {ties!r}")
    half = ties == "half"
    n = len(listed) if half else counts["win"] + counts["loss"]
    if n == 0:
        raise ValueError("there are no comparisons to count" + ("" if half or not listed else " but ties"))
    interval = wilson_interval(counts["win"] + (counts["tie"] / 2 if half else 0), n, confidence)
    return WinRate(counts["win"], counts["tie"], counts["loss"], interval.mean, interval)


def outcomes_of_scores(ours: Numbers, theirs: Numbers, tie_within: float | int = 0.0) -> list[Outcome]:
    """Outcomes from one score per answer, say the judge's helpfulness or a reward; no order is involved.

    Args:
        ours: Scores of our answers, (prompts,).
        theirs: Scores of the other model's answers to the same prompts, (prompts,).
        tie_within: Scores that differ by no more than this tie.

    Raises:
        ValueError: Other shapes, a score that is not finite, a negative ``tie_within``.
    """
    a, b = as_values("ours", ours), as_values("theirs", theirs)
    if a.ndim != 1 or a.shape != b.shape or not tie_within >= 0:
        raise ValueError(f"need two rows of one length and tie_within >= 0, not {a.shape}, {b.shape}, {tie_within}")
    return ["tie" if abs(d) <= tie_within else "win" if d > 0 else "loss" for d in (a - b).tolist()]


@dataclass(frozen=True)
class BothOrders:
    """One pair of answers, judged twice: our outcome when ours was shown first, and when it was shown second."""

    shown_first: Outcome
    shown_second: Outcome

    @property
    def consistent(self) -> Outcome:
        """A win or loss only where both orders say so; otherwise a tie."""
        return self.shown_first if self.shown_first == self.shown_second else "tie"


def compare_in_both_orders(
    choose: Chooser, prompts: Sequence[Any], ours: Sequence[str], theirs: Sequence[str]
) -> list[BothOrders]:
    """Judge every pair in both orders.

    ``win_rate(pair.consistent for pair in pairs)`` counts consistent wins only; ``win_rate`` over both outcomes of all
    pairs cancels the bias as well, but its interval must not take the two for independent.

    Raises:
        ValueError: Not the same number of prompts and answers, or a choice that is none.
    """
    _same_length(prompts, ours, theirs)
    return [
        BothOrders(_outcome(choose(prompt, a, b), ours_first=True), _outcome(choose(prompt, b, a), ours_first=False))
        for prompt, a, b in zip(prompts, ours, theirs, strict=True)
    ]


def compare_in_random_order(
    choose: Chooser, prompts: Sequence[Any], ours: Sequence[str], theirs: Sequence[str], seed: int = 0
) -> list[Outcome]:
    """Judge every pair once, in an order drawn at random: half the calls of both orders, more noise.

    Raises:
        ValueError: As :func:`compare_in_both_orders`.
    """
    _same_length(prompts, ours, theirs)
    rng = random.Random(seed)
    outcomes = []
    for prompt, a, b in zip(prompts, ours, theirs, strict=True):
        first = rng.random() < 0.5
        outcomes.append(_outcome(choose(prompt, *((a, b) if first else (b, a))), ours_first=first))
    return outcomes


def order_bias(pairs: Sequence[BothOrders], confidence: float | int = 0.95) -> Interval:
    """What being shown first is worth: 0 for a judge that does not see the order, 1 for one that sees nothing else.

    Half the difference of our outcome (win 1, tie 0, loss -1) shown first and shown second, averaged over pairs.

    Raises:
        ValueError: Fewer than two pairs.
    """
    points = {"win": 0.5, "tie": 0.0, "loss": -0.5}
    first = np.array([points[pair.shown_first] for pair in pairs])
    return paired_difference(first, np.array([points[pair.shown_second] for pair in pairs]), confidence=confidence)


def _outcome(choice: Choice, *, ours_first: bool) -> Outcome:
    if choice not in ("first", "second", "tie"):
        raise ValueError(f"a choice must be 'first', 'second' or 'tie', not {choice!r}")
    if choice == "tie":
        return "tie"
    return "win" if (choice == "first") == ours_first else "loss"


def _same_length(prompts: Sequence[Any], ours: Sequence[str], theirs: Sequence[str]) -> None:
    if not len(prompts) == len(ours) == len(theirs):
        raise ValueError(f"{len(prompts)} prompts, {len(ours)} of our answers and {len(theirs)} of theirs do not match")
