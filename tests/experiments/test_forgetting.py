"""Forgetting: what the last round lacks must be lost with it, and with it alone."""

import pytest

from minillama.experiments import Row, forgetting

N = 50


def rows(last=-0.2, complete=0.0):
    gains = {forgetting.START: 0.0, forgetting.LAST: last, forgetting.ALL: 0.0, forgetting.COMPLETE: complete}
    return [row(arm, seed, gain) for seed in (0, 1) for arm, gain in gains.items()]


def row(arm, seed, gain):
    values = [0.7 + gain + wiggle * (1 + (arm == forgetting.ALL)) for wiggle in (0.02, -0.02, 0.0, 0.01, -0.01)] * 10
    numbers = {"absent": 0.7 + gain, "present": 0.7, "extended": 0.1}
    curve = {"absent": values, "present": values}
    return Row(arm=arm, seed=seed, numbers=numbers, control=arm == forgetting.COMPLETE, curve=curve)


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"last": 0.0}, "not reproduced"),
        ({"last": -0.03}, "not reproduced"),
        ({"last": 0.1}, "not reproduced"),
        ({"complete": -0.2}, "cannot be seen at this scale"),
    ],
)
def test_the_verdict(changed, outcome):
    assert forgetting.judge(rows(**changed)).outcome == outcome


def test_the_last_round_lacks_what_is_measured():
    assert not set(forgetting.PRESENT) & set(forgetting.ABSENT)


def test_the_order_of_prompts_hangs_on_the_prompt_alone():
    prompts = [(1, 2, 3), (4, 5), (6,)]
    other = [(6,), (1, 2, 3), (4, 5)]
    assert sorted(prompts, key=forgetting.hash_of) == sorted(other, key=forgetting.hash_of)
