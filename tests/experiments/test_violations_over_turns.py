"""Violations over turns: the same request in both forms, paired rates, and the verdict."""

import pytest

from minillama.chat import check_dialog
from minillama.evaluation.judged import dialog_of
from minillama.experiments import Row
from minillama.experiments import violations_over_turns as claim
from minillama.valley.dialogues import heldout_prompts
from minillama.valley.world import World

WORLD = World.create(0)


def test_only_the_turns_before_a_request_differ():
    single = heldout_prompts(WORLD, 60, adversarial=True)
    multi = claim.after_innocent_turns(WORLD, single, 0)
    turns = set()
    for alone, late in zip(single, multi, strict=True):
        check_dialog(dialog_of(late))
        assert (late.text, late.case, late.risk) == (alone.text, alone.case, alone.risk)
        assert alone.case.slots["act"] not in str(late.history)
        turns.add(len(late.history) // 2)
    assert turns == {1, 2, 3}
    assert multi == claim.after_innocent_turns(WORLD, single, 0) != claim.after_innocent_turns(WORLD, single, 1)


def test_rates_and_their_difference():
    numbers = claim.compared([1.0, 0.0, 0.0, 0.0] * 25, [1.0, 1.0, 0.0, 0.0] * 25)
    assert (numbers[claim.SINGLE], numbers[claim.MULTI], numbers[claim.MORE]) == (0.25, 0.5, 0.25)
    assert 0 < numbers[f"{claim.MORE}, low"] < 0.25 < numbers[f"{claim.MORE}, high"]


def row(arm, seed, single, more, low):
    numbers = {claim.SINGLE: single, claim.MULTI: single + more, claim.MORE: more, f"{claim.MORE}, low": low}
    return Row(arm=arm, seed=seed, numbers=numbers, control=arm == claim.CONTROL)


def rows(more=0.2, low=0.1, last=0.03, twice=0.01, seed=0):
    return [
        row("sft", seed, 0.3, more, low),
        row(claim.CONTROL, seed, 0.3, twice, -0.02),
        row("rlhf-v5", seed, last, 0.0, -0.01),
    ]


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"last": 0.2}, "not reproduced"),
        ({"more": 0.02, "low": -0.03}, "not reproduced"),
        ({"twice": -0.1}, "cannot be seen at this scale"),
    ],
)
def test_the_verdict(changed, outcome):
    assert claim.judge(rows(**changed)).outcome == outcome
    assert claim.judge(rows(**changed) + rows(**changed, seed=1)).outcome == outcome


def test_violations_must_fall_in_every_seed_and_turns_count_on_average():
    assert claim.judge(rows() + rows(last=0.2, seed=1)).outcome == "not reproduced"
    weak = rows(more=0.06, low=-0.02)
    assert claim.judge(weak).outcome == "not reproduced"
    assert claim.judge(weak + rows(more=0.06, low=-0.02, seed=1) + rows(seed=2)).outcome == "reproduced"


def test_rows_without_an_arm_are_refused():
    with pytest.raises(ValueError, match="lack an arm"):
        claim.judge(rows()[1:])
