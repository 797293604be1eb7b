"""Agreement on close and clear comparisons: the grades, the dealt sides, and the verdict."""

import random
from collections import Counter

import pytest

from minillama.experiments import rater_agreement
from minillama.experiments._chat_samples import heldout, judged, valley
from minillama.experiments.claim import Row
from minillama.valley.raters import Rater
from minillama.valley.tasks.registry import task


def good_and_poor(prompt):
    rng = random.Random(0)
    return (
        task(prompt.task).good_answer(valley().world, prompt.case, rng),
        task(prompt.task).poor_answer(valley().world, prompt.case, rng),
    )


def test_a_grade_is_for_our_side_whatever_is_shown_first():
    exact = Rater(name="exact", noise=0.0)
    for prompt in heldout(12):
        good, poor = good_and_poor(prompt)
        gap = judged(prompt, good).helpfulness - judged(prompt, poor).helpfulness
        grades = {rater_agreement.grade(exact, prompt, good, poor, random.Random(seed)) for seed in range(8)}
        turned = {rater_agreement.grade(exact, prompt, poor, good, random.Random(seed)) for seed in range(8)}
        assert turned == {-grade for grade in grades}
        if gap >= 0.1:
            assert len(grades) == 1
            assert min(grades) > 0


def test_an_order_bias_turns_with_the_order():
    biased = Rater(name="first only", noise=0.0, order_bias=5.0)
    prompt = heldout(1)[0]
    good, poor = good_and_poor(prompt)
    grades = Counter(rater_agreement.grade(biased, prompt, good, poor, random.Random(seed)) for seed in range(200))
    assert set(grades) == {-3, 3}
    assert 60 < grades[3] < 140


def test_dealt_sides_keep_the_pairs():
    ours, theirs = [f"a{i}" for i in range(100)], [f"b{i}" for i in range(100)]
    left, right = rater_agreement.dealt(ours, theirs, seed=0)
    assert [{a, b} for a, b in zip(left, right, strict=True)] == [{a, b} for a, b in zip(ours, theirs, strict=True)]
    assert 25 < sum(a.startswith("a") for a in left) < 75


def test_raters_agree_on_good_against_poor_and_dice_do_not():
    prompts = heldout(60)
    good, poor = zip(*(good_and_poor(prompt) for prompt in prompts), strict=True)
    seen = rater_agreement.compared("good against poor", 0, prompts, good, poor)
    rolled = rater_agreement.compared("good against poor", 0, prompts, good, poor, dice=True)
    assert 0.8 < seen.numbers["AC2"] < seen.numbers["observed"] <= 1
    assert seen.numbers["win rate, judge"] > 0.95
    assert abs(rolled.numbers["AC2"]) < 0.1
    assert rolled.control
    assert not seen.control


def test_dealing_the_sides_raises_chance_and_leaves_the_observed_agreement():
    prompts = heldout(60)
    good, poor = zip(*(good_and_poor(prompt) for prompt in prompts), strict=True)
    before = rater_agreement.compared("one side", 0, prompts, good, poor).numbers
    after = rater_agreement.compared("dealt", 0, prompts, *rater_agreement.dealt(good, poor, seed=0)).numbers
    assert after["observed"] == pytest.approx(before["observed"], abs=0.02)
    assert after["mean gap"] == pytest.approx(before["mean gap"])
    assert 1 - after["AC2"] > 1.4 * (1 - before["AC2"])
    assert 0.3 < after["win rate, judge"] < 0.7


def rows(close=(0.80, 0.80), clear=(0.90, 0.90), dice=0.02):
    found = []
    for seed in (0, 1):
        values = {
            rater_agreement.CLOSE: close[seed],
            rater_agreement.CLEAR: clear[seed],
            rater_agreement.DEALT: 0.85,
            rater_agreement.BY_DICE + rater_agreement.CLOSE: dice,
            rater_agreement.BY_DICE + rater_agreement.CLEAR: -dice,
        }
        found += [
            Row(
                arm=arm,
                seed=seed,
                control=arm.startswith(rater_agreement.BY_DICE),
                numbers={"AC2": value, "win rate, judge": 0.5, "mean gap": 0.3},
            )
            for arm, value in values.items()
        ]
    return found


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"clear": (0.90, 0.82)}, "not reproduced"),  # one seed gains too little
        ({"clear": (0.70, 0.70)}, "not reproduced"),
        ({"dice": 0.2}, "cannot be seen at this scale"),
    ],
)
def test_the_verdict(changed, outcome):
    assert rater_agreement.judge(rows(**changed)).outcome == outcome
