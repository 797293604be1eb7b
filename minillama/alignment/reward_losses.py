"""What a reward model is trained on: ranking with a margin, and the auxiliary safety classification (section 3.2.2)."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

# Table 27: how far apart the scores of a pair should be, by how much the rater preferred the chosen answer.
MARGINS: Mapping[str, Mapping[str, float]] = {
    "none": {"significantly_better": 0.0, "better": 0.0, "slightly_better": 0.0, "negligibly_better": 0.0},
    "small": {"significantly_better": 1.0, "better": 2 / 3, "slightly_better": 1 / 3, "negligibly_better": 0.0},
    "large": {"significantly_better": 3.0, "better": 2.0, "slightly_better": 1.0, "negligibly_better": 0.0},
}


def ranking_loss(
    chosen: Float[Tensor, "..."], rejected: Float[Tensor, "..."], margin: Float[Tensor, "..."] | float = 0.0
) -> Float[Tensor, ""]:
    """Mean of ``-log sigmoid(chosen - rejected - margin)``, in nats.

    Args:
        chosen: raw scores of the preferred answers, (batch,).
        rejected: raw scores of the others, pair by pair.
        margin: of each pair, from :data:`MARGINS`, or one number for all.

    Raises:
        ValueError: shapes differ, are not (batch,), or the batch is empty. Scores of (batch, 1) against (batch,) would
            otherwise be compared all with all.

    Source: section 3.2.2, equations 1 and 2.
    """
    shapes = [tuple(part.shape) for part in (chosen, rejected, margin) if isinstance(part, Tensor)]
    if len(set(shapes)) > 1 or len(shapes[0]) != 1:
        raise ValueError(f"chosen, rejected and margin have the shapes {shapes}; all must be (batch,)")
    if not len(chosen):
        raise ValueError("there is no pair; the loss of an empty batch is not defined")
    # softplus(-x) = -log sigmoid(x) without the overflow of exp and the log of 0.
    return F.softplus(rejected - chosen + margin).mean()


def safety_loss(scores: Float[Tensor, "..."], safe: Bool[Tensor, "..."]) -> Float[Tensor, ""]:
    """Mean binary cross entropy that makes ``sigmoid(score)`` an estimate of the probability that an answer is safe.

    The paper adds an auxiliary safety classification loss to the safety reward model (Table 29) but does not state its
    formula; this is our choice. It gives the scores an absolute meaning, which a threshold such as the 0.15 of section
    3.2.3 needs and ranking alone never gives: adding a constant to all scores leaves every ranking as it was.

    Args:
        scores: (batch,) raw scores of single answers, chosen and rejected ones alike.
        safe: (batch,) whether the raters found each answer safe.

    Raises:
        ValueError: the shapes differ or the batch is empty.
    """
    if scores.shape != safe.shape or scores.ndim != 1 or not len(scores):
        raise ValueError(
            f"scores and safe have the shapes {tuple(scores.shape)} and {tuple(safe.shape)}; both must be (batch,), "
            "with a batch of at least 1"
        )
    return F.binary_cross_entropy_with_logits(scores, safe.to(scores.dtype))


def margins_of(ratings: Sequence[str], kind: str = "small") -> Float[Tensor, " batch"]:
    """The margin of each rating under one of Table 27's columns ("none", "small" or "large")."""
    if kind not in MARGINS:
        raise ValueError(f"margin is {kind!r}; choose one of {', '.join(MARGINS)}")
    if unknown := sorted(set(ratings) - MARGINS[kind].keys()):
        raise ValueError(f"unknown ratings {unknown}; there are {', '.join(MARGINS[kind])}")
    return torch.tensor([MARGINS[kind][rating] for rating in ratings])
