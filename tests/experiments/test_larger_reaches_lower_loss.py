"""Four sizes on the same tokens: the shapes, the law and its fit, and what the verdict hangs on."""

import itertools
import math

import pytest
import torch

from minillama.experiments import Row
from minillama.experiments import larger_reaches_lower_loss as sizes
from minillama.model import ModelArgs, Transformer
from minillama.training import StepRecord

TINY = sizes.Size(characters=60_000, batch_size=16)


def test_each_size_has_several_times_the_inner_weights_of_the_one_before():
    inner = [sizes.inner_weights(args) for args in sizes.SHAPES.values()]
    assert all(3 < b / a < 10 for a, b in itertools.pairwise(inner))


def test_inner_weights_are_those_of_the_blocks_and_the_last_norm():
    args = sizes.SHAPES["small"]
    named = Transformer(args).named_parameters()
    counted = sum(p.numel() for name, p in named if not name.startswith(("tok_embeddings", "output")))
    assert sizes.inner_weights(args) == counted


def test_the_rate_falls_with_the_root_of_the_width():
    narrow, wide = (ModelArgs(dim=dim, n_layers=1, n_heads=2) for dim in (32, 128))
    assert math.isclose(TINY.peak(narrow), TINY.rate_at_32)
    assert math.isclose(TINY.peak(wide), TINY.rate_at_32 / 2)


def test_a_law_by_hand():
    law = sizes.fit_power_law([1, 4, 16, 64], [3.0, 2.0, 1.5, 1.25])
    assert abs(law.floor - 1) < 0.03
    assert abs(law.scale - 2) < 0.03
    assert abs(law.exponent - 0.5) < 0.02
    assert law.residual < 0.01
    assert math.isclose(law(4), 2.0, abs_tol=0.01)


@pytest.mark.parametrize("exponent", [0.1, 0.3, 0.8])
def test_the_fit_predicts_the_next_size_of_a_true_law(exponent):
    points = [3e3, 2e4, 1e5]
    law = sizes.fit_power_law(points, [1.2 + 9 * x**-exponent for x in points])
    assert abs(law(6e5) - (1.2 + 9 * 6e5**-exponent)) < 0.01


def test_the_floor_is_never_below_zero():
    law = sizes.fit_power_law([1, 10, 100], [3.0, 2.0, 0.9])  # falls faster and faster
    assert law.floor >= 0
    assert law.exponent > 0


@pytest.mark.parametrize(("x", "y"), [([1, 2], [3.0, 2.0]), ([1, 2, 3], [3.0, 2.0])])
def test_too_few_points_are_refused(x, y):
    with pytest.raises(ValueError, match="three unknowns"):
        sizes.fit_power_law(x, y)


def rows(ends, control_gap=0.0, seeds=(0, 1), above=0.0, others=None):
    """``others``: ends of further runs by arm."""
    arms = dict(zip(sizes.SHAPES, ends)) | (others or {})
    arms |= {"smallest" + sizes.CONTROL: 5.5, "largest" + sizes.CONTROL: 5.5 - control_gap}
    return [
        Row(
            arm=arm,
            seed=seed,
            numbers={"loss at the end": end, "above the entropy of the counts": above},
            control=sizes.CONTROL in arm,
        )
        for seed in seeds
        for arm, end in arms.items()
    ]


@pytest.mark.parametrize(
    ("ends", "gap", "outcome"),
    [
        ((4.0, 3.5, 3.2, 3.0), 0.0, "reproduced"),
        ((4.0, 3.5, 3.2, 3.19), 0.0, "not reproduced"),
        ((4.0, 3.5, 3.2, 3.3), 0.0, "not reproduced"),
        ((3.0, 3.2, 3.5, 4.0), 0.0, "not reproduced"),
        ((4.0, 3.5, 3.2, 3.0), 0.1, "cannot be seen at this scale"),
        ((4.0, 3.5, 3.2, 3.0), -0.1, "cannot be seen at this scale"),
    ],
)
def test_the_verdict(ends, gap, outcome):
    assert sizes.judge(rows(ends, gap)).outcome == outcome


