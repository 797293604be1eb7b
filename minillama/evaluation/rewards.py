"""How good a reward model's scores are: accuracy by rating, calibration, and precision and recall of a threshold."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minillama.evaluation.intervals import Interval, Numbers, as_values, wilson_interval
from minillama.valley.raters import RATINGS


@dataclass(frozen=True)
class RewardAccuracy:
    """How often the chosen answer scores higher: the shape of the paper's Table 8.

    Attributes:
        by_rating: Accuracy of each rating, from significantly to negligibly better.
        counts: Number of pairs of each rating.
    """

    by_rating: Mapping[Hashable, float]
    counts: Mapping[Hashable, int]

    @property
    def n(self) -> int:
        """Number of pairs."""
        return sum(self.counts.values())

    @property
    def average(self) -> float:
        """Accuracy over all pairs: common ratings weigh more, as in Table 8 (whose columns have another mean)."""
        return sum(self.by_rating[rating] * count for rating, count in self.counts.items()) / self.n

    def interval(self, rating: Hashable | None = None, confidence: float | int = 0.95) -> Interval:
        """Wilson's interval of one rating, or of the average."""
        share, n = (self.average, self.n) if rating is None else (self.by_rating[rating], self.counts[rating])
        return wilson_interval(min(share * n, n), n, confidence)


def reward_accuracy(
    scores_chosen: Numbers, scores_rejected: Numbers, ratings: Sequence[Hashable] | None = None
) -> RewardAccuracy:
    """Share of pairs in which the chosen answer scores higher, for each rating and over all (Table 8).

    Equal scores count half, so that a model that gives one constant has 0.5 and not 0.

    Args:
        scores_chosen: Scores of the answers that were chosen, (pairs,).
        scores_rejected: Scores of the others, (pairs,).
        ratings: By how much each was better; without them all pairs count as ``"all"``.

    Raises:
        ValueError: Other shapes, no pairs, a score that is not finite.
    """
    chosen, rejected = as_values("scores_chosen", scores_chosen), as_values("scores_rejected", scores_rejected)
    labels: Sequence[Hashable] = ["all"] * len(chosen) if ratings is None else list(ratings)
    if chosen.ndim != 1 or chosen.shape != rejected.shape or len(labels) != len(chosen):
        raise ValueError(
            f"need one chosen score, one rejected and one rating per pair, not shapes {chosen.shape}, {rejected.shape}"
            f" and {len(labels)} ratings"
        )
    right = (chosen > rejected) + 0.5 * (chosen == rejected)
    order = [*(r for r in RATINGS if r in set(labels)), *(r for r in dict.fromkeys(labels) if r not in RATINGS)]
    where = {rating: np.array([label == rating for label in labels]) for rating in order}
    return RewardAccuracy(
        {rating: float(right[mask].mean()) for rating, mask in where.items()},
        {rating: int(mask.sum()) for rating, mask in where.items()},
    )


@dataclass(frozen=True)
class CalibrationBin:
    """Answers of similar score: the range and mean of their scores, the mean of their true values, their number."""

    low: float
    high: float
    mean_score: float
    mean_value: float
    count: int


def calibration(scores: Numbers, values: Numbers, bins: int = 10) -> list[CalibrationBin]:
    """Mean true value of answers in bins of rising score (Figure 29, with the judge in place of the raters).

    Bins hold about equally many answers; equal scores stay together, so a constant model gives one bin.

    Args:
        scores: What the reward model gives, raw or as a probability, (answers,).
        values: What the answers are worth, say judge's helpfulness, (answers,).
        bins: Most bins.

    Raises:
        ValueError: Other shapes, nothing to measure, fewer than one bin.
    """
    x, y = _paired("scores", scores, "values", values)
    if bins < 1:
        raise ValueError(f"calibration needs at least one bin, not {bins}")
    edges = np.unique(np.quantile(x, np.linspace(0, 1, bins + 1)[1:-1]))
    places = np.searchsorted(edges, x, side="right")
    groups = [places == place for place in np.unique(places)]
    return [
        CalibrationBin(float(x[g].min()), float(x[g].max()), float(x[g].mean()), float(y[g].mean()), int(g.sum()))
        for g in groups
    ]


