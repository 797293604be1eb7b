"""From one score an answer to one reward a token: whitening, the penalty for leaving the reference, the terminal score.

Section 3.2.3: ``R(g|p) = R~c(g|p) - beta KL(pi || pi_0)`` with R~c the whitened score.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from minillama.alignment.combined_reward import check_scores, whiten
from minillama.alignment.ppo.settings import PPOSettings


def kl_estimates(
    logprobs: Float[Tensor, "batch time"],
    reference_logprobs: Float[Tensor, "batch time"],
    mask: Shaped[Tensor, "batch time"],
) -> tuple[Float[Tensor, "batch time"], Float[Tensor, "batch time"]]:
    """Return k1 and k3 of each token, estimates of KL(policy || reference) from a token that the policy sampled.

    With ``d = log pi - log pi_0``: k1 = d is unbiased but may be negative, k3 = exp(-d) - 1 + d is unbiased, never
    negative and varies less while the two are close (Schulman 2020). Both are 0 where the mask is.
    """
    difference = torch.where(mask.bool(), logprobs - reference_logprobs, 0.0)
    return difference, torch.expm1(-difference) + difference


def token_rewards(
    scores: Float[Tensor, " batch"],
    finished: Bool[Tensor, " batch"],
    k1: Float[Tensor, "batch time"],
    mask: Shaped[Tensor, "batch time"],
    beta: float,
    unfinished_penalty: float,
) -> Float[Tensor, "batch time"]:
    """Return ``-beta k1`` for each token, and on the last one of each answer its score as well.

    The last token is EOS. An answer that was cut off has its score, less the penalty, on the token it was cut at:
    without the penalty a policy that never stops is judged by texts that the reward model never saw the like of.
    The sum over an answer is its score minus beta times the estimate of the sequence's KL.

    Raises:
        ValueError: An answer has no token.
    """
    lengths = mask.bool().sum(dim=1)
    if bool((lengths == 0).any()):
        row = int((lengths == 0).nonzero()[0])
        raise ValueError(f"the answer of row {row} has no token; a score needs one, at least EOS, to stand on")
    rewards = torch.where(mask.bool(), -beta * k1, 0.0)
    terminal = scores - unfinished_penalty * (~finished).to(scores.dtype)
    last = (torch.arange(mask.shape[1], device=mask.device) == lengths[:, None] - 1).to(scores.dtype)
    return rewards + last * terminal[:, None]


class ScoreScale:
    """Brings the reward function's scores to the scale of the settings' ``whitening``; refuses what are no numbers."""

    def __init__(self, settings: PPOSettings) -> None:
        self.whitening = settings.whitening
        self._first: tuple[Tensor, Tensor] | None = None

    def state_dict(self) -> dict[str, Tensor]:
        """Mean and deviation of the first batch, where they are what counts."""
        return {} if self._first is None else {"mean": self._first[0], "std": self._first[1]}

    def load_state_dict(self, state: Mapping[str, Tensor], device: torch.device) -> None:
        """Go on with what :meth:`state_dict` gave."""
        self._first = (state["mean"].to(device), state["std"].to(device)) if state else None

    def __call__(self, scores: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        """Scores of one batch, scaled; equal scores become equal rewards, of 0 where the batch is whitened.

        Raises:
            ValueError: A score is NaN or infinite; the message names the row.
        """
        check_scores(scores)
        if self.whitening == "none":
            return scores
        if self.whitening == "batch":
            return whiten(scores)
        if self._first is None:
            # A constant first batch has no spread to divide by: its scores stay in their own unit.
            std = scores.std(correction=0) if bool(whiten(scores).any()) else torch.ones_like(scores[0])
            self._first = scores.mean(), std
        mean, std = self._first
        return (scores - mean) / std
