"""Table 8: accuracy by rating, and what the verdict asks of it and of its control."""

import numpy as np
import pytest

from minillama.experiments import Row
from minillama.experiments._reward_pairs import ASPECTS, Scored, error_of
from minillama.experiments.accuracy_by_rating import CLAIM, RISE, SHUFFLED, by_rating, judge


def some_scored():
    ratings = ("significantly_better",) * 4 + ("better",) * 2 + ("slightly_better",) * 2 + ("negligibly_better",) * 2
    right = (1, 1, 1, 1, 1, 1, 1, 0, 1, 0)
    count = len(ratings)
    return Scored(
        chosen=np.array(right, dtype=float), rejected=np.full(count, 0.5), ratings=ratings, safe=((True, True),) * count
    )


def test_accuracy_is_counted_by_rating():
    found = some_scored()
    numbers = by_rating(found, found.ratings)
    assert numbers["significantly_better"] == 1.0
    assert numbers["slightly_better"] == 0.5
    assert numbers["significantly_better, pairs"] == 4
    assert numbers["average"] == 0.8
    assert numbers[RISE] == 0.25  # of the four pairs below, three are ranked rightly


def test_ratings_of_other_pairs_show_no_rise():
    found = some_scored()
    assert by_rating(found, found.ratings[::-1])[RISE] <= 0


def test_a_rating_without_pairs_keeps_its_place():
    found = some_scored().where([True] * 4 + [False] * 2 + [True] * 2 + [False] * 2)
    numbers = by_rating(found, found.ratings)
    assert (numbers["better"], numbers["better, pairs"]) == (0.5, 0.0)


def rows(own=0.2, control=0.0, seed=0, error=0.02):
    values = {"": own, SHUFFLED: control}
    return [
        Row(
            arm=f"{aspect} model on {aspect}{suffix}",
            seed=seed,
            numbers={RISE: value, error_of(RISE): error},
            control=bool(suffix),
        )
        for aspect in ASPECTS
        for suffix, value in values.items()
    ]


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (rows() + rows(seed=1), "reproduced"),
        (rows(own=0.01), "not reproduced"),
        (rows() + rows(own=-0.05, seed=1), "not reproduced"),  # in one seed the other way round
        (rows(error=0.3), "not reproduced"),  # within chance
        (rows(control=0.2), "cannot be seen at this scale"),
        (rows(control=-0.2), "cannot be seen at this scale"),
    ],
)
def test_the_verdict_needs_the_rise_and_its_absence_in_the_control(found, outcome):
    assert judge(found).outcome == outcome


def test_the_claim_names_its_table():
    assert (CLAIM.name, CLAIM.paper, CLAIM.chapter, CLAIM.seeds) == ("table-8", "Table 8", 14, 3)
