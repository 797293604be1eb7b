"""Agreement: Gwet's published example, the paradox of kappa, cases computed by hand, and other libraries."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from minillama.evaluation.agreement import (
    agreement_weights,
    cohen_kappa,
    fleiss_kappa,
    gwet_ac1,
    gwet_ac2,
    observed_agreement,
)

# Gwet, Handbook of Inter-Rater Reliability: 12 subjects, 4 raters, 5 categories, ratings missing.
GWET = [
    [1, 1, None, 1],
    [2, 2, 3, 2],
    [3, 3, 3, 3],
    [3, 3, 3, 3],
    [2, 2, 2, 2],
    [1, 2, 3, 4],
    [4, 4, 4, 4],
    [1, 1, 2, 1],
    [2, 2, 2, 2],
    [None, 5, 5, 5],
    [None, None, 1, 1],
    [None, None, 3, None],
]


def table(counts, names=range(10)):
    """Ratings of two raters from a table whose row is the first rater's category."""
    return [[names[i], names[j]] for i, row in enumerate(counts) for j, n in enumerate(row) for _ in range(n)]


def test_gwets_published_example():
    assert gwet_ac1(GWET) == pytest.approx(0.77544, abs=5e-6)
    assert fleiss_kappa(GWET) == pytest.approx(0.76117, abs=5e-6)
    assert observed_agreement(GWET) == pytest.approx(0.81818, abs=5e-6)


@pytest.mark.parametrize(  # from irrCAC 0.4.4, Gwet's own method in another implementation
    ("weights", "ac2", "kappa"),
    [
        ("linear", 0.858739, 0.817945),
        ("quadratic", 0.914001, 0.864935),
        ("ordinal", 0.898940, 0.850206),
        ("radical", 0.819812, 0.789924),
    ],
)
def test_weighted_coefficients_of_the_same_example(weights, ac2, kappa):
    assert gwet_ac2(GWET, weights) == pytest.approx(ac2, abs=1e-6)
    assert fleiss_kappa(GWET, weights) == pytest.approx(kappa, abs=1e-6)


def test_gwets_table_of_two_raters():
    ratings = table([[13, 0, 0], [0, 20, 7], [0, 4, 56]], ("ectopic", "AIU", "NIU"))
    assert gwet_ac1(ratings) == pytest.approx(0.8493305, abs=1e-7)
    assert cohen_kappa(ratings) == pytest.approx(0.7964094, abs=1e-7)
    assert fleiss_kappa(ratings) == pytest.approx(0.7962397, abs=1e-7)  # Scott's pi


def test_by_hand():
    ratings = [[1, 1], [1, 2], [2, 2], [2, 2]]  # 3 of 4 agree; shares 3/8 and 5/8
    assert gwet_ac1(ratings) == pytest.approx((3 / 4 - 15 / 32) / (1 - 15 / 32))  # chance 2 * 3/8 * 5/8
    assert fleiss_kappa(ratings) == pytest.approx((3 / 4 - 34 / 64) / (1 - 34 / 64))
    assert cohen_kappa(ratings) == pytest.approx(0.5)  # first rater 1/2, 1/2, second 1/4, 3/4: chance 1/2
    # A third, unused category: T_w / (q (q - 1)) falls from 1 to 1/2.
    assert gwet_ac1(ratings, categories=(1, 2, 3)) == pytest.approx((3 / 4 - 15 / 64) / (1 - 15 / 64))


def test_high_prevalence_breaks_kappa_and_not_ac1():
    ratings = table([[118, 5], [2, 0]])  # two raters who agree on 118 of 125 subjects
    assert observed_agreement(ratings) == pytest.approx(0.944)
    assert cohen_kappa(ratings) < 0
    assert fleiss_kappa(ratings) < 0
    assert gwet_ac1(ratings) == pytest.approx(0.9408, abs=5e-4)
    balanced = table([[59, 4], [3, 59]])  # the same agreement where both categories are common
    assert observed_agreement(balanced) == pytest.approx(0.944)
    assert cohen_kappa(balanced) == pytest.approx(gwet_ac1(balanced), abs=1e-3)


def test_weighted_kappa_of_two_raters_by_hand():
    ratings = [[1, 1], [1, 2], [2, 3], [3, 3]]  # first rater 1/2 1/4 1/4, second 1/4 1/4 1/2
    # Linear credit 1, 1/2, 1/2, 1: observed 3/4; chance 5/16 * 1 (equal) + 6/16 * 1/2 (neighbours) = 1/2.
    assert cohen_kappa(ratings, "linear") == pytest.approx(0.5)
    # Quadratic credit 1, 3/4, 3/4, 1: observed 7/8; chance 5/16 + 6/16 * 3/4 = 19/32.
    assert cohen_kappa(ratings, "quadratic") == pytest.approx((7 / 8 - 19 / 32) / (13 / 32))
    assert cohen_kappa([*ratings, [1, None], [None, 3]], "linear") == pytest.approx(0.5)  # only pairs count


