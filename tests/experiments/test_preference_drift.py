"""Drift: pairs matched by rating, errors by prompt, and what the verdict asks of fresh pairs and of both controls."""

import numpy as np
import pytest

from minillama.alignment.preferences import PreferencePair
from minillama.experiments import Row
from minillama.experiments._reward_pairs import error_of
from minillama.experiments.preference_drift import (
    AGAIN,
    AT_HOME,
    CLAIM,
    GAIN,
    NEW,
    NONE,
    OLD,
    ON_NEW,
    ON_OLD,
    clear,
    gain,
    halves,
    judge,
    matched,
)


def pair(text, rating="better", prompt="Who?"):
    return PreferencePair(prompt={"text": prompt}, chosen=text, rejected="No.", rating=rating, aspect="helpfulness")


def a_set(name, significantly, slightly, negligibly=0):
    ratings = ["significantly_better"] * significantly + ["slightly_better"] * slightly
    ratings += ["negligibly_better"] * negligibly
    return [pair(f"{name} {number}", rating) for number, rating in enumerate(ratings)]


def counts(pairs):
    ratings = [one.rating for one in pairs]
    return ratings.count("significantly_better"), ratings.count("slightly_better"), len(pairs)


def test_matched_sets_have_equally_many_pairs_of_each_rating():
    sets = [clear(a_set("old", 9, 4, 3)), clear(a_set("new", 5, 6))]
    found = matched(sets, 0)
    for name, each in zip(("old", "new"), found, strict=True):
        assert counts(each) == (5, 4, 9)
        assert all(one.chosen.startswith(name) for one in each)
        assert len({one.chosen for one in each}) == 9
    assert found == matched(sets, 0)


def test_pairs_that_nobody_could_tell_apart_are_not_clear():
    assert counts(clear(a_set("old", 2, 1, 3))) == (2, 1, 3)


def test_a_smaller_set_has_the_same_shares_of_ratings():
    assert [counts(each) for each in matched([a_set("old", 40, 20), a_set("new", 30, 30)], 0, 10)] == [(6, 4, 10)] * 2
    assert [counts(each) for each in matched([a_set("old", 4, 2)], 0, 10)] == [(4, 2, 6)]


def test_sets_without_a_common_rating_are_refused():
    with pytest.raises(ValueError, match="no rating in common"):
        matched([a_set("old", 3, 0), a_set("new", 0, 3)], 0)


def test_halves_have_no_pair_in_common_and_lose_none():
    pairs = a_set("old", 5, 4)
    first, second = halves(pairs)
    assert sorted(one.chosen for one in first + second) == sorted(one.chosen for one in pairs)
    assert abs(len(first) - len(second)) <= 1


def test_pairs_of_one_prompt_count_as_one_draw_in_the_error():
    differences = np.array([1.0, 1.0, 0.0, 0.0])
    apart = gain([pair("Yes.", prompt=f"Who {number}?") for number in range(4)], differences)
    together = gain([pair("Yes.", prompt=f"Who {number // 2}?") for number in range(4)], differences)
    assert apart[GAIN] == together[GAIN] == 0.5
    assert apart[error_of(GAIN)] == pytest.approx(0.25)  # 4 draws of +-0.5: 0.5 / sqrt(4)
    assert together[error_of(GAIN)] == pytest.approx(0.5 / 2**0.5)  # 2 draws of +-0.5


def rows(*, fresh=0.05, home=-0.02, again=0.0, best=0.7, error=0.01, seeds=(1, 2)):
    found = []
    for seed in seeds:
        found += [
            Row(arm=NONE, seed=seed, numbers={ON_NEW: 0.6, ON_OLD: 0.7}),
            Row(arm=OLD, seed=seed, numbers={ON_NEW: best - fresh, ON_OLD: 0.75}),
            Row(arm=NEW, seed=seed, numbers={ON_NEW: best, ON_OLD: 0.75 + home} | measured(fresh, error)),
            Row(arm=AGAIN, seed=seed, numbers=measured(again, error), control=True),
            Row(arm=AT_HOME, seed=seed, numbers=measured(home, error), control=True),
        ]
    return found


def measured(mean, error):
    return {GAIN: mean, error_of(GAIN): error}


def test_fresh_pairs_that_gain_where_they_are_from_reproduce_it():
    verdict = judge(rows())
    assert verdict.outcome == "reproduced"
    assert "+0.050" in verdict.why


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"fresh": 0.01, "error": 0.001}, "not reproduced"),  # too little
        ({"error": 0.06}, "not reproduced"),  # not sure
        ({"home": 0.05}, "cannot be seen at this scale"),  # better pairs everywhere
        ({"again": 0.05}, "cannot be seen at this scale"),  # another draw does it, too
        ({"again": -0.05}, "cannot be seen at this scale"),
        ({"best": 0.52}, "cannot be seen at this scale"),  # nobody can rank them
    ],
)
def test_each_condition_counts(change, outcome):
    assert judge(rows(**change)).outcome == outcome


def test_one_seed_against_it_is_enough():
    assert judge(rows(fresh=0.08, seeds=(1,)) + rows(fresh=-0.01, seeds=(2,))).outcome == "not reproduced"


def test_the_trial_seed_judges_only_where_it_is_alone():
    against = rows(fresh=-0.05, seeds=(0,))
    assert judge(against + rows()).outcome == "reproduced"
    assert judge(against).outcome == "not reproduced"


def test_the_claim_is_complete():
    assert CLAIM.chapter == 13
    assert "minillama.alignment.preference_collection" in CLAIM.modules
