"""One reward out of two models: safety where it matters, helpfulness elsewhere (section 3.2.3)."""

import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from minillama.alignment.reward_model import Scorer

# (prompts, answers, is_safety) -> one raw score an answer.
Reward = Callable[[Sequence[Sequence[int]], Sequence[Sequence[int]], Bool[Tensor, " batch"]], Float[Tensor, " batch"]]

# Scores that differ by less than this share of their size differ by rounding: dividing by such a spread would make
# rewards of noise out of a constant reward model.
SAME_WITHIN = 1e-6


def logit(probability: Float[Tensor, "*shape"] | float) -> Float[Tensor, "*shape"]:
    """Return ``log(p / (1 - p))``, the inverse of the sigmoid; 0 and 1 give minus and plus infinity.

    The paper takes the logit of a score that is a sigmoid, which is the raw score again. Work on raw scores where they
    are at hand: in float32 the sigmoid of 17 is 1 already, and its logit infinite.

    Raises:
        ValueError: A value is not a probability.
    """
    values = torch.as_tensor(probability, dtype=None if isinstance(probability, Tensor) else torch.float64)
    wrong = ~((values >= 0) & (values <= 1))
    if bool(wrong.any()):
        raise ValueError(f"{float(values[wrong][0])} has no logit; give probabilities, from 0 to 1")
    return torch.logit(values)


def combine_rewards(
    safety: Float[Tensor, " batch"],
    helpfulness: Float[Tensor, " batch"],
    is_safety: Shaped[Tensor, " batch"],
    threshold: float = 0.15,
) -> Float[Tensor, " batch"]:
    """Return the raw score that counts for each answer: Rs if is_safety(p) or sigmoid(Rs) < threshold else Rh.

    Raw scores stand for the paper's logits of sigmoids, so nothing saturates. A threshold on a score that was trained
    on rankings alone has no absolute meaning; it needs a safety model whose sigmoid estimates a probability.

    Args:
        safety: Raw scores of the safety reward model, before any sigmoid.
        helpfulness: Raw scores of the helpfulness reward model.
        is_safety: Whether the prompt is one of the safety prompts.
        threshold: Probability of being safe below which safety counts whatever the prompt; the paper's 0.15 had
            precision 0.89 and recall 0.55 for unsafe responses.

    Raises:
        ValueError: Shapes differ, a score is NaN or infinite (the message names model and row), or the threshold is
            no probability.
    """
    if not safety.shape == helpfulness.shape == is_safety.shape or safety.ndim != 1:
        shapes = f"{tuple(safety.shape)}, {tuple(helpfulness.shape)} and {tuple(is_safety.shape)}"
        raise ValueError(f"safety, helpfulness and is_safety have shapes {shapes}; each needs one value an answer")
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold is {threshold}; it is a probability, from 0 to 1")
    check_scores(safety, "the safety score")
    check_scores(helpfulness, "the helpfulness score")
    return torch.where(is_safety.to(safety.device).bool() | (safety < float(logit(threshold))), safety, helpfulness)


def two_model_reward(safety: Scorer, helpfulness: Scorer, threshold: float = 0.15) -> Reward:
    """Return the reward function that scores answers by both models and combines them (see :func:`combine_rewards`).

    Its scores are raw: whoever optimises them decides over what they are whitened.
    """

    def reward(
        prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], is_safety: Bool[Tensor, " batch"]
    ) -> Float[Tensor, " batch"]:
        return combine_rewards(safety(prompts, answers), helpfulness(prompts, answers), is_safety, threshold)

    return reward


def scored_once(reward: Reward) -> Reward:
    """The same reward, asked once for equal prompts with equal answers: at low temperatures half of a round's are.

    Only for a reward whose scores of a row do not depend on the other rows, which whitened ones do.
    """

    def once(
        prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], is_safety: Bool[Tensor, " batch"]
    ) -> Float[Tensor, " batch"]:
        rows = list(zip(map(tuple, prompts), map(tuple, answers), is_safety.tolist(), strict=True))
        place = {row: number for number, row in enumerate(dict.fromkeys(rows))}
        flags = torch.tensor([safety for _, _, safety in place], dtype=torch.bool)
        scores = reward([prompt for prompt, _, _ in place], [answer for _, answer, _ in place], flags)
        return scores[[place[row] for row in rows]]

    return once


def check_scores(scores: Float[Tensor, " batch"], what: str = "the reward") -> None:
    """Raise ``ValueError`` naming the first rows, if any, whose score is NaN or infinite."""
    rows = (~torch.isfinite(scores)).nonzero().flatten().tolist()
    if rows:
        more = f" (and {len(rows) - 1} rows more, such as {rows[1:6]})" if len(rows) > 1 else ""
        raise ValueError(
            f"{what} of row {rows[0]} is {float(scores[rows[0]])}{more}; look at its prompt and answer, and at whether "
            "the reward model's weights are numbers"
        )


def whiten(x: Float[Tensor, "*shape"], mask: Shaped[Tensor, "*shape"] | None = None) -> Float[Tensor, "*shape"]:
    """Shift and scale to mean 0 and population standard deviation 1 over the unmasked elements.

    Values that are all equal, up to rounding, become 0: such a reward says nothing, and says so.

    Args:
        x: For instance the scores of a batch of answers.
        mask: Not 0 where an element counts; the others do not matter and become 0.

    Raises:
        ValueError: No element counts, or one that does is NaN or infinite.
    """
    counts = torch.ones_like(x, dtype=torch.bool) if mask is None else mask.bool()
    values = x[counts]
    if values.numel() == 0:
        raise ValueError("there is nothing to whiten: no element, or a mask that is 0 everywhere")
    check_scores(values.detach(), "the value")
    # Measured from the first value, equal values are exactly 0, whatever their mean would be rounded to.
    shifted = values - values[0]
    centred = shifted - shifted.mean()
    std = math.sqrt(float(centred.square().mean()))
    if std <= SAME_WITHIN * float(values.abs().max()):
        return torch.zeros_like(x)
    return torch.zeros_like(x).masked_scatter(counts, centred / std)
