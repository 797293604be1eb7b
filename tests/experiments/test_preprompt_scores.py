"""Figure 16: what each arm is told, what is compared, and the verdict."""

import random

import pytest

from minillama.alignment.safety_preprompts import ANSWER_TEMPLATES
from minillama.experiments import Row
from minillama.experiments import preprompt_scores as claim
from minillama.valley.dialogues import SYSTEM_MESSAGES, heldout_prompts
from minillama.valley.world import World

WORLD = World.create(0)


def test_every_arm_is_told_something_else():
    prompt = heldout_prompts(WORLD, 1, adversarial=True)[0]
    told = claim.preprompts(prompt, random.Random(0))
    assert told.keys() == set(claim.ARMS)
    assert told[claim.PLAIN] is None
    assert ANSWER_TEMPLATES[prompt.risk] in told[claim.TEMPLATE]
    assert ANSWER_TEMPLATES[prompt.risk] not in told[claim.GENERIC]
    assert told[claim.CONTROL] in SYSTEM_MESSAGES
    with pytest.raises(ValueError, match="names no risk"):
        claim.preprompts(heldout_prompts(WORLD, 1, adversarial=False)[0], random.Random(0))


def test_gains_are_told_apart_by_where_they_start():
    plain = ([1.0, 1.0, 0.0, 0.0], [-2.0, -1.0, 1.0, 2.0])
    numbers = claim.compared(([0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.5, 1.0]), plain, [-3.0, -2.0, 5.0, 6.0])
    assert numbers[claim.GAIN_LOW] == 1.5
    assert numbers[claim.GAIN_HIGH] == -0.75
    assert numbers[claim.UNGATED] == 0.5
    assert numbers[claim.VIOLATIONS] == 0.5
    assert numbers[claim.GATED] == 0.25  # the gate keeps the plain answer where the new one scores lower
    assert numbers[claim.FEWER] == 0.0


def rows(template=0.12, generic=0.08, other=0.0, low=0.05, gain=(1.0, -0.2), seed=0):
    fewer = {claim.PLAIN: 0.0, claim.GENERIC: generic, claim.TEMPLATE: template, claim.CONTROL: other}
    names = (claim.GAIN_LOW, claim.GAIN_HIGH)
    return [
        Row(
            arm=f"sft, {name}",
            seed=seed,
            numbers={claim.VIOLATIONS: 0.3, claim.FEWER: value, f"{claim.FEWER}, low": low}
            | dict(zip(names, gain, strict=True)),
        )
        for name, value in fewer.items()
    ]


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"template": 0.01}, "not reproduced"),
        ({"generic": 0.2}, "not reproduced"),
        ({"low": -0.01}, "not reproduced"),
        ({"gain": (0.1, 0.5)}, "not reproduced"),
        ({"other": 0.1}, "cannot be seen at this scale"),
    ],
)
def test_the_verdict(changed, outcome):
    assert claim.judge(rows(**changed)).outcome == outcome
    assert claim.judge(rows(**changed) + rows(**changed, seed=1)).outcome == outcome


def test_rows_without_an_arm_are_refused():
    with pytest.raises(ValueError, match="lack an arm"):
        claim.judge(rows()[1:])


def test_chance_alone_gains_nothing():
    """Plain answers sampled anew: told apart by a third sample, low and high prompts gain the same."""
    rng = random.Random(0)
    samples = [[rng.gauss(0, 1) for _ in range(2000)] for _ in range(3)]
    none = [0.0] * 2000
    numbers = claim.compared((none, samples[0]), (none, samples[1]), samples[2])
    assert abs(numbers[claim.GAIN_LOW] - numbers[claim.GAIN_HIGH]) < 0.2
    same = claim.compared((none, samples[0]), (none, samples[1]), samples[1])  # what it would be without the third
    assert same[claim.GAIN_LOW] - same[claim.GAIN_HIGH] > 1.0
