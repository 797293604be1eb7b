"""Table 28 and Figure 27: two-sidedness as a number, gains on the same pairs, and what the verdict asks."""

import numpy as np
import pytest

from minillama.experiments import Row
from minillama.experiments._reward_pairs import Scored, error_of
from minillama.experiments.preference_margins import (
    CLAIM,
    DEALT,
    GAIN,
    GAIN_CLEAR,
    SIDES,
    bimodality,
    histogram,
    judge,
    numbers_of,
)

RNG = np.random.default_rng(0)
NORMAL = RNG.normal(size=20_000)


def test_two_peaks_are_more_two_sided_than_one():
    assert bimodality(np.array([-1.0, 1.0] * 10)) == pytest.approx(1.0)
    assert bimodality(NORMAL) == pytest.approx(1 / 3, abs=0.02)
    assert bimodality(RNG.uniform(size=20_000)) == pytest.approx(5 / 9, abs=0.02)
    assert bimodality(np.concatenate([NORMAL - 3, NORMAL + 3])) > 0.7


def test_spreading_the_scores_makes_no_second_peak():
    assert bimodality(3 * NORMAL + 1) == pytest.approx(bimodality(NORMAL))
    with pytest.raises(ValueError, match="are the same"):
        bimodality(np.ones(5))


def test_a_histogram_holds_every_score_once():
    places, shares = histogram(NORMAL)
    assert sum(shares) == pytest.approx(1.0)
    assert places == sorted(places)


def some_scored(right):
    ratings = ("significantly_better", "significantly_better", "slightly_better", "negligibly_better")
    return Scored(
        chosen=np.array(right, dtype=float), rejected=np.array([0.5, 0.4, 0.3, 0.2]), ratings=ratings,
        safe=((True, True),) * 4,
    )  # fmt: skip


def test_gains_are_over_the_same_pairs_and_leave_out_negligible_ones():
    numbers = numbers_of(some_scored([1, 1, 0, 1]), some_scored([1, 0, 0, 0]))
    assert numbers[GAIN_CLEAR] == 0.5
    assert numbers[GAIN] == pytest.approx(1 / 3)
    assert numbers["average of clear pairs"] == pytest.approx(2 / 3)
    assert (numbers["significantly_better"], numbers["better"]) == (1.0, 0.5)


def rows(gain=0.05, dealt=0.0, none=0.4, large=0.55, seed=0, error=0.01):
    sides = {"none": none, "small": (none + large) / 2, "large": large, DEALT: none}
    gains = {"none": 0.0, "small": gain, "large": gain, DEALT: dealt}
    return [
        Row(
            arm=arm, seed=seed, control=arm == DEALT,
            numbers={SIDES: sides[arm], GAIN_CLEAR: gains[arm], error_of(GAIN_CLEAR): error},
        )
        for arm in sides
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (rows() + rows(seed=1), "reproduced"),
        (rows(large=0.41), "not reproduced"),  # no second peak
        (rows() + rows(large=0.39, seed=1), "not reproduced"),
        (rows(gain=-0.05), "not reproduced"),  # the margin does harm
        (rows(gain=0.0, error=0.02), "cannot be seen at this scale"),  # the paper's gain is within chance
        (rows(gain=0.0, error=0.02, large=0.4), "not reproduced"),
        (rows(dealt=0.05), "cannot be seen at this scale"),  # margins that say nothing gain as well
    ],
)
def test_the_verdict_needs_the_gain_the_two_peaks_and_neither_by_chance(found, outcome):
    assert judge(found).outcome == outcome


def test_the_claim_names_its_table():
    assert (CLAIM.name, CLAIM.chapter, CLAIM.seeds) == ("table-28", 14, 3)
