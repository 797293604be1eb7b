"""Generalised advantage estimation against a calculation by hand and a plain double loop."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minillama.alignment.ppo import estimate_advantages, explained_variance


def by_double_loop(rewards, values, length, gamma, lam):
    """The definition: A[t] = sum over k of (gamma lam)^k delta[t + k]."""
    following = [*values[1:length], 0.0]
    deltas = [rewards[t] + gamma * following[t] - values[t] for t in range(length)]
    return [sum((gamma * lam) ** (k - t) * deltas[k] for k in range(t, length)) for t in range(length)]


def test_three_steps_by_hand():
    """gamma 0.5, lambda 0.5: deltas 1 + 1 - 1 = 1, 0 + 1.5 - 2 = -0.5, 4 - 3 = 1; A = 0.9375, -0.25, 1."""
    advantages, returns = estimate_advantages(
        torch.tensor([[1.0, 0.0, 4.0]]), torch.tensor([[1.0, 2.0, 3.0]]), torch.ones(1, 3), 0.5, 0.5
    )
    assert advantages.tolist() == [[0.9375, -0.25, 1.0]]
    assert returns.tolist() == [[1.9375, 1.75, 4.0]]


@settings(deadline=None, max_examples=60)
@given(st.data(), st.floats(0, 1), st.floats(0, 1))
def test_agrees_with_a_double_loop(data, gamma, lam):
    time = data.draw(st.integers(1, 7))
    numbers = st.lists(st.floats(-5, 5), min_size=time, max_size=time)
    batch = data.draw(st.integers(1, 3))
    rewards, values = ([data.draw(numbers) for _ in range(batch)] for _ in range(2))
    lengths = [data.draw(st.integers(0, time)) for _ in range(batch)]
    mask = torch.arange(time) < torch.tensor(lengths)[:, None]
    advantages, returns = estimate_advantages(
        torch.tensor(rewards, dtype=torch.float64), torch.tensor(values, dtype=torch.float64), mask, gamma, lam
    )
    for row, length in enumerate(lengths):
        expected = by_double_loop(rewards[row], values[row], length, gamma, lam) + [0.0] * (time - length)
        assert advantages[row].tolist() == pytest.approx(expected, abs=1e-9)
        expected_returns = [a + v for a, v in zip(expected[:length], values[row])] + [0.0] * (time - length)
        assert returns[row].tolist() == pytest.approx(expected_returns, abs=1e-9)


@pytest.mark.parametrize("filling", [0.0, 99.0, math.nan, math.inf])
@pytest.mark.parametrize("left", [0, 2])
def test_padding_on_either_side_changes_nothing(filling, left):
    rewards, values = torch.tensor([[0.1, -0.2, 1.0]]), torch.tensor([[0.3, 0.4, 0.5]])
    alone = estimate_advantages(rewards, values, torch.ones(1, 3), 0.9, 0.8)

    def pad(part, value):
        return torch.nn.functional.pad(part, (left, 4), value=value)

    padded = estimate_advantages(pad(rewards, filling), pad(values, filling), pad(torch.ones(1, 3), 0), 0.9, 0.8)
    for one, other in zip(alone, padded):
        torch.testing.assert_close(pad(one, 0), other)


def test_a_mask_left_out_would_show():
    """The break: with the filling taken for tokens, the value behind the end leaks into the answer."""
    rewards, values = torch.tensor([[0.0, 1.0, 0.0]]), torch.tensor([[0.5, 0.5, 7.0]])
    right, _ = estimate_advantages(rewards, values, torch.tensor([[1, 1, 0]]), 1.0, 1.0)
    wrong, _ = estimate_advantages(rewards, values, torch.ones(1, 3), 1.0, 0.95)
    assert right[0, :2].tolist() == [0.5, 0.5]
    assert (wrong - right).abs()[0, :2].min() > 0.1


def test_lambda_1_makes_returns_the_sum_of_what_follows():
    rewards, values = torch.randn(2, 5), torch.randn(2, 5)
    _, returns = estimate_advantages(rewards, values, torch.ones(2, 5), 1.0, 1.0)
    torch.testing.assert_close(returns, rewards.flip(1).cumsum(1).flip(1))


def test_explained_variance():
    returns, mask = torch.tensor([[1.0, 3.0, 99.0]]), torch.tensor([[1, 1, 0]])
    assert explained_variance(returns, returns, mask) == pytest.approx(1)
    assert explained_variance(torch.full((1, 3), 2.0), returns, mask) == pytest.approx(0)
    assert explained_variance(torch.tensor([[3.0, 1.0, 0.0]]), returns, mask) == pytest.approx(-3)
    assert explained_variance(torch.ones(1, 3), torch.ones(1, 3), mask) == 0.0
