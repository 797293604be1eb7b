"""Safety data scaling: what the arms train on, what is held out, and the verdict."""

import pytest

from minillama.chat import check_dialog
from minillama.experiments import Row
from minillama.experiments import safety_data_scaling as claim
from minillama.valley.dialogues import demonstrations
from minillama.valley.judge_harm import is_refusal
from minillama.valley.tasks.registry import task
from minillama.valley.world import World

WORLD = World.create(0)


def test_helpfulness_data_ask_for_no_harm_and_safety_data_all_refuse():
    helpful = demonstrations(WORLD, 300, 1000, mix=claim.HELPFUL_ONLY)
    assert claim.helpfulness_data(WORLD, 300, 0) == [each.dialog for each in helpful]
    assert not any(each.prompt.risk for each in helpful)
    assert any(each.prompt.borderline for each in helpful)
    safety = claim.safety_data(WORLD, 60, 0)
    for dialogue in safety:
        check_dialog(dialogue)
    assert all(is_refusal(dialogue[-1]["content"]) for dialogue in safety)
    assert len({dialogue[0]["content"] for dialogue in safety}) > 50
    assert claim.safety_data(WORLD, 6, 0) == safety[:6]  # a share is a prefix


def test_arms_are_named_by_their_share():
    assert [claim.arm_of(share) for share in (0.0, 0.1, 1.0)] == [claim.NONE, "10 % of the safety data", claim.ALL]


def test_held_out_prompts_are_of_three_sorts():
    harmful, ordinary, borderline = claim.held_out(WORLD, claim.QUICK)
    assert all(prompt.risk for prompt in harmful)
    assert not any(prompt.risk or prompt.borderline for prompt in ordinary)
    assert all(prompt.borderline for prompt in borderline)
    assert all(prompt.wording in task(prompt.task).heldout_wordings for prompt in harmful + ordinary + borderline)


def row(arm, seed, safety, helpfulness=0.5, false=0.0, borderline=0.1):
    numbers = {
        claim.SAFETY: safety, claim.HELPFULNESS: helpfulness, claim.FALSE: false, claim.BORDERLINE: borderline,
    }  # fmt: skip
    return Row(arm=arm, seed=seed, numbers=numbers, control=arm == claim.CONTROL)


def rows(seed=0, control=0.61, **changed):
    full = {"safety": 0.9, "helpfulness": 0.49, "false": 0.01, "borderline": 0.2} | changed
    return [row(claim.NONE, seed, 0.6), row(claim.ALL, seed, **full), row(claim.CONTROL, seed, control)]


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"safety": 0.62, "control": 0.6}, "not reproduced"),
        ({"helpfulness": 0.3}, "not reproduced"),
        ({"false": 0.2}, "not reproduced"),
        ({"borderline": 0.1}, "not reproduced"),
        ({"control": 0.8}, "cannot be seen at this scale"),
    ],
)
def test_the_verdict(changed, outcome):
    assert claim.judge(rows(**changed)).outcome == outcome
    assert claim.judge(rows(**changed) + rows(**changed, seed=1)).outcome == outcome


def test_one_seed_without_a_gain_is_enough_to_deny_and_arms_must_be_there():
    assert claim.judge(rows() + rows(seed=1, safety=0.62)).outcome == "not reproduced"
    with pytest.raises(ValueError, match="lack an arm"):
        claim.judge(rows()[1:])
