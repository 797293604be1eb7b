"""The experiment on feed-forward layers: equal weights, equal starts elsewhere, and how it is judged."""

import pytest
import torch

from minillama.experiments import Row, gated_feed_forward
from minillama.experiments._small_text import Run
from minillama.experiments.gated_feed_forward import (
    CLAIM,
    FEED_FORWARDS,
    GATED,
    GELU,
    PLAIN,
    RELU,
    SHAPE,
    SHUFFLED,
    SWIGLU,
    WIDE,
    GatedFeedForward,
    PlainFeedForward,
    build,
    judge,
    measure,
)
from minillama.model import ModelArgs
from minillama.model.feed_forward import FeedForward


def weights(model):
    return sum(p.numel() for p in model.layers[0].feed_forward.parameters())


def test_the_three_arms_have_equally_many_weights_and_the_fourth_half_as_many_again():
    assert 3 * GATED == 2 * PLAIN
    count = weights(build(SWIGLU, 0))
    assert weights(build(GELU, 0)) == weights(build(RELU, 0)) == count
    assert 2 * weights(build(WIDE, 0)) == 3 * count


def test_the_gated_layer_is_the_packages():
    args = ModelArgs(dim=24, n_layers=1, n_heads=2, multiple_of=16)
    theirs, ours = FeedForward(args), GatedFeedForward(24, args.ffn_hidden_dim)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(7, 24)
    torch.testing.assert_close(ours(x), theirs(x))


def test_the_plain_layer_by_hand():
    layer = PlainFeedForward(2, 2, torch.relu)
    with torch.no_grad():
        layer.w1.weight.copy_(torch.eye(2))
        layer.w2.weight.copy_(torch.tensor([[1.0, 1.0], [0.0, 2.0]]))
    assert layer(torch.tensor([[3.0, -4.0], [3.0, 4.0]])).tolist() == [[3.0, 0.0], [7.0, 8.0]]


@pytest.mark.parametrize("arm", list(FEED_FORWARDS))
def test_all_else_starts_the_same(arm):
    first, other = build(SWIGLU, 5).state_dict(), build(arm, 5).state_dict()
    for name, value in first.items():
        if "feed_forward" not in name:
            assert torch.equal(value, other[name])


@pytest.mark.parametrize("arm", list(FEED_FORWARDS))
def test_what_a_fresh_layer_writes_is_small(arm):
    layer = build(arm, 0).layers[0].feed_forward
    assert 0.001 < layer(torch.randn(500, SHAPE.dim)).std() < 0.3


def test_an_unknown_arm_is_refused():
    with pytest.raises(ValueError, match="tanh"):
        build("tanh", 0)


def test_every_arm_counts_at_its_best_rate(monkeypatch):
    ends = {1e-2: 3.0, 2e-2: 2.5, 4e-2: 6.0}

    def pretend(model, tokens, held_out, run, seed, name, on_loss):
        on_loss(run.peak_lr)
        return ends[run.peak_lr]

    monkeypatch.setattr(gated_feed_forward, "held_out_loss_after", pretend)
    nothing = torch.zeros(1, dtype=torch.long)
    row = measure(RELU, 0, [Run(steps=1, peak_lr=rate) for rate in ends], nothing, nothing, control=False)
    assert (row.numbers["held-out loss"], row.numbers["best peak rate"]) == (2.5, 2e-2)
    assert row.curve == {"training loss": [2e-2]}


def test_the_three_that_are_judged_see_all_rates_and_the_others_the_middle_one(monkeypatch):
    seen = {}

    def pretend(model, tokens, held_out, run, seed, name, on_loss):
        seen.setdefault(name, []).append((run.peak_lr, bool((tokens.diff() == 1).all())))
        return 3.0

    monkeypatch.setattr(gated_feed_forward, "held_out_loss_after", pretend)
    monkeypatch.setattr(gated_feed_forward, "token_streams", lambda seed, characters: (torch.arange(99),) * 2)
    measured = gated_feed_forward.run(1, False)
    assert [row.control for row in measured] == [False] * 4 + [True] * 3
    for name, runs in seen.items():
        rates = (1e-2, 2e-2, 4e-2) if name in (SWIGLU, GELU, RELU) else (2e-2,)
        assert runs == [(rate, SHUFFLED not in name) for rate in rates]


def rows(swiglu, gelu, relu, shuffled=(5.0, 5.0, 5.0), seed=0):
    arms = (SWIGLU, GELU, RELU)
    plain = [Row(arm=a, seed=seed, numbers={"held-out loss": v}) for a, v in zip(arms, (swiglu, gelu, relu))]
    return plain + [
        Row(arm=a + SHUFFLED, seed=seed, numbers={"held-out loss": v}, control=True) for a, v in zip(arms, shuffled)
    ]


def test_the_verdict_needs_every_seed_enough_gain_and_the_control():
    good = rows(2.0, 2.05, 2.06)
    assert judge(good).outcome == "reproduced"
    ahead, behind = rows(2.0, 2.05, 2.06, seed=1), rows(2.06, 2.05, 2.07, seed=2)
    assert judge(ahead).outcome == "reproduced"
    assert judge(ahead + behind).outcome == "cannot be seen at this scale"
    assert judge(rows(2.0, 2.005, 2.06)).outcome == "cannot be seen at this scale"
    assert judge(rows(2.0, 2.05, 2.06, shuffled=(5.0, 5.04, 5.0))).outcome == "cannot be seen at this scale"
    assert judge(rows(2.06, 2.0, 2.01)).outcome == "not reproduced"
    with pytest.raises(ValueError, match="GELU"):
        judge([row for row in good if row.arm != GELU])


def test_the_seed_of_the_trials_does_not_judge():
    lost = rows(2.06, 2.0, 2.01)
    assert judge(lost + rows(2.0, 2.05, 2.06, seed=1)).outcome == "reproduced"


def test_the_claim_names_its_section():
    assert (CLAIM.chapter, CLAIM.paper, CLAIM.paper_numbers) == (4, "section 2.2", {})
