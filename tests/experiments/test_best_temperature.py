"""Figure 8: what heat adds to the best of N, and the verdict."""

import pytest

from minillama.experiments import best_temperature as figure8

NS = (1, 10, 100)
PROMPTS = 6


def row(arm, seed, score_gain, judge_gain, single=-0.2):
    """A model whose best of many gains so much from the low to the high temperature."""

    def at(gain):
        wiggle = [0.01 * ((place + seed) % 3 - 1) for place in range(PROMPTS)]
        return [[0.5 + part + each for each in wiggle] for part in (single if gain else 0.0, gain, gain)]

    low = ([[0.5] * PROMPTS for _ in NS], [[0.5] * PROMPTS for _ in NS])
    return figure8.summed_up(arm, seed, NS, {figure8.LOW: low, figure8.HIGH: (at(score_gain), at(judge_gain))})


def rows(*, score=0.5, judge=0.2, again=0.1, single=-0.2):
    return [
        each
        for seed in (0, 1)
        for each in (
            row(figure8.BEFORE, seed, 0.1, 0.05, single),
            row(figure8.AFTER, seed, score, judge, single),
            row(figure8.AGAIN, seed, again, 0.05, single),
        )
    ]


def test_a_row_names_the_best_temperature_of_every_number():
    numbers = row(figure8.AFTER, 0, 0.5, -0.1).numbers
    assert numbers["best temperature of 1"] == figure8.LOW
    assert numbers["best temperature of 100"] == figure8.HIGH
    assert numbers["best temperature of 100 by the judge"] == figure8.LOW
    curve = row(figure8.AFTER, 0, 0.5, -0.1).curve
    assert sum(curve["score, many"]) / PROMPTS == pytest.approx(0.5, abs=0.02)
    assert sum(curve["judge, one"]) < 0


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"score": 0.1}, "not reproduced"),
        ({"judge": -0.2}, "not reproduced"),  # the reward model alone likes it
        ({"again": 0.5}, "cannot be seen at this scale"),
        ({"single": 0.2}, "cannot be seen at this scale"),
    ],
)
def test_the_verdict(changed, outcome):
    assert figure8.judge(rows(**changed)).outcome == outcome
