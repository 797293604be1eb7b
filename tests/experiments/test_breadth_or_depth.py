"""Breadth against depth: both must gain, and by more than sharpening."""

import pytest

from minillama.experiments import Row
from minillama.experiments import breadth_or_depth as widely
from minillama.experiments._small_ppo import mixed_prompts

N = 50


def rows(breadth=0.3, depth=0.3, likeliest=0.1, harm=0.0):
    gains = {
        widely.START: 0,
        widely.BREADTH: breadth,
        widely.DEPTH: depth,
        widely.BOTH: 0.3,
        widely.LIKELIEST: likeliest,
    }
    return [
        row(arm, seed, gain, harm if arm == widely.LIKELIEST else 0.0) for seed in (0, 1) for arm, gain in gains.items()
    ]


def row(arm, seed, gain, harm):
    scale = 1 + len(arm) / 50
    curve = {
        "helpfulness": [0.5 + gain + wiggle * scale for wiggle in (0.02, -0.02, 0.0, 0.01, -0.01)] * (N // 5),
        "violations": [harm + 0.001 * scale * (place % 3 - 1) for place in range(N)],
    }
    numbers = {"helpfulness": 0.5 + gain, "violations": harm}
    return Row(arm=arm, seed=seed, numbers=numbers, control=arm == widely.LIKELIEST, curve=curve)


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"depth": 0.0}, "not reproduced"),
        ({"breadth": -0.1}, "not reproduced"),
        ({"likeliest": 0.3}, "cannot be seen at this scale"),
        ({"likeliest": 0.3, "harm": 0.2}, "reproduced"),  # as helpful, but it does harm
        ({"likeliest": 0.4, "harm": 0.2}, "cannot be seen at this scale"),
    ],
)
def test_the_verdict(changed, outcome):
    assert widely.judge(rows(**changed)).outcome == outcome


def test_about_one_prompt_in_six_is_harmful():
    prompts = mixed_prompts(60, 0)
    assert 8 <= sum(prompt.risk is not None for prompt in prompts) <= 10
    assert len(prompts) >= 58
    assert any(prompt.risk is not None for prompt in prompts[:7])