@pytest.mark.parametrize("label", sizes.OTHER_RATES)
def test_a_smaller_size_that_another_rate_brings_level_denies(label):
    ends = (4.0, 3.5, 3.2, 3.0)
    assert sizes.judge(rows(ends, others={"small" + label: 3.3})).outcome == "reproduced"
    assert sizes.judge(rows(ends, others={"small" + label: 3.21})).outcome == "not reproduced"
    assert sizes.judge(rows(ends, others={"small" + label: 9.0})).outcome == "reproduced"


def test_a_control_that_has_not_learned_the_counts_says_nothing():
    assert sizes.judge(rows((4.0, 3.5, 3.2, 3.0), above=0.3)).outcome == "cannot be seen at this scale"


def test_one_seed_out_of_order_is_enough_to_deny():
    mixed = rows((4.0, 3.5, 3.2, 3.0), seeds=(0,)) + rows((4.0, 3.5, 3.6, 3.0), seeds=(1,))
    assert sizes.judge(mixed).outcome == "not reproduced"


def test_rows_without_a_control_are_refused():
    with pytest.raises(ValueError, match="lacks"):
        sizes.judge([row for row in rows((4.0, 3.5, 3.2, 3.0)) if not row.control])


@pytest.fixture
def tiny(monkeypatch):
    """Every run small, and the sizes all alike, so that nothing but the arms' own settings tells them apart."""
    tokens = torch.randint(0, 64, (1100,), generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(sizes.figure5, "token_stream", lambda seed, size: (tokens, tokens[:200], 64))
    shape = ModelArgs(dim=8, n_layers=1, n_heads=2, vocab_size=64, multiple_of=16)
    monkeypatch.setattr(sizes, "SHAPES", dict.fromkeys(sizes.SHAPES, shape))
    for form in ("QUICK", "FULL"):
        monkeypatch.setattr(sizes, form, sizes.Size(characters=1, batch_size=4, measurements=2))


def test_a_run_has_all_arms_and_equal_tokens(tiny):
    measured = sizes.run(0, True)
    assert [row.arm for row in measured if not row.control] == list(sizes.SHAPES)
    assert [row.control for row in measured] == [False] * 4 + [True] * 2
    assert {row.numbers["tokens"] for row in measured} == {1099 // 64 * 64}  # all that there are, to the last step
    for row in measured:
        assert row.curve["held-out loss"][-1] == row.numbers["loss at the end"]
        assert row.curve["tokens"] == sorted(row.curve["tokens"])
    ends = {row.numbers["loss at the end"] for row in measured if not row.control}
    assert len(ends) == 1  # the same shape, seed and tokens: nothing else may differ between the sizes


def test_the_full_form_tries_other_rates_of_all_sizes_but_the_largest(tiny):
    ends = {row.arm: row.numbers["loss at the end"] for row in sizes.run(0, False)}
    assert len(ends) == 4 + 3 * 2 + 2
    assert not any("largest" + label in ends for label in sizes.OTHER_RATES)
    for name in ("smallest", "small", "large"):
        assert len({ends[name + label] for label in ("", *sizes.OTHER_RATES)}) == 3  # the rates differ indeed


def test_the_order_of_batches_does_not_hang_on_the_size(tiny, monkeypatch):
    read = []

    def record(model, batches, *_, on_step, **__):
        read.append([batch.tokens for batch in batches])
        for step in range(1, len(batches) + 1):
            on_step(
                StepRecord(
                    step=step,
                    loss=0.0,
                    learning_rate=0.0,
                    gradient_norm=0.0,
                    targets=1,
                    tokens=step,
                    seconds=0.0,
                    tokens_per_second=0.0,
                )
            )

    monkeypatch.setattr(sizes, "train", record)
    wide = ModelArgs(dim=16, n_layers=2, n_heads=2, vocab_size=64, multiple_of=16)
    monkeypatch.setitem(sizes.SHAPES, "largest", wide)
    sizes.run(0, True)
    assert all(torch.equal(a, b) for a, b in zip(read[0], read[3], strict=True))
