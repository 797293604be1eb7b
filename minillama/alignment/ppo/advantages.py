"""How much better each token turned out than the value model expected: generalised advantage estimation."""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor


def estimate_advantages(
    rewards: Float[Tensor, "batch time"],
    values: Float[Tensor, "batch time"],
    mask: Shaped[Tensor, "batch time"],
    gamma: float,
    lam: float,
) -> tuple[Float[Tensor, "batch time"], Float[Tensor, "batch time"]]:
    """Return advantages and returns (Schulman et al. 2016).

    ``delta[t] = r[t] + gamma V[t+1] - V[t]`` and ``A[t] = delta[t] + gamma lam A[t+1]``, from the last token back. The
    value after an answer's last token is 0, whether it ended with EOS or for want of room: nothing follows that could
    be rewarded. The paper states neither gamma nor lambda.

    Args:
        rewards: For each token of the answer.
        values: Expected sum of rewards from this token on, before it was chosen.
        mask: Not 0 on tokens of the answer; a place with 0 ends the answer before it, and what it holds, NaN included,
            does not matter.
        gamma: Discount, from 0 to 1.
        lam: 0 trusts the values, 1 the sampled rewards.

    Returns:
        Advantages and returns (advantage plus value, the target of the value model); both 0 where the mask is.
    """
    counts = mask.bool()
    rewards, values = rewards.masked_fill(~counts, 0.0), values.masked_fill(~counts, 0.0)
    advantages = torch.zeros_like(values)
    following = next_value = torch.zeros_like(values[:, 0])
    for time in range(values.shape[1] - 1, -1, -1):
        delta = rewards[:, time] + gamma * next_value - values[:, time]
        following = torch.where(counts[:, time], delta + gamma * lam * following, 0.0)
        next_value = values[:, time]
        advantages[:, time] = following
    return advantages, advantages + values


def explained_variance(
    values: Float[Tensor, "batch time"], returns: Float[Tensor, "batch time"], mask: Shaped[Tensor, "batch time"]
) -> float:
    """Return 1 - Var(returns - values) / Var(returns) over the mask: 1 is perfect, 0 no better than a constant.

    Where all returns are equal there is nothing to explain, and the answer is 0.
    """
    counts = mask.bool()
    target = returns[counts].double()
    spread = float(target.var(correction=0))
    if spread < 1e-12:
        return 0.0
    return 1.0 - float((target - values[counts].double()).var(correction=0)) / spread
