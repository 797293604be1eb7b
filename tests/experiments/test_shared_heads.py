"""Table 18's arms: equal sizes, a control that reads a plain mean, and what the verdict hangs on."""

import copy
import dataclasses

import pytest
import torch

from minillama.experiments import Row
from minillama.experiments import shared_heads as table18
from minillama.model import ModelArgs

TINY = dataclasses.replace(table18.QUICK, batch_size=4, seq_len=16, warmup_steps=2)


def test_sizes_are_equal_to_one_in_five_hundred():
    sizes = [table18.working_parameters(table18.build(arm, 1024, 64)) for arm in table18.N_KV_HEADS]
    assert max(sizes) - min(sizes) < 0.002 * sizes[0]


@pytest.mark.parametrize("width", [1, 100, 341, 342, 1000])
def test_any_width_can_be_had(width):
    shape = ModelArgs(dim=128, n_layers=1, n_heads=8, multiple_of=32)
    assert table18.with_width(shape, width).ffn_hidden_dim == width


def test_sharing_keeps_the_size_of_other_shapes_too():
    shape = ModelArgs(dim=96, n_layers=3, n_heads=6, vocab_size=64, multiple_of=1)
    for kv_heads in (1, 2, 3, 6):
        shared = table18.with_shared_heads(shape, kv_heads)
        assert shared.kv_heads == kv_heads
        assert abs(shared.n_parameters - shape.n_parameters) <= shape.n_layers * 1.5 * shape.dim


def test_an_unknown_arm_is_refused():
    with pytest.raises(ValueError, match="no arm 'MLA'"):
        table18.shape_of("MLA")


def test_the_control_reads_the_plain_mean_whatever_the_tokens_are():
    torch.manual_seed(0)
    model = table18.build(table18.MEAN, 64, 8)
    attention = model.layers[0].attention
    x, turn = torch.randn(1, 6, 64), model.rotary.at(torch.arange(6)[None])
    mean = attention.wv(x).cumsum(dim=1) / torch.arange(1, 7)[None, :, None]
    bias = torch.zeros(6, 6).masked_fill(~torch.ones(6, 6).tril().bool(), -torch.inf)[None, None]
    torch.testing.assert_close(attention(x, turn, bias), attention.wo(mean))


def train_arms(monkeypatch, arms):
    """The rows of some arms after a few steps on random tokens, and the models that were built, before and after."""
    kept, build = {}, table18.build

    def watched(arm, vocab_size, seq_len):
        model = build(arm, vocab_size, seq_len)
        kept[arm] = (copy.deepcopy(model), model)
        return model

    monkeypatch.setattr(table18, "build", watched)
    text = torch.randint(64, (6 * TINY.batch_size * TINY.seq_len + 1,), generator=torch.Generator().manual_seed(0))
    return [table18.measure(arm, 0, text, text[:200], TINY, 64) for arm in arms], kept


def test_training_leaves_the_control_without_scores(monkeypatch):
    rows, kept = train_arms(monkeypatch, (table18.MHA, table18.MEAN))
    assert [row.control for row in rows] == [False, True]
    for layer in kept[table18.MEAN][1].layers:
        assert not layer.attention.wq.weight.any()
        assert not layer.attention.wk.weight.any()
        assert layer.attention.wv.weight.any()
    before, after = (model.layers[0].attention.wq.weight for model in kept[table18.MHA])
    assert not torch.equal(before, after)


def test_chance_is_mha_from_other_weights(monkeypatch):
    rows, kept = train_arms(monkeypatch, (table18.MHA, table18.AGAIN))
    assert [row.control for row in rows] == [False, True]
    (first, _), (second, _) = kept[table18.MHA], kept[table18.AGAIN]
    assert first.args == second.args
    assert not torch.equal(first.output.weight, second.output.weight)
    assert rows[0].numbers["held-out loss"] != rows[1].numbers["held-out loss"]


def test_a_run_has_every_arm_on_one_text_that_chose_no_setting(monkeypatch):
    asked, texts = [], []

    def token_stream(seed, size):
        asked.append((seed, size))
        return torch.tensor([seed]), torch.tensor([0]), 64

    def measure(arm, seed, text, held_out, size, vocab_size):
        texts.append(int(text))
        return Row(arm=arm, seed=seed, numbers={})

    monkeypatch.setattr(table18, "token_stream", token_stream)
    monkeypatch.setattr(table18, "measure", measure)
    assert [(row.arm, row.seed) for row in table18.run(2, True)] == [(arm, 2) for arm in table18.N_KV_HEADS]
    table18.run(0, False)
    assert asked == [(102, table18.QUICK), (100, table18.FULL)]
    assert texts == [102] * 5 + [100] * 5


def test_the_cache_of_a_token_shrinks_with_the_heads(monkeypatch):
    rows, _ = train_arms(monkeypatch, (table18.MHA, table18.GQA, table18.MQA))
    assert [row.numbers["cached numbers per token"] for row in rows] == [256, 64, 32]


def rows(gqa, mqa, mean, again=0.02):
    differences = {
        table18.MHA: 0,
        table18.GQA: gqa,
        table18.MQA: mqa,
        table18.MEAN: mean,
        table18.AGAIN: again,
    }
    return [
        Row(
            arm=arm,
            seed=seed,
            numbers={"held-out loss": 2.5 + seed + more},
            control=arm in (table18.MEAN, table18.AGAIN),
        )
        for seed in (0, 1)
        for arm, more in differences.items()
    ]


@pytest.mark.parametrize(
    ("gqa", "mqa", "mean", "outcome"),
    [
        (0.01, 0.02, 0.5, "reproduced"),
        (-0.2, -0.1, 0.5, "reproduced"),
        (0.01, 0.2, 0.5, "reproduced"),
        (0.2, 0.2, 0.5, "not reproduced"),
        (0.01, -0.1, 0.5, "not reproduced"),
        (0.01, 0.01, 0.1, "cannot be seen at this scale"),
        (0.2, 0.2, 0.1, "cannot be seen at this scale"),
    ],
)
def test_the_verdict(gqa, mqa, mean, outcome):
    assert table18.judge(rows(gqa, mqa, mean)).outcome == outcome


def test_one_seed_that_loses_is_enough_to_deny():
    mixed = rows(0.01, 0.01, 0.5)
    mixed[1] = dataclasses.replace(mixed[1], numbers={"held-out loss": 2.6})
    assert table18.judge(mixed).outcome == "not reproduced"


def test_rows_without_the_control_are_refused():
    with pytest.raises(ValueError, match="plain mean"):
        table18.judge([row for row in rows(0.0, 0.0, 0.5) if not row.control])


@pytest.mark.parametrize("again", [0.06, -0.06])
def test_where_chance_is_larger_than_the_margin_nothing_can_be_seen(again):
    assert table18.judge(rows(0.01, 0.01, 0.5, again)).outcome == "cannot be seen at this scale"
    assert table18.judge(rows(0.2, 0.2, 0.5, again)).outcome == "cannot be seen at this scale"
