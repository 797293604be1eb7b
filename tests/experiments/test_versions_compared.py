"""Figure 11's verdict, and the biased rater's order."""

import pytest

from minillama.experiments import Row
from minillama.experiments import versions_compared as figure11
from minillama.experiments._chat_samples import heldout

N = 1000


def rows(rates=(0.6, 0.65, 0.66, 0.67, 0.7), even=0.5, both=0.5, helpful=0.8, violated=0.0):
    return [
        row(arm, seed, rate, 0.5, 0.8, 0.0) for seed in (0, 1) for arm, rate in zip(("V1", "V2", "V3", "V4"), rates)
    ] + [
        each
        for seed in (0, 1)
        for each in (
            row("V5", seed, rates[-1], 0.5, helpful, violated),
            row(figure11.AGAIN, seed, even, both, 0.5, 0.3),
        )
    ]


def row(arm, seed, rate, both, helpful, violated):
    numbers = {
        "win rate, helpfulness, judge": rate,
        "win rate, helpfulness, reward model": 0.8,
        "win rate, biased rater, ours shown first": 0.9,
        "win rate, biased rater, both orders": both,
    }
    curve = {
        "helpfulness": [helpful] * N,
        "helpfulness of SFT": [0.5, 0.6] * (N // 2),
        "violations": [violated] * N,
        "violations of SFT": [0.0, 1.0] * (N // 2),
    }
    return Row(arm=arm, seed=seed, numbers=numbers, control=arm == figure11.AGAIN, curve=curve)


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"rates": (0.6, 0.5, 0.66, 0.67, 0.7)}, "not reproduced"),  # a step back
        ({"rates": (0.5, 0.5, 0.5, 0.52, 0.55)}, "not reproduced"),
        ({"helpful": 0.5}, "not reproduced"),
        ({"violated": 1.0}, "not reproduced"),
        ({"even": 0.6}, "cannot be seen at this scale"),
        ({"both": 0.6}, "cannot be seen at this scale"),
    ],
)
def test_the_verdict(changed, outcome):
    assert figure11.judge(rows(**changed)).outcome == outcome


def test_the_biased_rater_prefers_what_comes_first_and_both_orders_cure_it():
    prompts = heldout(60)
    answers = ["I do not know."] * len(prompts)
    first, both = figure11.biased_win_rates(prompts, answers, answers, seed=0)
    assert first > 0.8
    assert abs(both - 0.5) < 0.1
