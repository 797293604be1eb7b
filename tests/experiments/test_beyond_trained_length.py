"""Past the trained length: which places count, and how the claim is judged."""

from minillama.experiments import Row
from minillama.experiments.beyond_trained_length import (
    ARMS,
    FOUR_TIMES,
    TRAINED_LONGER,
    TWICE,
    WITHIN,
    judge,
    mean_between,
)


def rows(twice, trained=(1.0, 1.0, 1.0), within=(1.0, 1.0, 1.0), seed=0):
    made = []
    for control, shares in ((False, twice), (True, trained)):
        for arm, share, inside in zip(ARMS, shares, within):
            numbers = {WITHIN: inside, TWICE: share, FOUR_TIMES: share / 2}
            made.append(Row(arm=arm + TRAINED_LONGER * control, seed=seed, numbers=numbers, control=control))
    return made


def test_rotary_must_be_ahead_of_both_tables_in_every_seed():
    good = rows((0.95, 0.05, 0.1))
    assert judge(good).outcome == "reproduced"
    assert judge(good + rows((0.95, 0.05, 0.6), seed=1)).outcome == "not reproduced"
    assert judge(good + rows((0.3, 0.05, 0.1), seed=1)).outcome == "not reproduced"


def test_all_must_know_their_own_length_and_the_control_must_be_even():
    assert judge(rows((0.95, 0.05, 0.1), within=(1, 0.8, 1))).outcome == "cannot be seen at this scale"
    assert judge(rows((0.95, 0.05, 0.1), trained=(1, 1, 0.85))).outcome == "cannot be seen at this scale"


def test_the_loss_at_four_times_the_length_is_told():
    assert "lost up to 0.53" in judge(rows((0.95, 0.05, 0.1))).why


def test_means_go_over_places_with_both_ends():
    assert mean_between({4: 0.0, 5: 1.0, 6: 1.0, 7: 0.0}, 5, 6) == 1.0
