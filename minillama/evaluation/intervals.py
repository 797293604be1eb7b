"""How sure a measured mean, share or difference is: intervals.

Two models are compared on the *same* prompts, so that hard and easy prompts cancel; and a recipe trained with several
seeds meets each prompt several times, which does not make several prompts of it. :func:`paired_difference` does both.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

Numbers = Sequence[Any] | NDArray[Any] | Tensor
"""Plain numbers in a row, or rows of them: lists, numpy arrays and tensors alike."""

Over = Literal["prompts", "both"]


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate and the interval that covers the true value with probability ``confidence``."""

    mean: float
    low: float
    high: float
    confidence: float | int = 0.95

    @property
    def excludes_zero(self) -> bool:
        """Whether all of the interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, kw_only=True)
class PairedDifference(Interval):
    """Mean of ``a - b`` with its interval.

    Attributes:
        n_prompts: How many prompts there are, the paired units.
        by_seed: Mean difference of each seed.
        over: What the interval speaks of, see :func:`paired_difference`.
    """

    n_prompts: int
    by_seed: tuple[float, ...]
    over: Over


def paired_difference(
    a: Numbers,
    b: Numbers,
    *,
    confidence: float | int = 0.95,
    seeds: Sequence[Hashable] | None = None,
    over: Over = "prompts",
    rare: bool = False,
) -> PairedDifference:
    """By how much the values of ``a`` exceed those of ``b`` on the same prompts, with a t interval.

    A prompt's differences are averaged over seeds first, and the interval is that of the mean over prompts (t with
    prompts - 1 degrees of freedom): more seeds make each prompt's difference steadier, not the prompts more. With
    ``over="prompts"`` it speaks of new prompts to *these* trained models. With ``over="both"`` it speaks of new
    prompts to newly trained models as well: seeds and prompts count as crossed random effects (degrees of freedom
    after Satterthwaite); it is never narrower, and with three seeds that differ it is much wider.

    Args:
        a: Value of each prompt, say judge's helpfulness or 1 for a violation; or one such row per seed.
        b: The same prompts in the same order, answered by the other model.
        confidence: Probability with which the interval covers the true difference.
        seeds: For flat ``a`` and ``b`` of several seeds: the seed of each value. Every seed lists the same prompts in
            the same order.
        over: What would be drawn anew, see above.
        rare: For shares of rare events, where most differences are 0 and few or none are not. The interval then counts
            two more prompts, of differences +1 and -1, and is cut at -1 and 1 (Bonett and Price 2012, for one seed and
            values 0 and 1); the mean stays the plain one. Without it, no violation on either side would give an
            interval of no width.

    Raises:
        ValueError: Not the same number of values, fewer than two prompts, a value that is not finite, ``over="both"``
            with one seed or with ``rare``.
    """
    rows = _rows("a", a, seeds) - _rows("b", b, seeds, like=a)
    if rows.shape[1] < 2:
        raise ValueError("an interval needs at least two prompts, and there is one")
    if over == "both" and (rows.shape[0] < 2 or rare):
        raise ValueError('over="both" needs at least two seeds, and rare=False')
    per_prompt = rows.mean(axis=0)
    mean = float(per_prompt.mean())
    if rare:
        low, high = _t_interval(np.append(per_prompt, (1.0, -1.0)), confidence)
        low, high = max(low, -1.0), min(high, 1.0)
    elif over == "both":
        half = _half_width_over_both(rows, confidence)
        low, high = mean - half, mean + half
    else:
        low, high = _t_interval(per_prompt, confidence)
    by_seed = tuple(float(value) for value in rows.mean(axis=1))
    return PairedDifference(
        mean=mean, low=low, high=high, confidence=confidence, n_prompts=rows.shape[1], by_seed=by_seed, over=over
    )


def wilson_interval(successes: float | int, n: int, confidence: float | int = 0.95) -> Interval:
    """A share and Wilson's score interval (1927), which stays inside [0, 1] and has width at 0 and n successes too.

    Args:
        successes: How many of ``n``; halves are allowed, for ties.
        n: How many independent trials.
        confidence: Probability with which the interval covers the true share.

    Raises:
        ValueError: There are no trials, or ``successes`` is not between 0 and ``n``.
    """
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"a share needs 0 <= successes <= n and n >= 1, not {successes} of {n}")
    z = NormalDist().inv_cdf(0.5 + _checked(confidence) / 2)
    share, shrink = successes / n, 1 + z * z / n
    centre = (share + z * z / (2 * n)) / shrink
    half = z / shrink * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = min(max(centre - half, 0.0), share), max(min(centre + half, 1.0), share)
    return Interval(mean=share, low=low, high=high, confidence=confidence)


def bootstrap_interval(
    values: Numbers,
    statistic: Callable[[NDArray[Any]], float] | None = None,
    *,
    confidence: float | int = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap of any statistic: for what has no formula, such as Gwet's AC1 or Self-BLEU.

    Args:
        values: One value, or one row of values, per independent unit; units are drawn with replacement.
        statistic: Function of such an array; ``None`` is the mean of the values.
        confidence: Probability with which the interval is meant to cover; below 30 units it covers less.
        resamples: How many draws.
        seed: Seed of the draws.

    Raises:
        ValueError: Fewer than two units, or a statistic that is not finite.
    """
    units = np.asarray(values.detach().cpu().double() if isinstance(values, Tensor) else values)
    tail = (1 - _checked(confidence)) / 2
    if units.ndim == 0 or len(units) < 2 or resamples < 1:
        raise ValueError(f"the bootstrap needs two units and one resample, not {units.shape} and {resamples}")
    measure = statistic or (lambda drawn: float(np.mean(drawn)))
    rng = np.random.default_rng(seed)
    draws = [measure(units[rng.integers(len(units), size=len(units))]) for _ in range(resamples)]
    mean = float(measure(units))
    if not (np.isfinite(draws).all() and math.isfinite(mean)):
        raise ValueError("the statistic of some resample is not a finite number; look at the values")
    low, high = np.quantile(draws, (tail, 1 - tail))
    return Interval(mean=mean, low=float(low), high=float(high), confidence=confidence)


