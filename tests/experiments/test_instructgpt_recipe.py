"""InstructGPT's recipe: the verdict asks what is due to the reward models."""

import pytest

from minillama.experiments import Row
from minillama.experiments import instructgpt_recipe as recipe

N = 50


def rows(v1=0.2, two=0.1, two_harm=0.0, v1_harm=0.0):
    gains = {
        recipe.START: (0.0, 0.2),
        recipe.JOINT: (0.05, 0.1),
        recipe.TWO: (0.05 + two, 0.1 + two_harm),
        recipe.ROUND: (0.05 + v1, 0.1 + v1_harm),
        recipe.ROUNDS: (0.3, 0.0),
    }
    return [row(arm, seed, *gain) for seed in (0, 1) for arm, gain in gains.items()]


def row(arm, seed, gain, harm):
    scale = 1 + len(arm) / 50
    curve = {
        "helpfulness": [0.5 + gain + wiggle * scale for wiggle in (0.02, -0.02, 0.0, 0.01, -0.01)] * (N // 5),
        "violations": [harm + 0.001 * scale * (place % 3 - 1) for place in range(N)],
    }
    numbers = {"helpfulness": 0.5 + gain, "violations": harm}
    return Row(arm=arm, seed=seed, numbers=numbers, control=arm == recipe.TWO, curve=curve)


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"v1": 0.0}, "not reproduced"),
        ({"v1_harm": 0.1}, "not reproduced"),  # more helpful, but more harmful
        ({"two": 0.0}, "cannot be seen at this scale"),
        ({"two": 0.0, "two_harm": -0.05}, "reproduced"),  # as helpful and less harmful
    ],
)
def test_the_verdict(changed, outcome):
    assert recipe.judge(rows(**changed)).outcome == outcome
