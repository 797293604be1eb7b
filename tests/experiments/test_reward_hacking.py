"""The verdict on reward hacking: score up and judge down, prevented by the paper's means, absent in the control."""

import pytest

from minillama.experiments import Row
from minillama.experiments import reward_hacking as hacking

N = 50


def rows(score=1.0, hacked=-0.1, held=0.0, true=0.05):
    return [
        row(arm, seed, judge, score)
        for seed in (0, 1)
        for arm, judge in ((hacking.HACKED, hacked), (hacking.HELD, held), (hacking.TRUE, true))
    ]


def row(arm, seed, judge, score):
    before = [0.5, 0.9] * (N // 2)
    wiggle = [0.01, -0.01, 0.02, 0.0, -0.02] * (N // 5)
    curve = {
        "judge before": before,
        "judge": [a + judge + b for a, b in zip(before, wiggle)],
        "score before": before,
        "score": [a + score + b for a, b in zip(before, wiggle)],
    }
    return Row(arm=arm, seed=seed, numbers={"KL from its reference": 1.0}, control=arm == hacking.TRUE, curve=curve)


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"hacked": 0.0}, "not reproduced"),
        ({"hacked": 0.1}, "not reproduced"),
        ({"score": 0.0}, "not reproduced"),
        ({"held": -0.1}, "not reproduced"),  # the paper's means do not help
        ({"true": -0.1}, "cannot be seen at this scale"),  # PPO itself spoils the model
    ],
)
def test_the_verdict(changed, outcome):
    assert hacking.judge(rows(**changed)).outcome == outcome
