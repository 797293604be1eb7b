"""Unseen kinds of constraint: what is kept by chance, and the verdict."""

import pytest

from minillama.alignment.gatt_data import InstructedDialog
from minillama.alignment.gatt_evaluation import ThreeLines
from minillama.experiments import Row
from minillama.experiments import unseen_constraints as claim


def test_chance_is_the_share_of_uninstructed_answers_that_keep_the_rule():
    plan = InstructedDialog(instruction="x", system="x", questions=("a?", "b?"), rules=(ThreeLines(),))
    numbers = claim.by_chance([plan, plan], [["one\ntwo\nthree", "one"], ["one", "two"]], ", y")
    assert numbers == {f"turn {turn}, y": 0.25 for turn in claim.TURNS}
    assert claim.by_chance([plan], [[]], ", y")["turn 1, y"] == 0.0


def rows(unseen=0.7, chance=0.0, seed=0):
    def numbers(share):
        return {f"turn {turn}{sort}": share for turn in claim.TURNS for sort in (claim.KNOWN, claim.HELD_OUT)}

    def whole(share):
        return numbers(0.5) | {f"turn {turn}{claim.UNSEEN}": share for turn in claim.TURNS}

    return [
        Row(arm=claim.BASELINE, seed=seed, numbers=whole(0.2)),
        Row(arm=claim.GATT, seed=seed, numbers=whole(unseen)),
        Row(arm=claim.CONTROL, seed=seed, numbers=whole(chance), control=True),
    ]


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [({}, "reproduced"), ({"unseen": 0.1}, "not reproduced"), ({"chance": 0.6}, "cannot be seen at this scale")],
)
def test_the_verdict_needs_every_seed(changed, outcome):
    assert claim.judge(rows(**changed)).outcome == outcome
    assert claim.judge(rows() + rows(**changed, seed=1)).outcome == outcome


def test_rows_without_the_control_are_refused():
    with pytest.raises(ValueError, match="lack an arm"):
        claim.judge(rows()[:2])
