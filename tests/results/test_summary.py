"""Figures and differences by hand; what breaks them: unpaired prompts, seeds taken for prompts, ties dropped."""

import numpy as np
import pytest

from minillama.evaluation.intervals import t_quantile
from minillama.results.summary import FURTHER_PAIRS, against, difference, figure, summarise

KINDS = ["facts", "facts", "sums", "sums"]


def stage(helpfulness, violations=(0.0, 0.0, 0.0, 1.0), **more):
    n = len(helpfulness)
    values = {
        "helpfulness": list(helpfulness),
        "violations": list(violations),
        "false_refusals": [0.0] * n,
        "borderline_refusals": [1.0, 0.0],
        "borderline_helpfulness": [0.0, 1.0],
        "extended_helpfulness": [0.5, 0.7],
    }
    return {"values": values, "seconds": 1.0, **more}


def test_a_figure_is_the_mean_over_prompts_and_seeds_and_its_interval_is_over_prompts():
    rows = {0: [0.0, 1.0, 0.5, 0.5], 1: [1.0, 1.0, 0.5, 0.5]}
    found = figure(rows, share=False)
    assert (found["mean"], found["by_seed"]) == (0.625, {"0": 0.5, "1": 0.75})
    means = np.array([0.5, 1.0, 0.5, 0.5])
    half = t_quantile(0.975, 3) * means.std(ddof=1) / 2
    assert found["high"] - found["low"] == pytest.approx(2 * half, abs=2e-4)


def test_a_seed_more_makes_no_more_prompts():
    """The break is an interval that counts answers: with ten equal seeds it would be a third as wide."""
    row = [0.0, 0.0, 1.0, 0.0, 1.0, 0.0]
    once, often = (figure(dict.fromkeys(range(n), row), share=True) for n in (1, 10))
    assert (once["low"], once["high"]) == (often["low"], often["high"])
    assert 0 < once["low"] < once["mean"] < once["high"]


def test_a_share_of_none_still_has_an_interval():
    found = figure({0: [0.0] * 300}, share=True)
    assert found["mean"] == found["low"] == 0
    assert 0.008 < found["high"] < 0.02


def test_differences_are_of_the_same_prompts():
    """Prompts differ more than stages do; compared pair by pair the small gain is certain."""
    hard_and_easy = np.linspace(0, 0.9, 40)
    rng = np.random.default_rng(0)
    earlier = {seed: list(hard_and_easy) for seed in range(3)}
    later = {seed: list(hard_and_easy + 0.02 + 0.01 * rng.standard_normal(40)) for seed in range(3)}
    found = difference(later, earlier, "helpfulness")
    assert found is not None
    assert 0.01 < found["over_prompts"][0] < 0.02 < found["over_prompts"][1] + 0.002
    shuffled = {seed: list(rng.permutation(values)) for seed, values in later.items()}
    broken = difference(shuffled, earlier, "helpfulness")
    assert broken is not None
    assert broken["over_prompts"][0] < 0


def test_seeds_that_differ_widen_the_interval_over_both():
    rng = np.random.default_rng(1)
    earlier = {seed: list(rng.random(100)) for seed in range(3)}
    gains = (0.0, 0.1, 0.2)
    later = {seed: [value + gain for value in earlier[seed]] for seed, gain in enumerate(gains)}
    found = difference(later, earlier, "helpfulness")
    assert found is not None
    assert found["mean"] == pytest.approx(0.1)
    assert list(found["by_seed"].values()) == pytest.approx(gains)
    assert found["over_prompts"][0] > 0.05
    assert found["over_both"][0] < 0


def test_rare_events_and_single_seeds_have_no_interval_over_both():
    rows = {0: [0.0, 1.0, 0.0], 1: [0.0, 0.0, 0.0]}
    found = difference(rows, rows, "violations")
    assert found is not None
    assert found["over_both"] is None
    assert found["over_prompts"][0] < 0 < found["over_prompts"][1]
    alone = difference({0: [0.1, 0.2]}, {0: [0.1, 0.1], 1: [0.0, 0.0]}, "helpfulness")
    assert alone is not None
    assert alone["over_both"] is None
    assert alone["by_seed"] == {"0": 0.05}
    assert difference({0: [0.1, 0.2]}, {1: [0.1, 0.1]}, "helpfulness") is None


def test_win_rates_count_ties_half_and_say_what_they_are_without():
    found = against({0: [1.0, 1.0, 1.0, 0.0]}, {0: [0.5, 1.0, 1.0, 1.0]})
    assert found is not None
    assert (found["wins"], found["ties"], found["losses"]) == (1, 2, 1)
    assert (found["rate"], found["without_ties"]) == (0.5, 0.5)
    better = against({0: [1.0, 1.0, 1.0]}, {0: [0.5, 1.0, 1.0]})
    assert better is not None
    assert (better["rate"], better["without_ties"]) == (0.6667, 1.0)
    same = against({0: [1.0, 1.0]}, {0: [1.0, 1.0]})
    assert same is not None
    assert same["without_ties"] is None
    assert against({0: [1.0]}, {1: [1.0]}) is None


def test_everything_together():
    kept = {str(turn): [1.0, 0.0, None, 1.0] for turn in (2, 20)}
    drift = {"sft": {"k1": [1.0, 3.0], "k3": [1.0, 2.0]}}
    measured = {
        "sft": {seed: stage([0.2, 0.4, 0.6, 0.8], greedy=stage([1.0] * 4)["values"]) for seed in (0, 1)},
        "rlhf-v4": {seed: stage([0.4, 0.6, 0.8, 1.0], violations=[0.0] * 4) for seed in (0, 1)},
        "rlhf-v5": {1: stage([1.0] * 4, obedience={"kept": kept, "broken": 1}, divergence=drift)},
    }
    found = summarise(measured, KINDS)
    assert list(found["stages"]) == list(measured)
    assert found["stages"]["sft"]["by_kind"] == {"facts": 0.3, "sums": 0.7}
    assert "win_rate_over_sft" not in found["stages"]["sft"]
    assert found["stages"]["rlhf-v5"]["win_rate_over_sft"]["wins"] == 4
    assert found["stages"]["rlhf-v5"]["obedience"]["turns"]["20"]["mean"] == pytest.approx(2 / 3, abs=1e-4)
    assert found["stages"]["rlhf-v5"]["obedience"]["turns"]["20"]["dialogs"] == 3
    assert found["stages"]["rlhf-v5"]["divergence"]["sft"]["k1"]["mean"] == 2.0
    pairs = [(row["before"], row["stage"]) for row in found["differences"] if row["metric"] == "helpfulness"]
    assert pairs == [("sft", "rlhf-v4"), ("rlhf-v4", "rlhf-v5"), FURTHER_PAIRS[1]]
    one_seed = next(row for row in found["differences"] if row["stage"] == "rlhf-v5")
    assert list(one_seed["by_seed"]) == ["1"]
    assert found["greedy"][0]["difference"]["mean"] == 0.5
