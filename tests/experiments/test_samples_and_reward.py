"""Figure 7: what picking by a score is worth, and the verdict."""

import pytest
import torch

from minillama.experiments import Row
from minillama.experiments import samples_and_reward as figure7

# Four answers to each of two prompts, the last of which is the good one.
VALUES = torch.tensor([[0.0, 0.1, 0.2, 1.0]] * 2, dtype=torch.float64)


def test_the_score_picks_and_a_random_one_does_not():
    knowing = figure7.picked("x, reward model", 0, VALUES, [VALUES], (1, 4))
    random = figure7.picked(f"x, {figure7.AT_RANDOM}", 0, VALUES, figure7.random_scores(2, 4, 0), (1, 4))
    assert knowing.numbers["judge, best of 1"] == pytest.approx(0.325)
    assert knowing.numbers["judge, best of 4"] == 1
    assert knowing.curve["judge of most"] == [1, 1]
    assert abs(random.numbers["judge, best of 4"] - 0.325) < 0.2
    assert random.control
    assert not knowing.control
    # The maximum of a random score grows all the same: this is arithmetic.
    assert random.numbers["maximum rises by (deviations)"] > 0.5


def rows(training=0.2, held_out=0.2, random=0.0):
    gains = {figure7.TRAINING: training, figure7.HELD_OUT: held_out}
    by = {figure7.BY_SCORE: None, figure7.BY_LIKELIHOOD: 0.3, figure7.AT_RANDOM: random}
    return [
        row(f"{side}, {how}", seed, gain if fixed is None else fixed, how == figure7.AT_RANDOM)
        for seed in (0, 1)
        for side, gain in gains.items()
        for how, fixed in by.items()
    ]


def row(arm, seed, gain, control):
    one = [0.3, 0.5, 0.7, 0.4]
    most = [value + gain + wiggle for value, wiggle in zip(one, (0.01, -0.01, 0.0, 0.0))]
    curve = {"N": [1, 10, 100], "judge": [0.4, 0.6, 0.5], "judge of one": one, "judge of most": most}
    numbers = {"maximum rises by (deviations)": 1.0, "median moves by (deviations)": 0.0}
    return Row(arm=arm, seed=seed, numbers=numbers, control=control, curve=curve)


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"held_out": -0.1}, "not reproduced"),
        ({"training": 0.02}, "not reproduced"),
        ({"random": 0.1}, "cannot be seen at this scale"),
    ],
)
def test_the_verdict(changed, outcome):
    verdict = figure7.judge(rows(**changed))
    assert verdict.outcome == outcome
    assert "best among 10" in verdict.why
