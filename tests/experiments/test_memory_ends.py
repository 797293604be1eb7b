"""Figure 24's measurement: what fits, a control of the same function, and what the verdict hangs on."""

import pytest
import torch

from minillama.experiments import Row
from minillama.experiments import memory_ends as figure24

ARMS = (figure24.MHA, figure24.GQA, figure24.MQA, figure24.REPEATED)
TINY = figure24.Settings(limit=5 * 2**20, context=32, rounds=1, steps=1)


def test_bytes_are_those_of_a_real_model_and_its_cache():
    model = figure24.build(figure24.GQA, 0)
    cache = model.new_cache(3, 40)
    held = sum(p.nbytes for p in model.parameters()) + cache.keys.nbytes + cache.values.nbytes
    assert figure24.bytes_needed(model, 3, 40) == held


def test_the_last_batch_fits_and_its_double_does_not():
    for arm in ARMS:
        model, settings = figure24.build(arm, 0), figure24.Settings()
        batches = figure24.batches_that_fit(model, settings)
        assert batches == [2**i for i in range(len(batches))]
        assert figure24.bytes_needed(model, batches[-1], settings.context) <= settings.limit
        assert figure24.bytes_needed(model, 2 * batches[-1], settings.context) > settings.limit


def test_a_limit_exactly_reached_is_kept():
    model = figure24.build(figure24.MQA, 0)
    exactly = figure24.Settings(limit=figure24.bytes_needed(model, 2, 512))
    assert figure24.batches_that_fit(model, exactly) == [1, 2]


def test_a_limit_below_one_row_is_refused():
    with pytest.raises(ValueError, match="one row needs"):
        figure24.batches_that_fit(figure24.build(figure24.MHA, 0), figure24.Settings(limit=1000))


def test_the_control_computes_what_the_grouped_model_computes():
    grouped, repeated = figure24.build(figure24.GQA, 3), figure24.build(figure24.REPEATED, 3)
    assert repeated.args.kv_heads == repeated.args.n_heads > grouped.args.kv_heads
    tokens = torch.arange(24).view(2, 12)
    with torch.no_grad():
        torch.testing.assert_close(repeated(tokens), grouped(tokens), atol=1e-4, rtol=1e-4)


def test_the_arms_have_equal_sizes():
    sizes = [figure24.build(arm, 0).n_parameters for arm in ARMS[:3]]
    assert max(sizes) - min(sizes) < 0.001 * sizes[0]


def test_a_timed_step_reads_a_full_cache_every_time():
    timed = figure24.TimedStep(figure24.build(figure24.GQA, 0), 2, 16)
    for _ in range(2):
        assert timed.seconds() > 0
        assert timed.cache.length == 16


def test_a_run_has_four_arms_and_counts_what_fits():
    seconds = figure24.time_steps({arm: figure24.build(arm, 0) for arm in ARMS}, TINY)
    for arm in ARMS:
        assert sorted(seconds[arm]) == figure24.batches_that_fit(figure24.build(arm, 0), TINY)
        row = figure24.summarise(arm, 0, figure24.build(arm, 0), seconds, TINY)
        assert row.control == (arm == figure24.REPEATED)
        last = row.numbers["largest batch"]
        assert row.numbers["tokens/s at the largest batch"] == last / seconds[arm][last]
        assert max(row.curve["MiB"]) <= 5


def rows(gqa, mqa, repeated, ends=(4, 16, 32, 4)):
    speeds = (1000.0, 1000 * gqa, 1000 * mqa, 1000 * repeated)
    return [
        Row(
            arm=arm,
            seed=seed,
            numbers={"largest batch": end, "tokens/s at the largest batch": speed * (1 + seed)},
            control=arm == figure24.REPEATED,
        )
        for seed in (0, 1)
        for arm, speed, end in zip(ARMS, speeds, ends)
    ]


@pytest.mark.parametrize(
    ("measured", "outcome"),
    [
        (rows(2.0, 2.5, 1.0), "reproduced"),
        (rows(2.0, 2.5, 1.4), "reproduced"),
        (rows(1.1, 2.5, 1.0), "not reproduced"),
        (rows(2.0, 0.9, 1.0), "not reproduced"),
        (rows(2.0, 2.5, 1.0, ends=(4, 4, 8, 4)), "not reproduced"),
        (rows(2.0, 2.5, 1.6), "cannot be seen at this scale"),
        (rows(2.0, 2.5, 1.0, ends=(4, 16, 32, 8)), "cannot be seen at this scale"),
    ],
)
def test_the_verdict(measured, outcome):
    assert figure24.judge(measured).outcome == outcome


def test_rows_without_the_control_are_refused():
    with pytest.raises(ValueError, match="stored repeatedly"):
        figure24.judge([row for row in rows(2.0, 2.5, 1.0) if not row.control])
