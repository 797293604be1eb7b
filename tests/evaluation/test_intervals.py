"""Intervals: by hand, against scipy, and by how often they cover the truth in simulations."""

import math
from statistics import NormalDist

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minillama.evaluation.agreement import gwet_ac1
from minillama.evaluation.intervals import (
    bootstrap_interval,
    paired_difference,
    t_quantile,
    wilson_interval,
)


def covered(draw, truth, times=400, **options):
    """How often the interval holds the true difference."""
    rng = np.random.default_rng(0)
    results = [paired_difference(*draw(rng), **options) for _ in range(times)]
    return sum(r.low <= truth <= r.high for r in results) / times


def models(prompts, seeds, seed_spread=0.0):
    """Values of two models that differ by 0.1 on average; prompts are hard or easy for both, and differ in gain."""

    def draw(rng):
        base = rng.random(prompts)
        gain = 0.1 + 0.2 * rng.standard_normal(prompts) + seed_spread * rng.standard_normal((seeds, 1))
        noise = 0.3 * rng.standard_normal((seeds, prompts))
        return base + gain + noise, np.broadcast_to(base, (seeds, prompts))

    return draw


def test_paired_difference_by_hand():
    result = paired_difference([0.5, 0.7, 0.9], [0.4, 0.4, 0.4])  # differences 0.1 0.3 0.5, standard deviation 0.2
    half = 4.302653 * 0.2 / math.sqrt(3)
    assert result.mean == pytest.approx(0.3)
    assert (result.low, result.high) == pytest.approx((0.3 - half, 0.3 + half))
    assert not result.excludes_zero
    assert (result.n_prompts, result.by_seed) == (3, (pytest.approx(0.3),))


def test_the_three_forms_of_several_seeds_agree():
    a, b = [[0.1, 0.6, 0.9], [0.4, 0.8, 0.7]], [[0.2, 0.1, 0.5], [0.3, 0.2, 0.6]]
    rows = paired_difference(a, b)
    flat = paired_difference([*a[0], *a[1]], [*b[0], *b[1]], seeds=["x"] * 3 + ["y"] * 3)
    mixed = paired_difference(np.ravel(a, "F"), np.ravel(b, "F"), seeds=["x", "y"] * 3)
    assert rows == flat == mixed == paired_difference(torch.tensor(a, dtype=torch.float64), b)
    assert rows.by_seed == pytest.approx((0.8 / 3, 0.8 / 3))
    # Averaged over seeds first: the same as the means of the prompts.
    means = paired_difference(np.mean(a, axis=0), np.mean(b, axis=0))
    assert (rows.low, rows.high) == pytest.approx((means.low, means.high))


@pytest.mark.parametrize(("prompts", "seeds"), [(10, 1), (50, 3), (200, 3)])
def test_interval_over_prompts_covers(prompts, seeds):
    assert 0.92 < covered(models(prompts, seeds), 0.1) < 0.98


def test_counting_every_seed_as_new_prompts_covers_too_little():
    draw = models(100, 3)
    wrong = covered(lambda rng: tuple(np.ravel(each) for each in draw(rng)), 0.1)
    assert wrong < 0.92 < covered(draw, 0.1)


def test_where_training_seeds_differ_only_the_interval_over_both_covers():
    draw = models(200, 3, seed_spread=0.05)
    assert covered(draw, 0.1) < 0.8
    assert covered(draw, 0.1, over="both") > 0.89


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 5), st.integers(2, 30), st.floats(0, 1), st.integers(0, 99))
def test_over_both_is_never_narrower(seeds, prompts, spread, seed):
    a, b = models(prompts, seeds, spread)(np.random.default_rng(seed))
    plain, both = paired_difference(a, b), paired_difference(a, b, over="both")
    assert both.low <= plain.low + 1e-12
    assert plain.high <= both.high + 1e-12
    swapped = paired_difference(b, a, over="both")
    assert (swapped.low, swapped.high) == pytest.approx((-both.high, -both.low))


def test_rare_violations_get_an_interval_with_width():
    nothing = paired_difference([0] * 300, [0] * 300)
    assert nothing.low == nothing.high == 0  # as if 300 prompts proved that there are no violations at all
    careful = paired_difference([0] * 300, [0] * 300, rare=True)
    assert careful.mean == 0
    assert careful.high == -careful.low == pytest.approx(0.0093, abs=1e-4)  # near the rule of three, 3 / 300

    def violations(rng):
        return rng.random(100) < 0.02, rng.random(100) < 0.01

    assert covered(violations, 0.01) < 0.9 < 0.95 < covered(violations, 0.01, rare=True)
    assert paired_difference([1, 1, 1], [0, 0, 0], rare=True).high == 1


