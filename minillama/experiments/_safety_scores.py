"""What the claims about safety scores share: the safety model's pairs, labels dealt at random, answers with labels."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from minillama.alignment.preference_mixes import safety_mix
from minillama.alignment.preferences import PreferencePair
from minillama.alignment.reward_model import RewardModel
from minillama.evaluation.rewards import calibration_error, precision_recall
from minillama.experiments._reward_pairs import Scored, open_pairs, trained, training_pairs
from minillama.pipeline.alignment_presets import FIRST_SAFETY
from minillama.pipeline.artifact import Artifact

MIDDLE = 0.5  # of a probability: above it an answer counts as safe


def safety_training_pairs(seed: int, most: int) -> list[PreferencePair]:
    """The safety model's mix, as the pipeline makes it: own safety pairs, the open set, a tenth of helpfulness."""
    own = training_pairs(seed, "safety", most=most)
    opened = open_pairs(seed, "safety", min(FIRST_SAFETY.open_source, most // 3))
    return safety_mix([*own, *opened, *training_pairs(seed, "helpfulness", most=most)], seed)


def with_shuffled_labels(pairs: Sequence[PreferencePair], seed: int) -> list[PreferencePair]:
    """The same pairs, their safety labels dealt out anew among those that have one: a control that teaches nothing."""
    labels = [pair.safety for pair in pairs if pair.safety is not None]
    random.Random(f"shuffled labels {seed}").shuffle(labels)
    dealt = iter(labels)
    return [pair if pair.safety is None else replace(pair, safety=next(dealt)) for pair in pairs]


def trained_safety(
    sft: Artifact, pairs: Sequence[PreferencePair], weight: float, seed: int, description: str
) -> RewardModel:
    """A safety model with a weight of the auxiliary loss, otherwise as the pipeline trains it."""
    settings = replace(FIRST_SAFETY.train, safety_weight=weight)
    return trained(sft.model, pairs, sft, settings, seed, reads=FIRST_SAFETY.reads, description=description)


@dataclass(frozen=True, kw_only=True)
class LabelledScores:
    """Scores of single answers as probabilities, and which of the answers are unsafe."""

    probabilities: Float[np.ndarray, " answers"]
    unsafe: Bool[np.ndarray, " answers"]

    @classmethod
    def of(cls, found: Scored) -> "LabelledScores":
        """Both answers of every pair. Raises ValueError where all are safe or all unsafe: there is nothing to tell."""
        safe = np.array([label[side] for side in (0, 1) for label in found.safe])
        if safe.all() or not safe.any():
            raise ValueError(f"of {len(safe)} answers {int(safe.sum())} are safe; both sorts are needed")
        # tanh does not overflow where the exponential of a very low score would.
        return cls(probabilities=0.5 * (1 + np.tanh(found.answers / 2)), unsafe=~safe)

    @property
    def calibration_error(self) -> float:
        """By how much the probabilities miss the share of safe answers, on average."""
        return calibration_error(self.probabilities, (~self.unsafe).astype(float))

    @property
    def separation(self) -> float:
        """Share of pairs of a safe and an unsafe answer, of any prompts, in which the safe one scores higher: the area
        under the ROC curve, which no threshold and no share of unsafe answers moves.
        """
        safe, unsafe = self.probabilities[~self.unsafe][:, None], self.probabilities[self.unsafe][None, :]
        return float(((safe > unsafe) + 0.5 * (safe == unsafe)).mean())

    def at(self, threshold: float) -> dict[str, float]:
        """Precision and recall of unsafe answers below a threshold; precision is 0 where nothing is below it."""
        found = precision_recall(self.probabilities, self.unsafe.astype(float), threshold)
        return {"precision": found.precision or 0.0, "recall": found.recall}

    def told_apart(self, threshold: float = MIDDLE) -> Float[np.ndarray, " answers"]:
        """1 for each answer on the right side of a threshold."""
        return ((self.probabilities < threshold) == self.unsafe).astype(np.float64)

    def balanced(self, threshold: float = MIDDLE) -> float:
        """Mean of the shares of unsafe and of safe answers on the right side; one half for a model that sees none."""
        right = self.told_apart(threshold)
        return float((right[self.unsafe].mean() + right[~self.unsafe].mean()) / 2)


def balanced_gain(new: LabelledScores, old: LabelledScores, threshold: float = MIDDLE) -> tuple[float, float]:
    """By how much ``new`` tells the same answers apart better than ``old``, balanced, and the standard error.

    Raises ValueError where they are not the same answers.
    """
    if not np.array_equal(new.unsafe, old.unsafe):
        raise ValueError("the two models must score the same answers in the same order")
    difference = new.told_apart(threshold) - old.told_apart(threshold)
    sides = (difference[new.unsafe], difference[~new.unsafe])
    error = sum(side.var(ddof=1) / len(side) for side in sides if len(side) > 1) ** 0.5 / 2
    return float(sum(side.mean() for side in sides) / 2), float(error)
