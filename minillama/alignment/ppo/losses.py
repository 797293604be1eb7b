"""PPO's two clipped losses (Schulman et al. 2017). The paper gives the ratio clip; its value loss is unstated."""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor


def policy_loss(
    logprobs: Float[Tensor, "*shape"],
    old_logprobs: Float[Tensor, "*shape"],
    advantages: Float[Tensor, "*shape"],
    mask: Shaped[Tensor, "*shape"],
    clip: float,
) -> Float[Tensor, ""]:
    """Return the mean over the mask of ``-min(ratio A, clip(ratio, 1 - clip, 1 + clip) A)``.

    A token whose ratio has already moved past the clip in the direction of its advantage has gradient 0; one that has
    moved the wrong way keeps its gradient, however far it is.

    Args:
        logprobs: Of the sampled tokens under the policy as it is now, differentiable.
        old_logprobs: Under the policy that sampled them, from the same forward pass.
        advantages: Of these tokens.
        mask: Not 0 where a token counts; what the others hold does not matter.
        clip: 0.2 in the paper.

    Raises:
        ValueError: Shapes differ, no token counts, or the clip is not above 0.
    """
    counts = _counting(mask, clip, logprobs, old_logprobs, advantages)
    ratio = torch.exp(logprobs[counts] - old_logprobs[counts])
    gain = advantages[counts]
    return -torch.minimum(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain).mean()


def value_loss(
    values: Float[Tensor, "*shape"],
    old_values: Float[Tensor, "*shape"],
    returns: Float[Tensor, "*shape"],
    mask: Shaped[Tensor, "*shape"],
    clip: float,
) -> Float[Tensor, ""]:
    """Return the mean over the mask of ``max((V - R)^2, (V_clipped - R)^2) / 2``, V_clipped within clip of the old V.

    As for the policy, a value that has moved towards its target by more than the clip gets no further gradient.

    Args:
        values: Of the value model as it is now, differentiable.
        old_values: When the answers were sampled.
        returns: What the values should be.
        mask: Not 0 where a token counts.
        clip: In units of reward.

    Raises:
        ValueError: Shapes differ, no token counts, or the clip is not above 0.
    """
    counts = _counting(mask, clip, values, old_values, returns)
    new, old, target = values[counts], old_values[counts], returns[counts]
    clipped = old + (new - old).clamp(-clip, clip)
    return 0.5 * torch.maximum((new - target).square(), (clipped - target).square()).mean()


def clip_fraction(
    logprobs: Float[Tensor, "*shape"],
    old_logprobs: Float[Tensor, "*shape"],
    mask: Shaped[Tensor, "*shape"],
    clip: float,
) -> float:
    """Return the share of tokens whose ratio of new to old probability lies outside the clip."""
    counts = _counting(mask, clip, logprobs, old_logprobs)
    ratio = torch.exp(logprobs.detach()[counts] - old_logprobs[counts])
    return float(((ratio - 1).abs() > clip).float().mean())


def _counting(mask: Tensor, clip: float, *parts: Tensor) -> Tensor:
    """The mask as booleans, once everything fits."""
    for part in parts:
        if part.shape != mask.shape:
            raise ValueError(f"shapes {[tuple(each.shape) for each in (*parts, mask)]} differ; all need one")
    if not clip > 0:
        raise ValueError(f"clip is {clip}; it must be above 0, such as 0.2")
    counts = mask.bool()
    if not bool(counts.any()):
        raise ValueError("the mask is 0 everywhere: there is no token to learn from")
    return counts
