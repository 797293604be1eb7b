"""What a reward model is worth on held-out pairs: accuracy, spread and calibration of its scores, and what is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from minillama.alignment.preferences import EncodedPair
from minillama.alignment.reward_model import Scorer, finite
from minillama.evaluation.rewards import RewardAccuracy, calibration_error, reward_accuracy


@dataclass(frozen=True, kw_only=True)
class RewardReport:
    """Figures of a reward model on pairs that it was not trained on.

    Attributes:
        accuracy: share of the pairs ranked as the rater did, by rating and over all (Table 8).
        mean: of all scores, raw.
        spread: their standard deviation.
        pair_calibration: by how much ``sigmoid(chosen - rejected)`` misses the share of pairs so decided, on average.
            A margin in training makes it too sure of itself by design.
        safety_calibration: the same of ``sigmoid(score)`` as the probability of being safe; None without labels.
        problems: what makes the model useless, in words; empty where nothing is amiss.
    """

    accuracy: RewardAccuracy
    mean: float
    spread: float
    pair_calibration: float
    safety_calibration: float | None
    problems: tuple[str, ...]


def reward_report(scorer: Scorer, pairs: Sequence[EncodedPair]) -> RewardReport:
    """Measure a scorer, such as ``model.score``, on held-out pairs.

    Raises:
        ValueError: there are no pairs, or a score is NaN or infinite.
    """
    if not pairs:
        raise ValueError("there are no pairs to measure on; hold some out")
    prompts = [pair.prompt for pair in pairs]
    scores = finite(scorer(prompts * 2, [pair.chosen for pair in pairs] + [pair.rejected for pair in pairs]).cpu())
    chosen, rejected = scores.float().chunk(2)
    accuracy = reward_accuracy(chosen.tolist(), rejected.tolist(), [pair.rating for pair in pairs])
    # Both ways round: else every label is 1, and a model that is always sure would look calibrated.
    sure = torch.sigmoid(torch.cat([chosen - rejected, rejected - chosen]))
    right = [1.0] * len(pairs) + [0.0] * len(pairs)
    return RewardReport(
        accuracy=accuracy,
        mean=float(scores.mean()),
        spread=float(scores.std(correction=0)),
        pair_calibration=calibration_error(sure.tolist(), right),
        safety_calibration=_safety_calibration(chosen, rejected, pairs),
        problems=_problems(scores, accuracy),
    )


def _safety_calibration(
    chosen: Float[Tensor, " pairs"], rejected: Float[Tensor, " pairs"], pairs: Sequence[EncodedPair]
) -> float | None:
    rows = [
        (score, float(safe))
        for better, worse, pair in zip(chosen.sigmoid().tolist(), rejected.sigmoid().tolist(), pairs)
        if pair.answers_safe is not None
        for score, safe in zip((better, worse), pair.answers_safe)
    ]
    return calibration_error([score for score, _ in rows], [safe for _, safe in rows]) if rows else None


def _problems(scores: Float[Tensor, " rows"], accuracy: RewardAccuracy) -> tuple[str, ...]:
    if bool((scores == scores[0]).all()):
        return (f"every answer scores {float(scores[0]):g}: the model ranks nothing; was it trained?",)
    if accuracy.interval().high < 0.5:
        return (f"accuracy {accuracy.average:.2f} is below chance: chosen and rejected may be swapped",)
    if accuracy.interval().low <= 0.5:
        return (f"accuracy {accuracy.average:.2f} on {accuracy.n} pairs cannot be told from chance",)
    return ()
