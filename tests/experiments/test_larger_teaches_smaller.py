"""The larger model samples, the smaller learns: the cut, and the verdict."""

import pytest
import torch

from minillama.experiments import Row
from minillama.experiments import larger_teaches_smaller as teaching
from minillama.model import ModelArgs, Transformer


def test_the_smaller_model_lacks_the_last_layer_but_one():
    torch.manual_seed(0)
    model = Transformer(ModelArgs(dim=16, n_layers=4, n_heads=2, vocab_size=32, max_seq_len=16))
    small = teaching.cut_down(model)
    assert small.args.n_layers == 3
    ours, theirs = small.state_dict(), model.state_dict()
    for here, there in ((0, 0), (1, 1), (2, 3)):
        for name in ("attention.wq.weight", "feed_forward.w1.weight", "ffn_norm.weight"):
            assert torch.equal(ours[f"layers.{here}.{name}"], theirs[f"layers.{there}.{name}"])
    assert torch.equal(ours["output.weight"], theirs["output.weight"])
    assert small(torch.tensor([[1, 5, 6]])).shape == (1, 3, 32)


def rows(taught=0.1, again=0.0):
    gains = {
        teaching.LARGER: 0.3,
        teaching.SMALLER: -0.1,
        teaching.FROM_ITSELF: 0.0,
        teaching.FROM_LARGER: taught,
        teaching.AGAIN: again,
        teaching.DISTILLED: 0.1,
    }
    return [row(arm, seed, gain) for seed in (0, 1) for arm, gain in gains.items()]


def row(arm, seed, gain):
    scale = 1 + len(arm) / 50
    values = [0.5 + gain + wiggle * scale for wiggle in (0.02, -0.02, 0.0, 0.01, -0.01)] * 10
    numbers = {"helpfulness": 0.5 + gain}
    return Row(arm=arm, seed=seed, numbers=numbers, control=arm == teaching.AGAIN, curve={"helpfulness": values})


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"taught": 0.0}, "not reproduced"),
        ({"taught": -0.1}, "not reproduced"),
        ({"again": 0.1}, "cannot be seen at this scale"),
    ],
)
def test_the_verdict(changed, outcome):
    assert teaching.judge(rows(**changed)).outcome == outcome
