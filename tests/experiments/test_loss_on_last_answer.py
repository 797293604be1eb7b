"""Loss on the last answer or on all: what training dialogues obey, and the verdict."""

import pytest

from minillama.alignment.gatt_data import InstructedDialog
from minillama.alignment.ghost_attention import SampledDialog
from minillama.experiments import Row
from minillama.experiments import loss_on_last_answer as claim


class Loud:
    def obeyed_by(self, prompt, answer):
        return None if prompt == "hush?" else answer.isupper()


def test_earlier_and_last_answers_are_counted_apart():
    plan = InstructedDialog(instruction="Shout.", system="Shout.", questions=("a?", "hush?", "c?"), rules=(Loud(),))
    sampled = [SampledDialog(plan, ("A", "b", "C")), SampledDialog(plan, ("a", "b", "C"))]
    assert claim.earlier_obey(sampled) == {"earlier answers that obey": 0.5, "last answers that obey": 1.0}


def rows(plain=(0.8, 0.3), instructed=(0.85, 0.9), seed=0):
    found = {("plain", "last"): plain[0], ("plain", "all"): plain[1]}
    found |= {("instructed", "last"): instructed[0], ("instructed", "all"): instructed[1]}
    return [
        Row(arm=claim.arm(history, loss), seed=seed, numbers={claim.LAST: share}, control=history == "instructed")
        for (history, loss), share in found.items()
    ]


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"plain": (0.5, 0.45)}, "not reproduced"),
        ({"plain": (0.3, 0.8)}, "not reproduced"),
        ({"instructed": (0.9, 0.5)}, "cannot be seen at this scale"),
        ({"instructed": (0.5, 0.9)}, "reproduced"),
    ],
)
def test_the_verdict_needs_every_seed(changed, outcome):
    assert claim.judge(rows(**changed)).outcome == outcome
    assert claim.judge(rows() + rows(**changed, seed=1)).outcome == outcome


def test_rows_without_an_arm_are_refused():
    with pytest.raises(ValueError, match="lack an arm"):
        claim.judge(rows()[1:])