def as_values(name: str, values: Numbers) -> Float[np.ndarray, "..."]:
    """Numbers as a float64 array.

    Raises:
        ValueError: There are none, or one is not finite.
    """
    try:
        array = np.asarray(values.detach().cpu().double() if isinstance(values, Tensor) else values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be numbers in a row, or rows of equal length") from error
    if array.ndim == 0 or array.size == 0:
        raise ValueError(f"{name} is empty: there is nothing to measure")
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise ValueError(f"{name} holds {bad} of {array.size} values that are not finite numbers (NaN or infinite)")
    return array


def _rows(
    name: str, values: Numbers, seeds: Sequence[Hashable] | None, like: Numbers | None = None
) -> Float[np.ndarray, "seeds prompts"]:
    array = as_values(name, values)
    if array.ndim > 2 or (seeds is not None and array.shape != (len(seeds),)):
        raise ValueError(f"{name} has shape {array.shape}: give one value per prompt, or per entry of seeds, or rows")
    if like is not None and array.shape != np.shape(like):
        raise ValueError(f"a and b must answer the same prompts, but have shapes {np.shape(like)} and {array.shape}")
    if seeds is None:
        return np.atleast_2d(array)
    rows = [array[[entry == seed for entry in seeds]] for seed in dict.fromkeys(seeds)]
    if len({len(row) for row in rows}) > 1:
        raise ValueError(f"every seed must list the same prompts, not {[len(row) for row in rows]} of them")
    return np.stack(rows)


def _t_interval(values: Float[np.ndarray, " n"], confidence: float | int) -> tuple[float, float]:
    half = t_quantile(0.5 + _checked(confidence) / 2, len(values) - 1) * float(values.std(ddof=1)) / len(values) ** 0.5
    return float(values.mean()) - half, float(values.mean()) + half


def _half_width_over_both(rows: Float[np.ndarray, "seeds prompts"], confidence: float | int) -> float:
    """Two-way analysis of variance without replication: what is due to prompts, to seeds, and the rest."""
    n_seeds, n_prompts = rows.shape
    by_prompt, by_seed = rows.mean(axis=0), rows.mean(axis=1)
    rest = rows - by_prompt - by_seed[:, None] + rows.mean()
    squares = (n_seeds * by_prompt.var(ddof=1), n_prompts * by_seed.var(ddof=1))
    freedom = (n_prompts - 1, n_seeds - 1)
    square_rest, freedom_rest = float((rest**2).sum()) / math.prod(freedom), math.prod(freedom)
    plain = t_quantile(0.5 + _checked(confidence) / 2, freedom[0]) * float(by_prompt.std(ddof=1)) / n_prompts**0.5
    total = squares[0] + squares[1] - square_rest
    if total <= squares[0]:  # seeds differ less than chance would have it: only the prompts count
        return plain
    spread = squares[0] ** 2 / freedom[0] + squares[1] ** 2 / freedom[1] + square_rest**2 / freedom_rest
    t = t_quantile(0.5 + confidence / 2, max(1.0, total**2 / spread))
    return max(plain, t * math.sqrt(total / rows.size))


@lru_cache(maxsize=4096)
def t_quantile(probability: float, freedom: float | int) -> float:
    """The value below which Student's t with ``freedom`` >= 1 degrees of freedom lies with some probability >= 0.5.

    With t = sqrt(freedom) tan(angle) the density is smooth and bounded in the angle, so a Gauss-Legendre sum gives
    the distribution; the quantile is found by bisection over the angle.
    """
    if not 0.5 <= probability < 1 or freedom < 1:
        raise ValueError(f"need 0.5 <= probability < 1 and freedom >= 1, not {probability} and {freedom}")
    nodes, weights = np.polynomial.legendre.leggauss(64)
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(math.pi)
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        angle = (low + high) / 2
        above_half = scale * angle / 2 * float(weights @ np.cos(angle * (nodes + 1) / 2) ** (freedom - 1))
        low, high = (angle, high) if above_half < probability - 0.5 else (low, angle)
    return math.sqrt(freedom) * math.tan((low + high) / 2)


def _checked(confidence: float | int) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is a probability between 0 and 1, say 0.95, not {confidence}")
    return confidence
