"""How far raters agree, beyond what chance would give: Gwet's AC1 and AC2, beside the kappas.

All coefficients are (observed - chance) / (1 - chance), with observed agreement counted in the same way; they differ in
what they take chance to be. The kappas take it from how often each category is used, so that where nearly everything
is "safe" chance agreement comes near 1 and kappa near 0, however well the raters agree (the paradox of high
prevalence). Gwet's AC1 does not have it, which is why the paper reports AC1 and AC2 (section 3.4.2).

Ratings are one row per subject and one column per rater; ``None`` or NaN is a missing rating. A subject with one
rating helps to say how often categories are used, but cannot show agreement (Gwet 2014, general formula).
"""

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

Ratings = Sequence[Sequence[Any]] | NDArray[Any]
Categories = Sequence[Any] | NDArray[Any] | None
Weights = Literal["identity", "linear", "quadratic", "ordinal", "radical"] | NDArray[Any]


def gwet_ac1(ratings: Ratings, *, categories: Categories = None) -> float:
    """Gwet's AC1 for categories without order, any number of raters.

    Args:
        ratings: Rows of subjects, columns of raters; ``None`` or NaN where missing.
        categories: All that raters could have chosen. Say so when some were never used: their number counts.

    Raises:
        ValueError: No subject has two ratings, a rating outside ``categories``, or one category only.
    """
    return gwet_ac2(ratings, "identity", categories=categories)


def gwet_ac2(ratings: Ratings, weights: Weights = "quadratic", *, categories: Categories = None) -> float:
    """Gwet's AC2: AC1 with partial credit for ratings that are near each other on an ordered scale.

    ``chance = T_w / (q (q - 1)) * sum_k pi_k (1 - pi_k)`` with T_w the sum of all weights, q the number of categories
    and pi_k the share of category k (Gwet 2014; the paper's coefficient for its seven-point scale).

    Args:
        ratings: Rows of subjects, columns of raters; ``None`` or NaN where missing.
        weights: Name of the credit, see :func:`agreement_weights`, or a symmetric matrix with 1 on its diagonal.
        categories: The scale from one end to the other, say ``range(1, 8)``. Without it: the sorted ratings in use.

    Raises:
        ValueError: No subject has two ratings, a rating outside ``categories``, or one category only.
    """
    counts, credit = _counts_and_weights(ratings, weights, categories)
    shares = _shares(counts)
    q = len(shares)
    chance = float(credit.sum()) / (q * (q - 1)) * float(shares @ (1 - shares))
    return _beyond_chance(_observed(counts, credit), chance)


def fleiss_kappa(ratings: Ratings, weights: Weights = "identity", *, categories: Categories = None) -> float:
    """Fleiss' kappa (1971): chance is that two draws from the pooled ratings agree. Arguments as :func:`gwet_ac2`.

    Raises:
        ValueError: As :func:`gwet_ac2`; also when all ratings are the same, where kappa is 0 / 0.
    """
    counts, credit = _counts_and_weights(ratings, weights, categories)
    shares = _shares(counts)
    return _beyond_chance(_observed(counts, credit), float(shares @ credit @ shares))


def cohen_kappa(ratings: Ratings, weights: Weights = "identity", *, categories: Categories = None) -> float:
    """Cohen's kappa (1960) of two raters: chance keeps each rater's own habits. Arguments as :func:`gwet_ac2`.

    Only subjects that both have rated count.

    Raises:
        ValueError: As :func:`fleiss_kappa`; also for other than two raters.
    """
    rows = _rows(ratings)
    if len(rows[0]) != 2:
        raise ValueError(f"Cohen's kappa is for 2 raters, not {len(rows[0])}; use fleiss_kappa or gwet_ac1")
    both = [row for row in rows if None not in row]
    if not both:
        raise ValueError("no subject was rated by both raters, so agreement cannot be seen")
    scale = list(categories) if categories is not None else _sorted({entry for row in both for entry in row}, weights)
    counts, credit = _counts_and_weights(both, weights, scale)
    first, second = (_shares(_count([[row[rater]] for row in both], scale)) for rater in (0, 1))
    return _beyond_chance(_observed(counts, credit), float(first @ credit @ second))


def observed_agreement(ratings: Ratings, weights: Weights = "identity", *, categories: Categories = None) -> float:
    """Share of agreeing pairs of ratings, averaged over subjects, in [0, 1]. Arguments as :func:`gwet_ac2`."""
    return _observed(*_counts_and_weights(ratings, weights, categories))


