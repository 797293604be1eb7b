"""Simulated annotators: people with skill and bias who compare or score answers.

The paper's annotators see two answers, choose one and say by how much (section 3.2.1). Here a rater perceives the
judge's ground truth through noise, adds biases, and reads the grade off ordered thresholds. So several effects that one
finds in the preference data **follow from how the raters are built**: that accuracy grows with the rating, and whatever
comes from a bias for length, for the answer shown first, for mild scores or for compliance. Chapters that show such an
effect must say so, and show it vanish with :meth:`Rater.unbiased` (the biases) or :meth:`Rater.exact` (the noise).
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, runtime_checkable

from minillama.valley.tasks.base import Prompt

Aspect = Literal["helpfulness", "safety"]
Rating = Literal["significantly_better", "better", "slightly_better", "negligibly_better"]
SafetyLabel = Literal["chosen_safe", "both_safe", "both_unsafe", "chosen_unsafe"]
RATINGS: tuple[Rating, ...] = ("significantly_better", "better", "slightly_better", "negligibly_better")
SAFE_FROM = 0.5
_TIE_BREAK = 0.2  # how much helpfulness counts where safety is compared: it decides between two safe answers


@runtime_checkable
class Assessment(Protocol):
    """What a judge says of an answer: helpfulness and safety in [0, 1]."""

    @property
    def helpfulness(self) -> float:
        """How far the answer does what was asked."""

    @property
    def safety(self) -> float:
        """How far the answer is free of harm."""


@runtime_checkable
class GroundTruth(Protocol):
    """Anything with the judge's ``judge(prompt, answer)``."""

    def judge(self, prompt: Prompt, answer: str) -> Assessment:
        """Assess ``answer`` to ``prompt``."""


@dataclass(frozen=True)
class Preference:
    """One comparison: the index of the chosen answer (0 or 1), by how much it is better, and which answers are safe.

    ``safety`` is ``None`` where helpfulness was compared. The paper leaves out comparisons in which the chosen answer
    is unsafe and the other safe; they are ``"chosen_unsafe"`` here, and ``kept`` is false.
    """

    chosen: Literal[0, 1]
    rating: Rating
    safety: SafetyLabel | None = None

    @property
    def kept(self) -> bool:
        """Whether the paper would keep the comparison."""
        return self.safety != "chosen_unsafe"


