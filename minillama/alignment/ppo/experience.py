"""What is known of a batch of answers before anything is learnt from it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from minillama.alignment.combined_reward import whiten
from minillama.alignment.ppo.advantages import estimate_advantages
from minillama.alignment.ppo.answers import (
    AnswerBatch,
    answer_logits,
    answer_logprobs,
    answer_values,
    chosen_logprobs,
    entropies,
)
from minillama.alignment.ppo.rewards import kl_estimates, token_rewards
from minillama.alignment.ppo.rollout import Rollouts
from minillama.alignment.ppo.settings import PPOSettings
from minillama.model import Transformer
from minillama.training.precision import Precision


@dataclass(frozen=True, kw_only=True)
class Experience:
    """Numbers for each token of each answer, before any update; 0 behind the answers.

    Attributes:
        mask: True on tokens of the answers, their EOS included.
        logprobs: Under the policy that sampled them ("old").
        values: What the value model expected ("old").
        advantages, returns: What there is to learn for policy and value model.
        k1, k3: Estimates of the KL from the reference (see :func:`kl_estimates`).
        entropy: Of the policy, in nats, mean over answer tokens.
    """

    mask: Bool[Tensor, "batch time"]
    logprobs: Float[Tensor, "batch time"]
    values: Float[Tensor, "batch time"]
    advantages: Float[Tensor, "batch time"]
    returns: Float[Tensor, "batch time"]
    k1: Float[Tensor, "batch time"]
    k3: Float[Tensor, "batch time"]
    entropy: float


@torch.no_grad()
def gather_experience(
    policy: Transformer,
    reference: Transformer,
    value_model: Transformer,
    rollouts: Rollouts,
    scores: Float[Tensor, " batch"],
    minibatches: Sequence[Sequence[AnswerBatch]],
    settings: PPOSettings,
    precision: Precision,
) -> Experience:
    """Run the three models over the answers, in the very micro-batches that are learnt from, and work out rewards.

    Args:
        policy: As it sampled the answers.
        reference: Frozen; the KL is measured from it.
        value_model: As it is before the update.
        rollouts: The answers.
        scores: Of the answers, already on the scale of rewards.
        minibatches: All rows of the rollouts, laid out by :func:`minillama.alignment.ppo.answers.lay_out`.
        settings: Of the run.
        precision: Where and in which format to compute.
    """
    longest = max(map(len, rollouts.answers))
    full = torch.zeros(4, len(rollouts), longest, device=precision.device)
    logprobs, reference_logprobs, values, mask = full
    entropy = 0.0
    for batch in (batch for minibatch in minibatches for batch in minibatch):
        with precision.autocast():
            logits = answer_logits(policy, batch, settings.temperature)
            parts = (
                chosen_logprobs(logits, batch),
                answer_logprobs(reference, batch, settings.temperature * settings.reference_temperature),
                answer_values(value_model, batch),
                batch.mask.float(),
            )
        for whole, part in zip(full, parts):
            whole[batch.rows, : part.shape[1]] = part
        entropy += float(entropies(logits).sum())
    counts = mask.bool()
    k1, k3 = kl_estimates(logprobs, reference_logprobs, counts)
    finished = torch.tensor(rollouts.finished, device=precision.device)
    rewards = token_rewards(scores, finished, k1, counts, settings.beta, settings.unfinished_penalty)
    advantages, returns = estimate_advantages(rewards, values, counts, settings.gamma, settings.lam)
    return Experience(
        mask=counts,
        logprobs=logprobs,
        values=values,
        advantages=whiten(advantages, counts) if settings.whiten_advantages else advantages,
        returns=returns,
        k1=k1,
        k3=k3,
        entropy=entropy / int(counts.sum()),
    )
