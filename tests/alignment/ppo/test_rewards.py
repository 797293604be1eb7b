"""Rewards by token: where the score stands, what the KL costs, and faults of reward models."""

import math

import pytest
import torch

from minillama.alignment.ppo import PPOSettings, kl_estimates, token_rewards
from minillama.alignment.ppo.rewards import ScoreScale

MASK = torch.tensor([[1, 1, 1], [1, 0, 0]]).bool()


def test_score_on_the_last_token_and_kl_on_all():
    k1 = torch.tensor([[0.5, -1.0, 2.0], [3.0, 9.0, 9.0]])
    rewards = token_rewards(torch.tensor([10.0, 20.0]), torch.tensor([True, False]), k1, MASK, 0.1, 4.0)
    torch.testing.assert_close(rewards, torch.tensor([[-0.05, 0.1, 9.8], [15.7, 0.0, 0.0]]))


def test_an_unfinished_answer_pays_once():
    zeros = torch.zeros(2, 3)
    rewards = token_rewards(torch.ones(2), torch.tensor([True, False]), zeros, MASK, 0.1, 4.0)
    assert rewards.sum(1).tolist() == [1.0, -3.0]


def test_an_answer_without_tokens_is_refused():
    with pytest.raises(ValueError, match="row 1 has no token"):
        token_rewards(torch.ones(2), torch.ones(2).bool(), torch.zeros(2, 2), torch.tensor([[1, 1], [0, 0]]), 0.1, 1.0)


@pytest.mark.parametrize("filling", [0.0, -50.0, math.nan])
def test_kl_over_padding_is_zero(filling):
    logprobs = torch.tensor([[-1.0, -2.0, -3.0], [-4.0, filling, filling]])
    k1, k3 = kl_estimates(logprobs, torch.full((2, 3), -2.0), MASK)
    assert k1.tolist() == [[1.0, 0.0, -1.0], [-2.0, 0.0, 0.0]]
    assert k3[1, 1:].tolist() == [0.0, 0.0]
    assert k3[0].tolist() == pytest.approx([math.exp(-1), 0.0, math.exp(1) - 2], rel=1e-5)


def test_both_estimates_have_the_kl_as_their_mean():
    policy, reference = torch.randn(2, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).log_softmax(
        -1
    )
    kl = (policy.exp() * (policy - reference)).sum()
    k1, k3 = kl_estimates(policy[None], reference[None], torch.ones(1, 6))
    for estimate in (k1, k3):
        torch.testing.assert_close((policy.exp() * estimate[0]).sum(), kl)
    assert (k3 >= 0).all()
    assert (k1 < 0).any()


def scaled(whitening, *batches):
    scale = ScoreScale(PPOSettings(whitening=whitening))
    return [scale(torch.tensor(batch)).tolist() for batch in batches]


def test_the_three_whitenings():
    batches = ([1.0, 3.0], [5.0, 13.0])
    assert scaled("none", *batches) == [[1.0, 3.0], [5.0, 13.0]]
    assert scaled("batch", *batches) == [[-1.0, 1.0], [-1.0, 1.0]]
    assert scaled("first", *batches) == [[-1.0, 1.0], [3.0, 11.0]]


@pytest.mark.parametrize("whitening", ["batch", "first"])
def test_a_constant_reward_model_gives_zeros(whitening):
    assert scaled(whitening, [0.1, 0.1, 0.1], [0.1, 0.1, 0.1]) == [[0.0] * 3] * 2


@pytest.mark.parametrize("whitening", ["batch", "first", "none"])
@pytest.mark.parametrize("bad", [math.nan, -math.inf])
def test_scores_that_are_no_numbers_name_their_row(whitening, bad):
    with pytest.raises(ValueError, match=f"row 1 is {bad}"):
        scaled(whitening, [0.0, bad, 1.0])
