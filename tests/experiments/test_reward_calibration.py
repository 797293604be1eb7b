"""Figure 29: values of answers, wins both ways round, the slope, and what the verdict asks."""

import random

import numpy as np
import pytest

from minillama.alignment.preferences import PreferencePair
from minillama.experiments import Row
from minillama.experiments._reward_pairs import ASPECTS, EXACT, Scored
from minillama.experiments.reward_calibration import (
    CLAIM,
    CORRELATION,
    DEALT,
    ERROR,
    RISE,
    SLOPE,
    both_ways,
    dealt,
    judge,
    judged_values,
    row,
    slope,
)
from minillama.pipeline.demonstrations import WORLD_SEED
from minillama.valley.dialogues import VENDORS, demonstrate, prompt_as_dict, training_prompts
from minillama.valley.judge import Judge
from minillama.valley.world import World

RNG = np.random.default_rng(0)


def calibrated(count, stretch=1.0):
    """Pairs whose better answer is drawn with the probability that the true difference says; scores are stretched."""
    gaps = RNG.normal(size=count) * 1.5
    won = RNG.uniform(size=count) < 1 / (1 + np.exp(-gaps))
    first, second = gaps / 2, -gaps / 2
    chosen, rejected = np.where(won, first, second), np.where(won, second, first)
    found = Scored(
        chosen=stretch * chosen, rejected=stretch * rejected, ratings=("better",) * count, safe=((True, True),) * count
    )
    return found, np.concatenate([np.ones(count), np.zeros(count)])


@pytest.mark.parametrize("aspect", ASPECTS)
def test_values_order_answers_as_the_rater_without_noise_does(aspect):
    world, rng = World.create(WORLD_SEED), random.Random(0)
    truth = Judge(world)
    for prompt in training_prompts(world, 30, 0, kinds=["refusals", "lists"]):
        answers = [demonstrate(world, prompt, vendor, rng) for vendor in (VENDORS[0], VENDORS[-1])]
        choice = EXACT.compare(truth, prompt, *answers, rng=rng, aspect=aspect)
        pair = PreferencePair(
            prompt=prompt_as_dict(prompt), chosen=answers[choice.chosen], rejected=answers[1 - choice.chosen],
            rating=choice.rating, aspect=aspect,
        )  # fmt: skip
        values = judged_values([pair])
        assert values[0] >= values[1]


def test_pairs_are_laid_both_ways_and_ties_count_half():
    gaps, wins = both_ways(np.array([2.0, -1.0]), np.array([1.0, 0.5, 0.0, 0.5]))
    assert gaps.tolist() == [2.0, -1.0, -2.0, 1.0]
    assert wins.tolist() == [1.0, 0.5, 0.0, 0.5]


def test_a_calibrated_model_is_found_so_and_a_stretched_one_is_not():
    good, sure = (row("safety", 0, *calibrated(4000, stretch), control=False).numbers for stretch in (1, 4))
    assert good[ERROR] < 0.03 < 0.1 < sure[ERROR]
    assert good[SLOPE] == pytest.approx(1, abs=0.1)
    assert sure[SLOPE] == pytest.approx(0.25, abs=0.05)
    assert good[RISE] == pytest.approx(sure[RISE], abs=0.1)
    assert good[RISE] > 0.4


def test_the_slope_fits_by_hand():
    gaps = np.log(np.array([3.0, 1 / 3]))
    assert slope(gaps, np.array([0.75, 0.25])) == pytest.approx(1, abs=0.03)


def test_values_that_were_dealt_out_do_not_rise_with_the_score():
    found, values = calibrated(4000)
    assert sorted(dealt(values, 0)) == sorted(values)
    numbers = row("safety", 0, found, dealt(values, 0), control=True).numbers
    assert abs(numbers[CORRELATION]) < 0.05
    assert numbers[SLOPE] < 0.1


def rows(rise=0.5, error=0.05, control=0.0, seed=0):
    values = {"": (rise, error, 0.5), DEALT: (0.0, 0.3, control)}
    return [
        Row(
            arm=aspect + suffix, seed=seed, control=bool(suffix),
            numbers={RISE: a, ERROR: b, CORRELATION: c, SLOPE: 1.0},
        )
        for aspect in ASPECTS
        for suffix, (a, b, c) in values.items()
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (rows() + rows(seed=1), "reproduced"),
        (rows(rise=0.02), "not reproduced"),
        (rows() + rows(rise=-0.1, seed=1), "not reproduced"),
        (rows(error=0.2), "not reproduced"),  # ranks well, too sure of itself
        (rows(control=0.3), "cannot be seen at this scale"),
    ],
)
def test_the_verdict_needs_the_rise_and_the_calibration(found, outcome):
    assert judge(found).outcome == outcome


def test_the_claim_names_its_figure():
    assert (CLAIM.name, CLAIM.paper, CLAIM.chapter, CLAIM.seeds) == ("figure-29", "Figure 29", 14, 3)
