import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_run import VOCAB, TinyModel

from minillama.data.collate import IGNORE, Batch
from minillama.training import token_loss


def batch_with_share(share, seed=0):
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(VOCAB, (3, 20), generator=generator)
    targets = torch.randint(VOCAB, (3, 20), generator=generator)
    targets[torch.rand((3, 20), generator=generator) >= share] = IGNORE
    return Batch(tokens, targets)


@given(share=st.floats(0.05, 1.0), seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_sparse_and_dense_give_the_same_loss_and_gradient(share, seed):
    model, batch = TinyModel(dropout=0.0), batch_with_share(share, seed)
    loss, count = token_loss(model, batch)
    assert count == int((batch.targets != IGNORE).sum())
    if count == 0:
        assert loss.item() == 0
        return
    logits = model.output(model.hidden(batch.tokens))
    reference = F.cross_entropy(logits.double().flatten(0, 1), batch.targets.flatten(), reduction="sum")
    torch.testing.assert_close(loss.double(), reference, rtol=1e-5, atol=1e-5)
    found = torch.autograd.grad(loss, list(model.parameters()))
    wanted = torch.autograd.grad(reference, list(model.parameters()))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_the_head_runs_only_where_targets_are():
    model, seen = TinyModel(dropout=0.0), []
    model.output.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0].shape[0]))
    sparse = batch_with_share(0.2)
    token_loss(model, sparse)
    token_loss(model, batch_with_share(1.0))
    assert seen == [sparse.n_targets, 60]


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_the_loss_is_float32_under_autocast(share):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, _ = token_loss(TinyModel(), batch_with_share(share))
    assert loss.dtype == torch.float32
