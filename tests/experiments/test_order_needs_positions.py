"""Order needs positions: arms, and how the claim is judged."""

from minillama.experiments import Row
from minillama.experiments.order_needs_positions import ARMS, CLAIM, TASKS, arm_name, judge


def rows(rotary, blind, rotary_largest, blind_largest, seed=0):
    names = [arm_name(arm, task) for task in TASKS for arm in ARMS]
    values = (rotary, blind, rotary_largest, blind_largest)
    return [
        Row(arm=name, seed=seed, numbers={"right": right, "best bet": 0.12}, control="largest" in name)
        for name, right in zip(names, values)
    ]


def test_the_verdict_needs_the_effect_in_every_seed_and_the_control():
    good = rows(1.0, 0.2, 1.0, 0.98)
    assert judge(good).outcome == "reproduced"
    assert judge(good + rows(1.0, 0.6, 1.0, 1.0, seed=1)).outcome == "not reproduced"
    assert judge(good + rows(0.2, 1.0, 1.0, 1.0, seed=1)).outcome == "not reproduced"
    assert judge(good + rows(1.0, 0.2, 1.0, 0.5, seed=1)).outcome == "cannot be seen at this scale"
    assert judge(good + rows(1.0, 0.2, 0.5, 1.0, seed=1)).outcome == "cannot be seen at this scale"


def test_the_best_bet_is_told():
    assert "0.20 are right, the best bet without any order is 0.12" in judge(rows(1.0, 0.2, 1.0, 0.98)).why


def test_the_claim_names_its_section():
    assert (CLAIM.chapter, CLAIM.paper, CLAIM.paper_numbers) == (5, "section 2.2", {})