def chance_rate(measure, categories, weights="identity"):
    rng = np.random.default_rng(1)
    return measure(rng.integers(0, categories, (2000, 3)), weights)


@pytest.mark.parametrize("measure", [gwet_ac2, fleiss_kappa])
@pytest.mark.parametrize("weights", ["identity", "linear", "quadratic"])
def test_random_ratings_agree_by_chance_only(measure, weights):
    assert abs(chance_rate(measure, 5, weights)) < 0.04


@settings(max_examples=25, deadline=None)
@given(arrays.arrays(np.int64, st.tuples(st.integers(2, 8), st.integers(2, 4)), elements=st.integers(1, 4)))
@example(np.array([[3, 1], [4, 1], [4, 1], [4, 1]]))
def test_properties(ratings):
    scale = range(1, 5)
    value = gwet_ac2(ratings, categories=scale)
    # Credit for what is near makes chance large, at most .72 here, so that no agreement at all is far below -1.
    most_chance = agreement_weights("quadratic", scale).sum() / (4 * 3) * 0.75
    assert -most_chance / (1 - most_chance) - 1e-9 <= value <= 1
    assert -1 <= gwet_ac1(ratings, categories=scale) <= 1
    assert gwet_ac2(ratings[::-1, ::-1], categories=scale) == pytest.approx(value)  # order of subjects and raters
    assert gwet_ac2(10 * ratings, categories=[10 * k for k in scale]) == pytest.approx(value)  # unit of the scale
    assert gwet_ac2(5 - ratings, categories=scale) == pytest.approx(value)  # direction of the scale
    missing = np.hstack([ratings.astype(float), np.full((len(ratings), 1), math.nan)])
    assert gwet_ac2(missing, categories=scale) == pytest.approx(value)  # a rater who rated nothing
    assert gwet_ac1([[2] * 3] * len(ratings), categories=scale) == 1


def test_weights_are_symmetric_and_fall_with_distance():
    for name in ("identity", "linear", "quadratic", "ordinal", "radical"):
        matrix = agreement_weights(name, range(1, 8))
        assert (matrix == matrix.T).all()
        assert (matrix.diagonal() == 1).all()
        assert (np.diff(matrix[0]) <= 0).all()
        assert matrix[0, -1] == 0
    with pytest.raises(ValueError, match="unknown weights 'cubic'"):
        agreement_weights("cubic", (1, 2, 3))
    assert agreement_weights("ordinal", (1, 2, 3))[0].tolist() == pytest.approx([1, 2 / 3, 0])
    assert agreement_weights("quadratic", (1, 2, 3))[0].tolist() == pytest.approx([1, 0.75, 0])


def test_named_categories_need_an_order_where_nearness_counts():
    ratings = [["bad", "fair"], ["good", "good"], ["fair", "good"]]
    assert gwet_ac2(ratings, "linear", categories=("bad", "fair", "good")) == pytest.approx(
        gwet_ac2([[1, 2], [3, 3], [2, 3]], "linear")
    )
    with pytest.raises(ValueError, match="order"):
        gwet_ac2(ratings, "linear")
    with pytest.raises(ValueError, match="order"):
        cohen_kappa(ratings, "linear")


@pytest.mark.parametrize(
    ("ratings", "options", "message"),
    [
        ([], {}, "at least one row"),
        ([[1]], {}, "two raters"),
        ([[1, 2], [1]], {}, "equal length"),
        ([[1, None], [None, 2]], {}, "no subject has two ratings"),
        ([[1, 1], [1, 1]], {}, "at least two"),
        ([[1, 9], [1, 1]], {"categories": (1, 2)}, "name each"),
        ([[1, 2], [1, 1]], {"weights": np.ones((3, 3))}, "2 x 2"),
    ],
)
def test_bad_ratings_are_refused(ratings, options, message):
    with pytest.raises(ValueError, match=message):
        gwet_ac2(ratings, **options)


def test_kappa_says_where_it_is_undefined():
    for measure in (cohen_kappa, fleiss_kappa):
        with pytest.raises(ValueError, match="0 / 0"):
            measure([[1, 1], [1, 1]], categories=(1, 2))
    with pytest.raises(ValueError, match="for 2 raters"):
        cohen_kappa(GWET)
    with pytest.raises(ValueError, match="both raters"):
        cohen_kappa([[1, None], [None, 2]])
