import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minillama.training import TrainSettings, learning_rate


def rates(**settings):
    made = TrainSettings(**settings)
    return [learning_rate(step, made) for step in range(1, made.steps + 1)]


def test_a_cosine_by_hand():
    found = rates(steps=6, peak_lr=1.0, warmup_steps=2, min_lr_ratio=0.1)
    by_hand = [0.5, 1.0, *(0.1 + 0.45 * (1 + math.cos(math.pi * k / 4)) for k in (1, 2, 3, 4))]
    assert found == pytest.approx(by_hand)
    assert found[3] == pytest.approx(0.55)
    assert found[-1] == pytest.approx(0.1)


def test_constant_stays_at_the_peak_after_the_warm_up():
    assert rates(steps=5, peak_lr=2.0, warmup_steps=2, schedule="constant") == [1.0, 2.0, 2.0, 2.0, 2.0]


def test_without_warm_up_the_first_step_is_the_peak():
    assert rates(steps=3, peak_lr=1.0)[0] == 1.0


@given(steps=st.integers(1, 200), share=st.floats(0, 1), ratio=st.floats(0, 1), peak=st.floats(1e-6, 1.0))
@settings(deadline=None)
def test_rises_to_the_peak_once_and_falls_to_the_floor(steps, share, ratio, peak):
    warmup = int(share * steps)
    found = rates(steps=steps, peak_lr=peak, warmup_steps=warmup, min_lr_ratio=ratio)
    top = max(warmup, 1) - 1
    assert found[top] == pytest.approx(peak)
    assert all(a < b for a, b in pairwise(found[: top + 1]))
    assert all(a >= b - 1e-15 for a, b in pairwise(found[top:]))
    if warmup < steps - 1:
        assert found[-1] == pytest.approx(ratio * peak)


@pytest.mark.parametrize("step", [0, 11])
def test_a_step_outside_the_run_is_refused(step):
    with pytest.raises(ValueError, match=f"step is {step}"):
        learning_rate(step, TrainSettings(steps=10, peak_lr=1.0))