def test_t_quantile_agrees_with_tables_and_closed_forms():
    for probability in (0.6, 0.95, 0.975, 0.9995):
        assert t_quantile(probability, 1) == pytest.approx(math.tan(math.pi * (probability - 0.5)), rel=1e-8)
        two = 2 * (probability - 0.5) * math.sqrt(2 / (4 * probability * (1 - probability)))
        assert t_quantile(probability, 2) == pytest.approx(two, rel=1e-8)
        assert t_quantile(probability, 1e6) == pytest.approx(NormalDist().inv_cdf(probability), rel=1e-5)
    tabled = [t_quantile(0.975, freedom) for freedom in (3, 10, 29, 100)]
    assert tabled == pytest.approx([3.1824, 2.2281, 2.0452, 1.9840], abs=6e-5)
    assert t_quantile(0.5, 7) == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match="freedom"):
        t_quantile(0.9, 0)


def test_wilson_interval():
    five = wilson_interval(5, 10)
    assert (five.low, five.high) == pytest.approx((0.23659, 0.76341), abs=1e-5)
    assert wilson_interval(0, 10).low == 0
    assert wilson_interval(0, 10).high == pytest.approx(0.27753, abs=1e-5)  # z^2 / (n + z^2)
    assert wilson_interval(10, 10).high == 1
    rng = np.random.default_rng(0)
    for share in (0.02, 0.5):
        draws = [wilson_interval(int(k), 200) for k in rng.binomial(200, share, 1000)]
        assert 0.92 < sum(i.low <= share <= i.high for i in draws) / 1000 < 0.98
    for successes, n in ((1, 0), (-1, 5), (6, 5), (math.nan, 5)):
        with pytest.raises(ValueError, match="successes"):
            wilson_interval(successes, n)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 400), st.floats(0, 1), st.floats(0.5, 0.99))
def test_wilson_interval_holds_the_share_and_mirrors(n, part, confidence):
    successes = round(part * n)
    one, other = wilson_interval(successes, n, confidence), wilson_interval(n - successes, n, confidence)
    assert 0 <= one.low <= one.mean <= one.high <= 1
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low))


def test_bootstrap_of_a_mean_is_near_the_t_interval_and_repeats():
    values = np.random.default_rng(0).normal(0.3, 1, 200)
    drawn, exact = bootstrap_interval(values), paired_difference(values, np.zeros(200))
    assert (drawn.low, drawn.high) == pytest.approx((exact.low, exact.high), abs=0.03)
    assert drawn == bootstrap_interval(values)
    assert drawn != bootstrap_interval(values, seed=1)


def test_bootstrap_takes_any_statistic_of_rows():
    rng = np.random.default_rng(0)
    truth = rng.integers(1, 4, 60)
    ratings = np.where(rng.random((60, 3)) < 0.8, truth[:, None], rng.integers(1, 4, (60, 3)))
    result = bootstrap_interval(ratings, lambda rows: gwet_ac1(rows, categories=(1, 2, 3)), resamples=200)
    assert result.low < gwet_ac1(ratings) == result.mean < result.high
    assert 0.05 < result.high - result.low < 0.4


@pytest.mark.parametrize(
    ("a", "b", "options", "message"),
    [
        ([1.0], [1.0], {}, "two prompts"),
        ([], [], {}, "is empty"),
        ([1.0, math.nan], [1.0, 1.0], {}, "a holds 1 of 2"),
        ([1.0, 2.0], [1.0], {}, "same prompts"),
        ([1.0, 2.0], ["x", "y"], {}, "must be numbers"),
        ([1.0] * 3, [1.0] * 3, {"seeds": [0, 0, 1]}, "every seed"),
        ([1.0] * 3, [1.0] * 3, {"seeds": [0, 0]}, "shape"),
        ([1.0, 2.0], [1.0, 2.0], {"over": "both"}, "two seeds"),
        ([1.0, 2.0], [1.0, 2.0], {"confidence": 95}, "probability"),
    ],
)
def test_what_cannot_be_compared_is_refused(a, b, options, message):
    with pytest.raises(ValueError, match=message):
        paired_difference(a, b, **options)


def test_bootstrap_refuses_one_unit_and_a_statistic_that_is_no_number():
    with pytest.raises(ValueError, match="two units"):
        bootstrap_interval([1.0])
    with pytest.raises(ValueError, match="not a finite"):
        bootstrap_interval([1.0, 2.0], lambda values: math.nan)