def agreement_weights(name: str, scale: Sequence[Any] | NDArray[Any]) -> Float[np.ndarray, "q q"]:
    """Credit for every two categories, from 1 on the diagonal to 0 between the ends of the scale.

    "identity" gives no credit off the diagonal; "linear" and "quadratic" fall with the distance of the categories
    over that of the ends, or its square; "radical" with its root; "ordinal" with the number of pairs of categories
    that lie between two, so that it does not depend on the numbers at all.

    Raises:
        ValueError: Another name.
    """
    x = np.asarray(scale, dtype=np.float64)
    gap = np.abs(x[:, None] - x[None, :])
    powers = {"linear": 1.0, "quadratic": 2.0, "radical": 0.5}
    if name == "identity" or len(x) < 2:
        return np.eye(len(x))
    if name in powers:
        return 1 - (gap / gap.max()) ** powers[name]
    if name == "ordinal":
        steps = np.abs(np.subtract.outer(np.arange(len(x)), np.arange(len(x))))
        pairs = steps * (steps + 1) / 2
        return 1 - pairs / pairs.max()
    raise ValueError(f"unknown weights {name!r}: take identity, linear, quadratic, ordinal, radical, or a matrix")


def _rows(ratings: Ratings) -> list[list[Any]]:
    """Rows with ``None`` for every missing rating."""
    rows = [[None if _missing(entry) else entry for entry in row] for row in ratings]
    if not rows or len({len(row) for row in rows}) != 1 or len(rows[0]) < 2:
        raise ValueError("ratings need at least one row, and rows of equal length, two raters or more (None = missing)")
    return rows


def _missing(entry: Any) -> bool:
    return entry is None or (isinstance(entry, (float, np.floating)) and math.isnan(entry))


def _counts_and_weights(
    ratings: Ratings, weights: Weights, categories: Categories
) -> tuple[Float[np.ndarray, "subjects q"], Float[np.ndarray, "q q"]]:
    """How many raters put each subject into each category, and the credit for every two categories."""
    rows = _rows(ratings)
    used = {entry for row in rows for entry in row if entry is not None}
    scale = list(categories) if categories is not None else _sorted(used, weights)
    if len(scale) < 2 or len(set(scale)) != len(scale) or not used <= set(scale):
        raise ValueError(
            f"ratings {sorted(used, key=repr)} need categories that name each of them once, at least two, not {scale}"
        )
    counts = _count(rows, scale)
    if (counts.sum(axis=1) < 2).all():
        raise ValueError("no subject has two ratings, so agreement cannot be seen")
    return counts, _credit(weights, scale)


def _sorted(used: set[Any], weights: Weights) -> list[Any]:
    """The categories in use, in an order that means something where the weights need one."""
    if all(isinstance(entry, (int, float, np.number)) for entry in used):
        return sorted(used)
    if isinstance(weights, str) and weights == "identity":
        return sorted(used, key=repr)
    raise ValueError(f"the order of {sorted(used, key=repr)} is not known: give categories from one end to the other")


def _credit(weights: Weights, scale: list[Any]) -> Float[np.ndarray, "q q"]:
    if isinstance(weights, str):
        numeric = all(isinstance(entry, (int, float, np.number)) for entry in scale)
        return agreement_weights(weights, scale if numeric else range(len(scale)))
    matrix = np.asarray(weights, dtype=np.float64)
    q = len(scale)
    if matrix.shape != (q, q) or not np.allclose(matrix, matrix.T) or not np.allclose(matrix.diagonal(), 1):
        raise ValueError(f"weights must be a symmetric {q} x {q} matrix with 1 on its diagonal, not {matrix.shape}")
    return matrix


def _count(rows: list[list[Any]], scale: list[Any]) -> Float[np.ndarray, "subjects q"]:
    index = {category: k for k, category in enumerate(scale)}
    counts = np.zeros((len(rows), len(scale)))
    for subject, row in enumerate(rows):
        for entry in row:
            if entry is not None:
                counts[subject, index[entry]] += 1
    return counts[counts.sum(axis=1) > 0]


def _observed(counts: Float[np.ndarray, "subjects q"], credit: Float[np.ndarray, "q q"]) -> float:
    """Mean over subjects with two ratings or more of the credit of a pair of different raters."""
    several = counts[counts.sum(axis=1) >= 2]
    n = several.sum(axis=1)
    pairs = (several * (several @ credit - 1)).sum(axis=1)
    return float((pairs / (n * (n - 1))).mean())


def _shares(counts: Float[np.ndarray, "subjects q"]) -> Float[np.ndarray, " q"]:
    """Share of each category; every subject weighs the same, however many have rated it."""
    return (counts / counts.sum(axis=1, keepdims=True)).mean(axis=0)


def _beyond_chance(observed: float, chance: float) -> float:
    if chance > 1 - 1e-12:
        raise ValueError("chance agreement is 1 (all ratings are the same), where kappa is 0 / 0; use gwet_ac1")
    return (observed - chance) / (1 - chance)
