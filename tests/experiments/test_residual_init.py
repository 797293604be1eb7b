"""How the writers to the residual stream start: the three starts, the growth of the stream, and the verdict."""

import dataclasses
import math

import pytest
import torch

from minillama.experiments import Row
from minillama.experiments import residual_init as init
from minillama.model import ModelArgs, Transformer

SHAPE = ModelArgs(dim=32, n_layers=6, n_heads=2, n_kv_heads=1, vocab_size=96, multiple_of=32, max_seq_len=32)
TINY = init.Settings(
    depth=2,
    steps=4,
    peak_rates=(1e-9, 6e-3),
    text=dataclasses.replace(init.TEXT, characters=60_000, held_out_tokens=300, batch_size=4, seq_len=32),
)


def model_of(start, args=SHAPE, seed=0):
    return init.start_model(args, init.residual_gains(args.n_layers)[start], seed)


def test_the_scaled_start_is_the_package_s_own():
    torch.manual_seed(3)
    package = Transformer(SHAPE)
    for ours, theirs in zip(model_of(init.SCALED, seed=3).parameters(), package.parameters()):
        torch.testing.assert_close(ours, theirs)


def test_starts_differ_in_the_writers_alone_and_by_their_gains():
    gains = init.residual_gains(SHAPE.n_layers)
    models = {start: dict(model_of(start).named_parameters()) for start in gains}
    for name, plain in models[init.PLAIN].items():
        for start, gain in gains.items():
            ratio = (models[start][name].norm() / plain.norm()).item()
            writes = name.endswith(("wo.weight", "w2.weight"))
            assert math.isclose(ratio, gain if writes else 1.0, rel_tol=1e-4), (start, name)


def test_plain_writers_have_variance_one_over_three_inputs():
    weight = model_of(init.PLAIN).layers[0].feed_forward.w2.weight
    assert math.isclose(weight.var().item() * 3 * weight.shape[1], 1, rel_tol=0.1)


def test_a_stream_to_which_nothing_is_written_does_not_grow():
    tokens = torch.arange(20)[None]
    assert init.stream_growth(init.start_model(SHAPE, 0.0, 0), tokens) == 1.0


def test_growth_is_that_of_the_stream_and_hooks_go_again():
    model, tokens = model_of(init.LARGE), torch.arange(20)[None]
    grown = init.stream_growth(model, tokens)
    states = []
    hook = model.layers[-1].register_forward_hook(lambda _, inputs, output: states.append(output))
    model(tokens)
    hook.remove()
    start = model.tok_embeddings(tokens).square().mean().sqrt()
    assert math.isclose(grown, (states[0].square().mean().sqrt() / start).item(), rel_tol=1e-5)
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in model.layers)


def test_only_a_scaled_stream_keeps_its_size_at_any_depth():
    tokens = torch.arange(24)[None]
    growth = {
        (start, depth): init.stream_growth(model_of(start, dataclasses.replace(SHAPE, n_layers=depth)), tokens)
        for start in init.residual_gains(1)
        for depth in (2, 24)
    }
    assert growth[init.SCALED, 24] < 1.1
    assert growth[init.PLAIN, 24] > 1.15
    assert growth[init.LARGE, 24] > 2 * growth[init.LARGE, 2]


def rows(large, shallow, plain=0.0, offset=0.0, seeds=(0, 1)):
    ends = {init.SCALED: (3.0, 4.0), init.PLAIN: (3.0 + plain, 4.0), init.LARGE: (3.0 + large, 4.0 + shallow)}
    return [
        Row(
            arm=f"{start}, {'1 layer' if control else '16 layers'}",
            seed=seed,
            numbers={"loss at the end": end[control], "first loss above log V + 1/6": offset},
            control=control,
        )
        for seed in seeds
        for start, end in ends.items()
        for control in (False, True)
    ]


@pytest.mark.parametrize(
    ("large", "shallow", "offset", "outcome"),
    [
        (0.5, 0.02, 0.0, "reproduced"),
        (0.05, 0.0, 0.0, "not reproduced"),
        (-0.5, 0.0, 0.0, "not reproduced"),
        (0.5, 0.4, 0.0, "cannot be seen at this scale"),
        (0.5, 0.02, 0.5, "not reproduced"),
        (0.5, 0.02, -0.5, "not reproduced"),
    ],
)
def test_the_verdict(large, shallow, offset, outcome):
    assert init.judge(rows(large, shallow, offset=offset)).outcome == outcome


def test_one_seed_without_the_effect_is_enough_to_deny():
    assert init.judge([*rows(0.5, 0.0), *rows(0.0, 0.0, seeds=(2,))]).outcome == "not reproduced"


def test_the_plain_start_is_told_but_does_not_decide():
    assert init.judge(rows(0.5, 0.0, plain=0.3)).outcome == "reproduced"
    assert "+0.30" in init.judge(rows(0.5, 0.0, plain=0.3)).why
    assert init.judge(rows(0.05, 0.0, plain=-0.3)).outcome == "not reproduced"


def test_rows_without_the_control_are_refused():
    with pytest.raises(ValueError, match="shallow rows lack"):
        init.judge([row for row in rows(0.5, 0.0) if not row.control])


def test_a_run_measures_three_starts_at_two_depths_each_at_its_best_rate(monkeypatch):
    monkeypatch.setattr(init, "QUICK", TINY)
    measured = init.run(0, True)
    assert [row.arm for row in measured[::3]] == ["scaled, 2 layers", "scaled, 1 layer"]
    assert [row.control for row in measured] == [False] * 3 + [True] * 3
    for row in measured:
        assert row.numbers["peak rate"] == 6e-3  # at 1e-9 nothing is learnt
        assert row.numbers["loss at the end"] < math.log(1024) + 1 / 6
        assert abs(row.numbers["first loss above log V + 1/6"]) < init.MOST_OFFSET
        assert len(row.curve["training loss"]) == TINY.steps


def test_a_text_too_short_for_the_steps_is_refused(monkeypatch):
    monkeypatch.setattr(init, "QUICK", dataclasses.replace(TINY, steps=10_000))
    with pytest.raises(ValueError, match="10000 steps"):
        init.run(0, True)
