"""The experiment on norms: which models are compared, from which weights, and how it is judged."""

import pytest
import torch
from torch import nn

from minillama.experiments import Row, norm_or_none
from minillama.experiments.norm_or_none import (
    ARMS,
    CLAIM,
    LAYER,
    LOW,
    NONE,
    POST,
    RMS,
    SHAPE,
    PostNormBlock,
    build,
    judge,
)
from minillama.model import ModelArgs
from minillama.model.rms_norm import RMSNorm

TINY = ModelArgs(dim=16, n_layers=2, n_heads=2, vocab_size=512, multiple_of=16, max_seq_len=32)


def matrices(model):
    return {name: p for name, p in model.named_parameters() if p.ndim >= 2}


@pytest.mark.parametrize("arm", ARMS)
def test_all_arms_start_from_the_same_matrices(arm):
    first, other = matrices(build(RMS, TINY, 3)), matrices(build(arm, TINY, 3))
    assert first.keys() == other.keys()
    assert all(torch.equal(first[name], other[name]) for name in first)


def test_each_arm_has_its_norms_everywhere():
    for arm, kind, count in ((RMS, RMSNorm, 5), (POST, RMSNorm, 5), (LAYER, nn.LayerNorm, 5), (NONE, RMSNorm, 0)):
        assert sum(isinstance(module, kind) for module in build(arm, TINY, 0).modules()) == count
    assert all(isinstance(block, PostNormBlock) for block in build(POST, TINY, 0).layers)


def test_the_stream_of_post_norm_has_size_one_after_every_sum():
    model, sizes = build(POST, TINY, 0), []
    model.tok_embeddings.weight.data *= 3
    for block in model.layers:
        block.feed_forward.register_forward_pre_hook(lambda _, inputs: sizes.append(size(inputs[0])))
        block.register_forward_hook(lambda _, inputs, out: sizes.append(size(out)))
    model(torch.arange(20)[None])
    assert sizes == pytest.approx([1.0] * 4, abs=1e-3)


def size(x):
    return x.square().mean().sqrt().item()


def test_without_norms_what_goes_in_decides_how_large_it_comes_out():
    for arm, grows in ((RMS, False), (LAYER, False), (NONE, True)):
        model = build(arm, TINY, 0)
        before = model(torch.arange(20)[None]).std()
        model.tok_embeddings.weight.data *= 30
        assert (model(torch.arange(20)[None]).std() > 5 * before) == grows


def test_an_unknown_arm_is_refused():
    with pytest.raises(ValueError, match="GroupNorm"):
        build("GroupNorm", TINY, 0)


def test_a_run_measures_every_arm_at_both_rates(monkeypatch):
    rates = []

    def pretend(model, tokens, held_out, run, seed, name, on_loss):
        rates.append((name, run.peak_lr))
        return 3.0

    monkeypatch.setattr(norm_or_none, "held_out_loss_after", pretend)
    monkeypatch.setattr(norm_or_none, "token_streams", lambda seed, characters: (torch.zeros(9).long(),) * 2)
    measured = norm_or_none.run(1, True)
    assert {row.arm: row.control for row in measured} == {arm + low: bool(low) for arm in ARMS for low in ("", LOW)}
    assert dict(rates) == {arm + low: 1e-2 if low else 1e-1 for arm in ARMS for low in ("", LOW)}


def rows(rms, layer, none, rms_low, none_low, seed=0):
    values = {RMS: rms, LAYER: layer, NONE: none, RMS + LOW: rms_low, NONE + LOW: none_low}
    return [Row(arm=arm, seed=seed, numbers={"held-out loss": v}, control=LOW in arm) for arm, v in values.items()]


def test_the_verdict_needs_the_effect_in_every_seed_and_the_control():
    good = rows(2.0, 2.0, 6.2, 2.1, 2.1)
    assert judge(good).outcome == "reproduced"
    assert judge(good + rows(2.0, 2.0, 2.1, 2.1, 2.1, seed=1)).outcome == "not reproduced"
    assert judge(good + rows(2.3, 2.0, 6.2, 2.1, 2.1, seed=1)).outcome == "not reproduced"
    assert judge(good + rows(2.0, 2.0, 6.2, 2.1, 6.2, seed=1)).outcome == "cannot be seen at this scale"
    both = rows(2.0, 2.0, 6.2, 2.1, 2.1, seed=1) + rows(2.0, 2.0, 2.1, 2.1, 2.1, seed=2)
    assert judge(both).outcome == "not reproduced"


def test_the_seed_that_chose_the_rates_does_not_judge():
    bad = rows(2.0, 2.0, 2.1, 2.1, 2.1)
    assert judge(bad).outcome == "not reproduced"
    assert judge(bad + rows(2.0, 2.0, 6.2, 2.1, 2.1, seed=1)).outcome == "reproduced"


def test_rows_without_an_arm_are_refused():
    with pytest.raises(ValueError, match="no norm"):
        judge([row for row in rows(2.0, 2.0, 6.2, 2.1, 2.1) if row.arm != NONE])


def test_the_claim_names_its_section():
    assert (CLAIM.chapter, CLAIM.paper, CLAIM.paper_numbers) == (4, "section 2.2", {})
    assert SHAPE.n_layers >= 4
