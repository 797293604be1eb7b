"""The verdict on beta: the KL must fall, some penalty must help the judge, and the control must be unharmed."""

import pytest

from minillama.experiments import Row
from minillama.experiments import kl_weight as weight

N = 50


def rows(kls=(4.0, 2.0, 0.5), judged=(0.6, 0.7, 0.68), true=0.0):
    arms = [*zip([weight.arm_of(beta) for beta in weight.BETAS], kls, judged), (weight.TRUE, 3.0, 0.65 + true)]
    return [row(arm, seed, kl, value) for seed in (0, 1) for arm, kl, value in arms]


def row(arm, seed, kl, value):
    wiggle = [0.01, -0.01, 0.02, 0.0, -0.02] * (N // 5)
    values = [value + part * (seed + 1) for part in wiggle]
    return Row(
        arm=arm,
        seed=seed,
        control=arm == weight.TRUE,
        numbers={"KL from its reference": kl, "score": 1.0, "judge": value, "score before": 0.5, "judge before": 0.65},
        curve={"judge": values, "judge before": [0.65] * N},
    )


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"kls": (4.0, 5.0, 0.5)}, "not reproduced"),
        ({"kls": (4.0, 3.0, 2.5)}, "not reproduced"),  # the penalty holds nothing
        ({"judged": (0.7, 0.6, 0.65)}, "not reproduced"),
        ({"judged": (0.7, 0.7, 0.7)}, "not reproduced"),
        ({"true": -0.2}, "cannot be seen at this scale"),
    ],
)
def test_the_verdict(changed, outcome):
    assert weight.judge(rows(**changed)).outcome == outcome
