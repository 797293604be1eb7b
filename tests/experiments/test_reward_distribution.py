"""Figure 20's verdict: the mean by the judge, which tail moves first by score, and the control."""

import pytest

from minillama.experiments import reward_distribution as figure20

N = 40


def rows(*, low=1.0, high=0.3, v5=0.8, again=0.0, v1_poor=4):
    """SFT has ten poor answers of forty; its scores run from 0 to 1 and move by ``low`` and ``high`` at their ends."""
    made = []
    for seed in (0, 1):
        for arm, poor, lift in (("SFT", 10, (0.0, 0.0)), ("V1", v1_poor, (low, high)), ("V4", 3, (low, high))):
            made.append(row(arm, seed, poor, lift, 0.75))
        made.append(row("V5", seed, 2, (low, high), v5))
        made.append(row(figure20.AGAIN, seed, 10, (again, again), 0.75, control=True))
        made.append(row(figure20.SHARPENED, seed, 6, (low, high), 0.75))
    return made


def row(arm, seed, poor, lift, good, control=False):
    values = [0.0] * poor + [good] * (N - poor)
    scores = [i / (N - 1) + lift[0] + (lift[1] - lift[0]) * i / (N - 1) for i in range(N)]
    return figure20.distribution(arm, seed, values, scores, control)


def test_numbers_of_a_distribution():
    numbers = row("SFT", 0, 10, (0.0, 0.0), 0.75).numbers
    assert numbers["poor answers"] == 0.25
    assert numbers["judge, mean"] == pytest.approx(0.5625)
    assert numbers["score, quantile 0.5"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"high": 1.0}, "not reproduced"),  # both tails move alike
        ({"v5": 0.5}, "not reproduced"),  # the judge's mean does not rise
        ({"low": -0.5}, "not reproduced"),
        ({"v1_poor": 10}, "not reproduced"),  # scores move, but poor answers stay
        ({"again": 0.9}, "cannot be seen at this scale"),
    ],
)
def test_the_verdict(changed, outcome):
    assert figure20.judge(rows(**changed)).outcome == outcome
