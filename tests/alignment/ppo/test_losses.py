"""The clipped losses: values and gradients by hand, inside the clip and outside."""

import math

import pytest
import torch

from minillama.alignment.ppo import clip_fraction, policy_loss, value_loss

ONE = torch.ones(1)


def policy_gradient(ratio, advantage, clip=0.2):
    logprob = torch.tensor([math.log(ratio)], dtype=torch.float64, requires_grad=True)
    zero = torch.zeros(1, dtype=torch.float64)
    loss = policy_loss(logprob, zero, torch.tensor([advantage], dtype=torch.float64), ONE, clip)
    return loss.item(), torch.autograd.grad(loss, logprob)[0].item()


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "gradient"),
    [
        (1.0, 2.0, -2.0, -2.0),
        (1.1, 2.0, -2.2, -2.2),
        (0.9, -2.0, 1.8, 1.8),
        (1.5, 2.0, -2.4, 0.0),  # gone far enough up
        (0.5, -2.0, 1.6, 0.0),  # gone far enough down
        (1.5, -2.0, 3.0, 3.0),  # moved the wrong way: no clip stops the way back
        (0.5, 2.0, -1.0, -1.0),
    ],
)
def test_policy_loss_and_gradient_by_hand(ratio, advantage, loss, gradient):
    assert policy_gradient(ratio, advantage) == pytest.approx((loss, gradient))


def value_gradient(value, old, target, clip=0.2):
    new = torch.tensor([value], dtype=torch.float64, requires_grad=True)
    loss = value_loss(
        new, torch.tensor([old], dtype=torch.float64), torch.tensor([target], dtype=torch.float64), ONE, clip
    )
    return loss.item(), torch.autograd.grad(loss, new)[0].item()


@pytest.mark.parametrize(
    ("value", "old", "target", "loss", "gradient"),
    [
        (0.1, 0.0, 1.0, 0.405, -0.9),
        (0.5, 0.0, 1.0, 0.32, 0.0),  # towards the target by more than the clip: counted as if it stood at 0.2
        (-0.5, 0.0, 1.0, 1.125, -1.5),  # away from it
        (1.5, 0.0, 0.1, 0.98, 1.4),  # past it
    ],
)
def test_value_loss_and_gradient_by_hand(value, old, target, loss, gradient):
    assert value_gradient(value, old, target) == pytest.approx((loss, gradient))


@pytest.mark.parametrize("loss", [policy_loss, value_loss])
@pytest.mark.parametrize("filling", [0.0, 50.0, math.nan])
def test_means_over_the_mask_whatever_the_filling(loss, filling):
    parts = [torch.randn(2, 3) for _ in range(3)]
    mask = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 0]])
    padded = [torch.nn.functional.pad(part, (0, 1), value=filling).masked_fill(mask == 0, filling) for part in parts]
    padded[0].requires_grad_()
    result = loss(*padded, mask, 0.2)
    rows = [
        loss(*(part[row, :length][None] for part in parts), torch.ones(1, length), 0.2)
        for row, length in ((0, 2), (1, 3))
    ]
    assert result.item() == pytest.approx((2 * rows[0].item() + 3 * rows[1].item()) / 5, rel=1e-5)
    gradient = torch.autograd.grad(result, padded[0])[0]
    assert gradient[mask == 0].tolist() == [0.0, 0.0, 0.0]
    assert torch.isfinite(gradient).all()


def test_clip_fraction_counts_both_sides():
    new = torch.tensor([[1.5, 0.5, 1.1, 1.0, 9.0]]).log()
    assert clip_fraction(new, torch.zeros(1, 5), torch.tensor([[1, 1, 1, 1, 0]]), 0.2) == 0.5


def test_faults_are_named():
    zeros = torch.zeros(2, 3)
    with pytest.raises(ValueError, match="no token"):
        policy_loss(zeros, zeros, zeros, zeros, 0.2)
    with pytest.raises(ValueError, match="clip is 0"):
        value_loss(zeros, zeros, zeros, zeros + 1, 0.0)
