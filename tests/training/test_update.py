import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_run import VOCAB, TinyModel

from minillama.data.collate import IGNORE, Batch
from minillama.training import NonFiniteLoss, Precision, TrainSettings, make_optimizer, token_loss
from minillama.training.update import Updater

CPU = Precision(device=torch.device("cpu"))


def rows(n_targets, seed=0):
    """One row of ten places for each number, with that many targets in it."""
    generator = torch.Generator().manual_seed(seed)
    shape = (len(n_targets), 10)
    tokens, targets = torch.randint(VOCAB, shape, generator=generator), torch.randint(VOCAB, shape, generator=generator)
    for row, count in enumerate(n_targets):
        targets[row, count:] = IGNORE
    return Batch(tokens, targets)


def split(batch, sizes):
    return [
        Batch(tokens, targets)
        for tokens, targets in zip(batch.tokens.split(sizes), batch.targets.split(sizes), strict=True)
    ]


def updated(model, batches, precision=CPU, clip=1.0):
    twin = copy.deepcopy(model)
    updater = Updater(twin, make_optimizer(twin, TrainSettings(steps=9, peak_lr=1e-2)), precision, token_loss, clip)
    return twin, updater(batches, 1, 1)


@given(n_targets=st.lists(st.integers(0, 10), min_size=2, max_size=6).filter(any), data=st.data())
@settings(max_examples=30, deadline=None)
def test_micro_batches_equal_the_batch_in_one_piece(n_targets, data):
    cut = data.draw(st.integers(1, len(n_targets) - 1))
    model, batch = TinyModel(dropout=0.0), rows(n_targets)
    whole, (loss, norm, count) = updated(model, [batch])
    parts, (loss_parts, norm_parts, count_parts) = updated(model, split(batch, [cut, len(n_targets) - cut]))
    assert count == count_parts == sum(n_targets)
    assert (loss_parts, norm_parts) == (pytest.approx(loss, rel=1e-5), pytest.approx(norm, rel=1e-4))
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-7)


def test_the_gradient_is_clipped_and_its_norm_told_before():
    model, batch = TinyModel(dropout=0.0), rows([10, 10])
    free, (_, norm, _) = updated(model, [batch], clip=None)
    bound, (_, same_norm, _) = updated(model, [batch], clip=norm / 4)
    grads = [torch.cat([p.grad.flatten() for p in twin.parameters()]) for twin in (free, bound)]
    assert norm == pytest.approx(same_norm) == pytest.approx(grads[0].norm().item())
    torch.testing.assert_close(grads[1], grads[0] / 4, rtol=1e-4, atol=1e-7)


def test_float16_with_its_scaler_moves_the_weights_as_float32_does():
    model, batch = TinyModel(dropout=0.0), rows([10, 4])
    plain, (loss, norm, _) = updated(model, [batch])
    half, (half_loss, half_norm, _) = updated(model, [batch], Precision(device=CPU.device, dtype=torch.float16))
    assert (half_loss, half_norm) == (pytest.approx(loss, rel=1e-2), pytest.approx(norm, rel=2e-2))
    torch.testing.assert_close(half.output.weight.grad, plain.output.weight.grad, rtol=5e-2, atol=1e-3)


def test_a_bad_loss_is_named_and_changes_no_weight():
    model = TinyModel(dropout=0.0)
    with torch.no_grad():
        model.tok_embeddings.weight[VOCAB - 1] = float("nan")
    good, bad = (Batch(torch.full((1, 4), token), torch.ones(1, 4, dtype=torch.long)) for token in (0, VOCAB - 1))
    before = copy.deepcopy(model.state_dict())
    updater = Updater(model, make_optimizer(model, TrainSettings(steps=9, peak_lr=1e-2)), CPU, token_loss, 1.0)
    with pytest.raises(
        NonFiniteLoss, match=r"step 5.*loss is nan in batch 12 of the run \(micro-batch 2 of 3\)"
    ) as caught:
        updater([good, bad, good], step=5, first_batch=11)
    assert caught.value.step == 5
    assert caught.value.batch is bad
    assert all(torch.equal(before[name], now) for name, now in model.state_dict().items() if "tok" not in name)


def test_a_bad_gradient_of_a_good_loss_is_named():
    model = TinyModel(dropout=0.0)
    model.gain.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(NonFiniteLoss, match="gradient's norm is"):
        Updater(model, make_optimizer(model, TrainSettings(steps=9, peak_lr=1e-2)), CPU, token_loss, 1.0)(
            [rows([3])], 2, 4
        )


def test_a_float16_run_survives_gradients_out_of_range():
    precision = Precision(device=CPU.device, dtype=torch.float16)
    model = TinyModel(dropout=0.0)
    model.gain.register_hook(lambda gradient: gradient * float("inf"))
    before = copy.deepcopy(model.state_dict())
    updater = Updater(model, make_optimizer(model, TrainSettings(steps=9, peak_lr=1e-2)), precision, token_loss, 1.0)
    scale = updater.scaler.get_scale()
    updater([rows([3])], 2, 4)
    assert updater.scaler.get_scale() == scale / 2
    assert all(torch.equal(before[name], now) for name, now in model.state_dict().items())


def test_a_step_without_targets_is_refused():
    with pytest.raises(ValueError, match=r"step 1 has no target token \(batches 1 to 2\)"):
        updated(TinyModel(), [rows([0]), rows([0])])