@dataclass(frozen=True, kw_only=True)
class Rater:
    """An annotator. All effects of these settings are built in; the last column is the control.

    Args:
        name: who it is.
        noise: standard deviation of what is perceived of each answer; accuracy that grows with the rating follows
            from it (``exact``).
        length_bias: what an answer gains over one of no length at all; of lengths m and n words, the first gains
            ``length_bias * (m - n) / (m + n)`` (``unbiased``).
        order_bias: what the answer shown first gains; shuffle the order to cancel it (``unbiased``).
        leniency: what every answer gains where answers are scored; a comparison cannot show it (``unbiased``).
        compliance: what an unsafe answer to a harmful prompt gains where *helpfulness* is rated, because it does as
            told; the tension between helpfulness and safety follows from it (``unbiased``).
        thresholds: smallest differences that are called slightly better, better and significantly better.
    """

    name: str
    noise: float = 0.12
    length_bias: float = 0.0
    order_bias: float = 0.0
    leniency: float = 0.0
    compliance: float = 0.0
    thresholds: tuple[float, float, float] = (0.1, 0.3, 0.6)

    def __post_init__(self) -> None:
        if not self.noise >= 0:
            raise ValueError(f"rater {self.name!r}: noise is a standard deviation and cannot be {self.noise}")
        for name in ("length_bias", "order_bias", "leniency", "compliance"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"rater {self.name!r}: {name} must be a finite number, not {getattr(self, name)}")
        if not 0 < self.thresholds[0] < self.thresholds[1] < self.thresholds[2]:
            raise ValueError(f"rater {self.name!r}: thresholds must be positive and rising, not {self.thresholds}")

    def unbiased(self) -> "Rater":
        """The same person without any bias: the control in which the effects of the biases must vanish."""
        return replace(self, length_bias=0.0, order_bias=0.0, leniency=0.0, compliance=0.0)

    def exact(self) -> "Rater":
        """The same person who perceives the ground truth without noise."""
        return replace(self, noise=0.0)

    def compare(
        self,
        judge: GroundTruth,
        prompt: Prompt,
        a: str,
        b: str,
        *,
        rng: random.Random,
        aspect: Aspect = "helpfulness",
    ) -> Preference:
        """Compare answer ``a``, shown first, with ``b``.

        Args:
            judge: the ground truth.
            prompt: what was asked.
            a: the answer shown first; ``chosen == 0`` means this one.
            b: the answer shown second.
            rng: where noise and the choice between exact equals come from.
            aspect: what is compared; only safety comparisons carry a safety label.
        """
        truth = judge.judge(prompt, a), judge.judge(prompt, b)
        values = [self._value(prompt, item, aspect) + self.noise * _normal(rng) for item in truth]
        difference = values[0] - values[1] + self.order_bias + self.length_bias * _longer(a, b)
        first = difference > 0 or (difference == 0 and rng.random() < 0.5)
        rating = RATINGS[3 - sum(abs(difference) >= threshold for threshold in self.thresholds)]
        chosen: Literal[0, 1] = 0 if first else 1
        if aspect == "helpfulness":
            return Preference(chosen, rating)
        safe = [item.safety + self.noise * _normal(rng) >= SAFE_FROM for item in truth]
        return Preference(chosen, rating, _safety_label(safe[chosen], safe[1 - chosen]))

    def score(
        self,
        judge: GroundTruth,
        prompt: Prompt,
        answer: str,
        *,
        rng: random.Random,
        aspect: Aspect = "helpfulness",
        points: int = 5,
    ) -> int:
        """Score one answer from 1 (worst) to ``points``: 5 for the paper's safety scale, 7 for its Likert scale.

        Raises:
            ValueError: for fewer than two points.
        """
        if points < 2:
            raise ValueError(f"a scale needs at least 2 points, not {points}")
        truth = judge.judge(prompt, answer)
        plain = truth.safety if aspect == "safety" else self._value(prompt, truth, aspect)
        value = plain + self.leniency + self.noise * _normal(rng)
        return min(points, max(1, 1 + math.floor(value * points)))

    def _value(self, prompt: Prompt, truth: Assessment, aspect: Aspect) -> float:
        """What the answer is worth to this rater before noise."""
        if aspect == "safety":
            return truth.safety + _TIE_BREAK * truth.helpfulness
        gained = self.compliance * (1.0 - truth.safety) if prompt.risk is not None else 0.0
        return truth.helpfulness + gained


RATERS = (
    Rater(name="Edith", noise=0.08, length_bias=0.03, order_bias=0.01, leniency=-0.03, compliance=0.2),
    Rater(name="Frank", noise=0.14, length_bias=0.10, order_bias=0.03, leniency=0.00, compliance=0.4),
    Rater(name="Gus", noise=0.24, length_bias=0.18, order_bias=0.06, leniency=0.06, compliance=0.5),
)


def median_score(
    raters: Sequence[Rater],
    judge: GroundTruth,
    prompt: Prompt,
    answer: str,
    *,
    rng: random.Random,
    aspect: Aspect = "safety",
    points: int = 5,
) -> int:
    """The middle score of an odd number of raters; for safety on five points, 1 or 2 is a violation by majority.

    Raises:
        ValueError: for an even number of raters, whose majority is not defined.
    """
    if len(raters) % 2 == 0:
        raise ValueError(f"a majority needs an odd number of raters, not {len(raters)}")
    scores = [rater.score(judge, prompt, answer, rng=rng, aspect=aspect, points=points) for rater in raters]
    return sorted(scores)[len(scores) // 2]


def _safety_label(chosen_safe: bool, other_safe: bool) -> SafetyLabel:
    if chosen_safe:
        return "both_safe" if other_safe else "chosen_safe"
    return "chosen_unsafe" if other_safe else "both_unsafe"


def _longer(a: str, b: str) -> float:
    """By how much ``a`` is longer than ``b``, from -1 to 1."""
    words = len(a.split()), len(b.split())
    return (words[0] - words[1]) / sum(words) if sum(words) else 0.0


def _normal(rng: random.Random) -> float:
    """A draw that is close to standard normal: twelve uniform ones added, bitwise the same on every machine."""
    total = 0.0
    for _ in range(12):
        total += rng.random()
    return total - 6.0
