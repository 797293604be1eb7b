"""The five number formats: each arm differs in what it says, gradients vanish where they must, and the verdict."""

import pytest
import torch

from minillama.data import Batch
from minillama.experiments import Row
from minillama.experiments import sixteen_bits as formats
from minillama.model import ModelArgs, Transformer

ARGS = ModelArgs(dim=32, n_layers=1, n_heads=2, vocab_size=64, multiple_of=16, max_seq_len=32)
SIZE = formats.Size(characters=1, steps=4, batch_size=4)


def trained(name):
    torch.manual_seed(0)
    model = Transformer(ARGS).to(formats.ARMS[name].weights)
    chance = torch.Generator().manual_seed(1)
    rows = torch.randint(0, 64, (SIZE.steps, 4, 33), generator=chance)
    numbers = formats.train_arm(model, formats.ARMS[name], [Batch(r[:, :-1], r[:, 1:]) for r in rows], SIZE)
    return model, numbers


def test_float16_without_a_scale_loses_gradients_and_the_others_do_not():
    zeros = {name: trained(name)[1]["share of zero gradients"] for name in formats.ARMS}
    assert zeros[formats.UNSCALED] > 0.2
    assert all(share < 0.02 for name, share in zeros.items() if name != formats.UNSCALED)


def test_sixteen_bit_products_leave_weights_in_float32():
    assert {p.dtype for p in trained(formats.BFLOAT16)[0].parameters()} == {torch.float32}
    assert {p.dtype for p in trained(formats.ALL_BFLOAT16)[0].parameters()} == {torch.bfloat16}


def test_dividing_by_four_million_and_multiplying_again_changes_nothing_in_float32(monkeypatch):
    weights = trained(formats.FLOAT32)[0].state_dict()
    monkeypatch.setattr(formats, "BATCH_TARGETS", 1)
    for name, weight in trained(formats.FLOAT32)[0].state_dict().items():
        torch.testing.assert_close(weight, weights[name], atol=1e-5, rtol=1e-4)


def test_bfloat16_products_end_near_float32_but_not_in_the_same_weights():
    exact, rough = (trained(name)[0].state_dict() for name in (formats.FLOAT32, formats.BFLOAT16))
    assert any(not torch.equal(exact[name], rough[name]) for name in exact)
    for name in exact:
        torch.testing.assert_close(rough[name], exact[name], atol=0.01, rtol=0.1)


def test_only_what_must_be_worse_is_the_control():
    assert [name for name, arm in formats.ARMS.items() if arm.control] == [formats.UNSCALED, formats.ALL_BFLOAT16]


def rows(bfloat16, float16, unscaled, all_bfloat16, seed=0):
    ends = dict(zip(formats.ARMS, (3.0, bfloat16, float16, unscaled, all_bfloat16, 3.04), strict=True))
    return [
        Row(arm=arm, seed=seed, numbers={"held-out loss": end}, control=formats.ARMS[arm].control)
        for arm, end in ends.items()
    ]


@pytest.mark.parametrize(
    ("ends", "outcome"),
    [
        ((3.001, 2.999, 3.9, 3.2), "reproduced"),
        ((3.05, 3.0, 3.9, 3.2), "not reproduced"),
        ((3.0, 2.9, 3.9, 3.2), "not reproduced"),
        ((3.0, 3.0, 3.01, 3.2), "cannot be seen at this scale"),
        ((3.0, 3.0, 3.9, 3.01), "cannot be seen at this scale"),
    ],
)
def test_the_verdict(ends, outcome):
    assert formats.judge(rows(*ends)).outcome == outcome


def test_one_seed_apart_is_enough_to_deny():
    assert formats.judge(rows(3.0, 3.0, 3.9, 3.2) + rows(3.1, 3.0, 3.9, 3.2, seed=1)).outcome == "not reproduced"


def test_a_run_has_every_arm_from_the_same_weights_but_one(monkeypatch):
    tokens = torch.randint(0, 64, (2000,), generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(formats.figure5, "token_stream", lambda seed, size: (tokens, tokens[:200], 64))
    monkeypatch.setattr(formats.figure5, "SHAPE", ARGS)
    monkeypatch.setattr(formats, "QUICK", SIZE)
    starts = []

    def record(model, arm, batches, size):
        starts.append(model.output.weight.detach().float().clone())
        assert model.output.weight.dtype == arm.weights
        assert len(batches) == SIZE.steps
        return {}

    monkeypatch.setattr(formats, "train_arm", record)
    assert [row.arm for row in formats.run(0, True)] == list(formats.ARMS)
    *same, other = starts
    for start in same:
        torch.testing.assert_close(start, starts[0], atol=1e-3, rtol=1e-2)  # up to the rounding of bfloat16
    assert not torch.allclose(other, starts[0], atol=1e-2)


def test_rows_that_lack_an_arm_are_refused():
    with pytest.raises(ValueError, match="lacks"):
        formats.judge(rows(3.0, 3.0, 3.9, 3.2)[1:])
