"""More demonstrations against preferences: the verdict hangs on who writes."""

import pytest

from minillama.experiments import Row, sft_alone

N = 50


def rows(v1=0.3, perfect=0.25, harm=0.0, sharpened=0.2):
    gains = {
        sft_alone.START: 0.0,
        sft_alone.ALONE: 0.0,
        sft_alone.RLHF: v1,
        sft_alone.PERFECT: perfect,
        sft_alone.SHARPENED: sharpened,
    }
    return [
        row(arm, seed, gain, harm if arm == sft_alone.RLHF else 0.1) for seed in (0, 1) for arm, gain in gains.items()
    ]


def row(arm, seed, gain, harm):
    scale = 1 + len(arm) / 50
    curve = {
        "helpfulness": [0.5 + gain + wiggle * scale for wiggle in (0.02, -0.02, 0.0, 0.01, -0.01)] * (N // 5),
        "violations": [harm + 0.001 * scale * (place % 3 - 1) for place in range(N)],
    }
    numbers = {"helpfulness": 0.5 + gain, "violations": harm, "annotations": 100}
    return Row(arm=arm, seed=seed, numbers=numbers, control=arm == sft_alone.PERFECT, curve=curve)


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"v1": 0.02}, "not reproduced"),
        ({"v1": -0.1}, "not reproduced"),
        ({"harm": 0.3}, "not reproduced"),
        ({"sharpened": 0.35, "harm": 0.1}, "cannot be seen at this scale"),  # no preferences, and as good
        ({"perfect": 0.0}, "cannot be seen at this scale"),  # better writers do not help either
    ],
)
def test_the_verdict(changed, outcome):
    assert sft_alone.judge(rows(**changed)).outcome == outcome
