"""Win rates: ties, and judges that prefer what they see first."""

import importlib
import math
import random

import pytest

from minillama.evaluation.win_rate import (
    BothOrders,
    compare_in_both_orders,
    compare_in_random_order,
    order_bias,
    outcomes_of_scores,
    win_rate,
)

N = 400
OURS = [f"{k / N:.4f}" for k in range(N)]
THEIRS = [f"{(k + 40) % N / N:.4f}" for k in range(N)]  # better by 0.1 for 90 % of the prompts


def biased(bias, noise=0.0, seed=0):
    rng = random.Random(seed)

    def choose(prompt, first, second):
        gap = float(first) - float(second) + bias + rng.gauss(0, noise)
        return "tie" if gap == 0 else "first" if gap > 0 else "second"

    return choose


def test_ties_count_half_or_not_at_all():
    outcomes = ["win"] * 36 + ["tie"] * 32 + ["loss"] * 32  # near the paper's 36 / 31.5 / 32.5 against ChatGPT
    half, dropped = win_rate(outcomes), win_rate(outcomes, ties="drop")
    assert (half.wins, half.ties, half.losses, half.rate) == (36, 32, 32, pytest.approx(0.52))
    assert dropped.rate == pytest.approx(36 / 68)
    assert half.interval.low < half.rate < half.interval.high
    assert win_rate(["tie"] * 5).rate == 0.5
    with pytest.raises(ValueError, match="but ties"):
        win_rate(["tie"] * 5, ties="drop")
    with pytest.raises(ValueError, match="no comparisons"):
        win_rate([])


def test_outcomes_of_scores():
    assert outcomes_of_scores([1.0, 0.5, 0.2], [0.9, 0.5, 0.9]) == ["win", "tie", "loss"]
    assert outcomes_of_scores([1.0, 0.5, 0.2], [0.9, 0.5, 0.9], tie_within=0.2) == ["tie", "tie", "loss"]
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match="not finite"):
            outcomes_of_scores([bad], [0.0])
    with pytest.raises(ValueError, match="tie_within"):
        outcomes_of_scores([1.0], [0.0], tie_within=-1)
    with pytest.raises(ValueError, match="one length"):
        outcomes_of_scores([1.0, 2.0], [0.0])


def test_a_judge_that_sees_only_the_order_gives_no_wins():
    pairs = compare_in_both_orders(lambda prompt, first, second: "first", range(N), OURS, THEIRS)
    assert order_bias(pairs).mean == 1
    assert {pair.consistent for pair in pairs} == {"tie"}
    assert win_rate(pair.consistent for pair in pairs).rate == 0.5
    assert win_rate(pair.shown_first for pair in pairs).rate == 1  # what the bias gives to the model shown first
    rates = [win_rate(compare_in_random_order(lambda *_: "first", range(N), OURS, THEIRS, seed=s)).rate for s in (0, 1)]
    assert rates == pytest.approx([0.5, 0.5], abs=0.08)


def test_without_bias_all_ways_agree():
    pairs = compare_in_both_orders(biased(0.0), range(N), OURS, THEIRS)
    random_order = compare_in_random_order(biased(0.0), range(N), OURS, THEIRS)
    assert order_bias(pairs).mean == 0
    assert [pair.consistent for pair in pairs] == [pair.shown_first for pair in pairs] == random_order
    assert win_rate(random_order).rate == pytest.approx(0.1)


@pytest.mark.parametrize("bias", [0.05, 0.2])
def test_the_cures_remove_what_a_fixed_order_adds(bias):
    fair = win_rate(compare_in_random_order(biased(0.0, 0.15), range(N), OURS, THEIRS)).rate
    pairs = compare_in_both_orders(biased(bias, 0.15), range(N), OURS, THEIRS)
    fixed = win_rate(pair.shown_first for pair in pairs).rate
    both = win_rate([pair.shown_first for pair in pairs] + [pair.shown_second for pair in pairs]).rate
    shuffled = win_rate(compare_in_random_order(biased(bias, 0.15, 1), range(N), OURS, THEIRS)).rate
    assert order_bias(pairs).low > 0
    assert abs(both - fair) < 0.6 * abs(fixed - fair)
    assert abs(shuffled - fair) < 0.8 * abs(fixed - fair)
    consistent = win_rate((pair.consistent for pair in pairs), ties="drop").rate
    assert consistent < 0.5  # consistent wins keep the right winner; a fixed order with bias 0.2 does not
    assert (fixed > 0.5) == (bias == 0.2)


def test_prompts_reach_the_judge_with_their_answers():
    seen = []

    def choose(prompt, first, second):
        seen.append((prompt, first, second))
        return "tie"

    assert compare_in_both_orders(choose, ["p"], ["a"], ["b"]) == [BothOrders("tie", "tie")]
    assert seen == [("p", "a", "b"), ("p", "b", "a")]


def test_wrong_words_and_lengths_are_refused():
    for compare in (compare_in_both_orders, compare_in_random_order):
        with pytest.raises(ValueError, match="do not match"):
            compare(biased(0.0), ["p"], ["1"], [])


def test_wrong_words_are_named_without_type_checks():
    """Users run without beartype: the function's own check is tried here."""
    module = importlib.import_module("minillama.evaluation.win_rate")  # the package has a function of that name

    plain = {"win_rate": module.win_rate, "_outcome": module._outcome}
    plain = {name: getattr(function, "__wrapped__", function) for name, function in plain.items()}
    with pytest.raises(ValueError, match="draw"):
        plain["win_rate"](["win", "draw"])
    with pytest.raises(ValueError, match="'half' or 'drop'"):
        plain["win_rate"](["win"], ties="third")
    with pytest.raises(ValueError, match="'A'"):
        plain["_outcome"]("A", ours_first=True)
