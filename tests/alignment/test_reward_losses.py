"""The losses by hand: values, margins, gradients, shapes, and numbers far out."""

import math

import pytest
import torch

from minillama.alignment.reward_losses import MARGINS, margins_of, ranking_loss, safety_loss


def minus_log_sigmoid(x):
    return math.log(1 + math.exp(-x))


def test_the_ranking_loss_by_hand():
    chosen, rejected = torch.tensor([1.0, 0.5, -2.0]), torch.tensor([0.0, 0.5, 1.0])
    wanted = (minus_log_sigmoid(1.0) + math.log(2) + minus_log_sigmoid(-3.0)) / 3
    assert ranking_loss(chosen, rejected).item() == pytest.approx(wanted)
    margins = torch.tensor([1.0, 1 / 3, 0.0])
    wanted = (math.log(2) + minus_log_sigmoid(-1 / 3) + minus_log_sigmoid(-3.0)) / 3
    assert ranking_loss(chosen, rejected, margins).item() == pytest.approx(wanted)
    assert ranking_loss(chosen, rejected, 2.0).item() == pytest.approx(
        sum(minus_log_sigmoid(x - 2) for x in (1.0, 0.0, -3.0)) / 3
    )


def test_a_margin_asks_for_more_not_for_less():
    scores = torch.tensor([2.0]), torch.tensor([0.0])
    losses = [ranking_loss(*scores, margin).item() for margin in (0.0, 1.0, 3.0)]
    assert losses == sorted(losses)
    assert losses[0] < losses[-1]


def test_the_gradient_raises_the_chosen_and_lowers_the_rejected():
    chosen = torch.tensor([0.3, -1.0], requires_grad=True)
    rejected = torch.tensor([0.1, 2.0], requires_grad=True)
    ranking_loss(chosen, rejected, torch.tensor([1.0, 0.0])).backward()
    # d/dr_c of -log sigmoid(r_c - r_r - m) is sigmoid(...) - 1, over the batch of 2
    by_hand = [(1 / (1 + math.exp(-x)) - 1) / 2 for x in (0.2 - 1.0, -3.0)]
    assert chosen.grad.tolist() == pytest.approx(by_hand)
    assert torch.equal(rejected.grad, -chosen.grad)


@pytest.mark.parametrize(("difference", "wanted"), [(1e4, 0.0), (-1e4, 1e4), (-200.0, 200.0)])
def test_it_is_stable_far_out(difference, wanted):
    chosen = torch.tensor([difference], requires_grad=True)
    loss = ranking_loss(chosen, torch.zeros(1))
    loss.backward()
    assert loss.item() == pytest.approx(wanted)
    assert torch.isfinite(chosen.grad).all()
    naive = -torch.log(torch.sigmoid(torch.tensor(-200.0)))
    assert not torch.isfinite(naive)  # what the obvious formula would give


@pytest.mark.parametrize(
    ("chosen", "rejected", "margin"),
    [
        (torch.zeros(3), torch.zeros(3, 1), 0.0),
        (torch.zeros(3, 1), torch.zeros(3, 1), 0.0),
        (torch.zeros(3), torch.zeros(4), 0.0),
        (torch.zeros(3), torch.zeros(3), torch.zeros(1)),
        (torch.zeros(3), torch.zeros(3), torch.tensor(1.0)),
        (torch.tensor(0.0), torch.tensor(0.0), 0.0),
        (torch.zeros(0), torch.zeros(0), 0.0),
    ],
)
def test_other_shapes_are_refused(chosen, rejected, margin):
    with pytest.raises(ValueError, match=r"\(batch,\)|empty batch"):
        ranking_loss(chosen, rejected, margin)


def test_nan_is_not_hidden():
    assert torch.isnan(ranking_loss(torch.tensor([float("nan"), 1.0]), torch.zeros(2)))


def test_the_margins_are_those_of_table_27():
    ratings = ["significantly_better", "better", "slightly_better", "negligibly_better"]
    assert [MARGINS["small"][rating] for rating in ratings] == [1, 2 / 3, 1 / 3, 0]
    assert [MARGINS["large"][rating] for rating in ratings] == [3, 2, 1, 0]
    assert [MARGINS["none"][rating] for rating in ratings] == [0, 0, 0, 0]
    assert margins_of(ratings, "large").tolist() == [3, 2, 1, 0]


def test_unknown_ratings_and_margins_are_named():
    with pytest.raises(ValueError, match="much_better"):
        margins_of(["much_better"])
    with pytest.raises(ValueError, match="huge"):
        margins_of(["better"], "huge")


def test_the_safety_loss_by_hand():
    scores = torch.tensor([2.0, -1.0, 0.0], requires_grad=True)
    loss = safety_loss(scores, torch.tensor([True, True, False]))
    wanted = (minus_log_sigmoid(2.0) + minus_log_sigmoid(-1.0) + math.log(2)) / 3
    assert loss.item() == pytest.approx(wanted)
    loss.backward()
    assert [value < 0 for value in scores.grad.tolist()] == [True, True, False]  # safe answers are to score higher


def test_the_safety_loss_sees_what_ranking_cannot():
    """A constant added to all scores changes no ranking, but what a threshold says of them."""
    chosen, rejected, safe = torch.tensor([3.0, 2.0]), torch.tensor([-1.0, 1.0]), torch.tensor([True, True])
    assert ranking_loss(chosen - 9, rejected - 9).item() == pytest.approx(ranking_loss(chosen, rejected).item())
    assert safety_loss(chosen - 9, safe) > safety_loss(chosen, safe) + 5


@pytest.mark.parametrize(
    ("scores", "safe"),
    [
        (torch.zeros(2), torch.ones(3, dtype=torch.bool)),
        (torch.zeros(0), torch.ones(0, dtype=torch.bool)),
        (torch.zeros(2, 1), torch.ones(2, 1, dtype=torch.bool)),
    ],
)
def test_the_safety_loss_refuses_other_shapes(scores, safe):
    with pytest.raises(ValueError, match=r"\(batch,\)"):
        safety_loss(scores, safe)