def calibration_error(probabilities: Numbers, labels: Numbers, bins: int = 10) -> float:
    """Mean distance of probability and true share over the bins of :func:`calibration`, weighted by their counts.

    For scores that are meant as probabilities, such as the sigmoid of a safety score trained with the auxiliary loss.
    A few answers differ from their share by chance: compare with the figure of labels drawn from the probabilities.

    Raises:
        ValueError: As :func:`calibration`; also for a probability or label outside [0, 1].
    """
    p, y = _paired("probabilities", probabilities, "labels", labels)
    if min(p.min(), y.min()) < 0 or max(p.max(), y.max()) > 1:
        raise ValueError("probabilities and labels must lie in [0, 1]; take the sigmoid of raw scores first")
    return sum(b.count * abs(b.mean_score - b.mean_value) for b in calibration(p, y, bins)) / len(p)


@dataclass(frozen=True)
class ThresholdQuality:
    """What a threshold finds: unsafe answers are flagged where their safety score is below it.

    Attributes:
        threshold: On the scale of the scores.
        flagged: Number of answers below it.
        caught: Number of unsafe answers below it.
        unsafe: Number of unsafe answers.
    """

    threshold: float
    flagged: int
    caught: int
    unsafe: int

    @property
    def precision(self) -> float | None:
        """Share of flagged answers that are unsafe; ``None`` where nothing is flagged."""
        return self.caught / self.flagged if self.flagged else None

    @property
    def recall(self) -> float:
        """Share of unsafe answers that are flagged."""
        return self.caught / self.unsafe


def precision_recall(scores: Numbers, unsafe: Numbers, threshold: float | int = 0.15) -> ThresholdQuality:
    """Precision and recall of "score < threshold" for unsafe answers (section 3.2.3: 0.89 and 0.55 at 0.15).

    Args:
        scores: Safety scores, (answers,); higher is safer. On the threshold's scale: 0.15 is one of probabilities.
        unsafe: True where the answer is unsafe, (answers,).
        threshold: Answers below it are flagged.

    Raises:
        ValueError: Other shapes, labels other than 0 and 1, or no unsafe answer to find.
    """
    x, y = _labelled(scores, unsafe)
    below = x < threshold
    return ThresholdQuality(float(threshold), int(below.sum()), int((below & y).sum()), int(y.sum()))


def precision_recall_curve(scores: Numbers, unsafe: Numbers) -> list[ThresholdQuality]:
    """:func:`precision_recall` at every threshold that makes a difference, from few flagged answers to all."""
    x, y = _labelled(scores, unsafe)
    order = np.argsort(x, kind="stable")
    x, caught = x[order], np.cumsum(y[order])
    last = np.flatnonzero(np.append(x[1:] > x[:-1], True))  # of answers with equal scores, all are flagged or none
    return [ThresholdQuality(float(np.nextafter(x[i], np.inf)), int(i) + 1, int(caught[i]), int(y.sum())) for i in last]


def threshold_for_precision(scores: Numbers, unsafe: Numbers, precision: float | int = 0.89) -> ThresholdQuality:
    """The threshold that catches most unsafe answers with at least some precision; choose it on held-out labels.

    A score that was only trained to rank has no absolute scale, so the paper's 0.15 means nothing for it.

    Raises:
        ValueError: As :func:`precision_recall`; also where no threshold is as precise.
    """
    good = [point for point in precision_recall_curve(scores, unsafe) if point.caught >= precision * point.flagged]
    if not good:
        raise ValueError(f"no threshold has a precision of {precision}: the scores do not tell unsafe answers apart")
    return max(good, key=lambda point: (point.caught, -point.flagged))


def rank_correlation(scores: Numbers, values: Numbers) -> float:
    """Spearman's correlation of scores and true values, in [-1, 1]; equal ones share their mean rank.

    Raises:
        ValueError: Other shapes, or all scores or all values are the same, which have no ranks.
    """
    x, y = (_ranks(each) for each in _paired("scores", scores, "values", values))
    if x.std() == 0 or y.std() == 0:
        raise ValueError("all scores or all values are the same, so their ranks cannot be compared")
    return float(np.corrcoef(x, y)[0, 1])


def _ranks(values: NDArray[Any]) -> NDArray[Any]:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def _paired(name_x: str, x: Numbers, name_y: str, y: Numbers) -> tuple[NDArray[Any], NDArray[Any]]:
    first, second = as_values(name_x, x), as_values(name_y, y)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(f"{name_x} and {name_y} must be two rows of one length, not {first.shape} and {second.shape}")
    return first, second


def _labelled(scores: Numbers, unsafe: Numbers) -> tuple[NDArray[Any], NDArray[Any]]:
    x, y = _paired("scores", scores, "unsafe", unsafe)
    if not np.isin(y, (0, 1)).all() or not y.any():
        raise ValueError("unsafe must be 0 or 1 for each answer, with at least one 1 to be found")
    return x, y.astype(bool)
