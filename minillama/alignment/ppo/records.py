"""What a PPO run reports: one record an iteration."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from minillama.alignment.ppo.advantages import explained_variance
from minillama.alignment.ppo.experience import Experience
from minillama.alignment.ppo.learner import UpdateStats
from minillama.alignment.ppo.rollout import Rollouts


@dataclass(frozen=True, kw_only=True)
class IterationRecord:
    """What one iteration saw and did. All but the update's numbers are of the policy before its updates.

    Attributes:
        iteration: From 1.
        score, score_std: Mean and deviation of what the reward function gave. A deviation of 0 teaches nothing.
        kl_k1, kl_k3: Estimates of KL(policy || reference) of a whole answer, in nats.
        entropy: Of the policy, in nats a token.
        answer_length: Tokens, EOS included.
        finished: Share of answers that ended with EOS.
        explained_variance: Of the returns, by the value model; 0 is no better than a constant.
        clip_fraction, policy_loss, value_loss, kl_loss, policy_gradient_norm, value_gradient_norm: Means over updates.
        held_out: What the evaluation gave after this iteration, if it was asked.
        sampling_seconds, scoring_seconds, learning_seconds: Where the time went.
    """

    iteration: int
    score: float
    score_std: float
    kl_k1: float
    kl_k3: float
    entropy: float
    answer_length: float
    finished: float
    explained_variance: float
    clip_fraction: float
    policy_loss: float
    value_loss: float
    kl_loss: float
    policy_gradient_norm: float
    value_gradient_norm: float
    held_out: float | None
    sampling_seconds: float
    scoring_seconds: float
    learning_seconds: float


@dataclass(frozen=True, kw_only=True)
class PPOReport:
    """What a run did.

    Attributes:
        records: One an iteration.
        kept_iteration: After which iteration the policy is as it was left: the last, or with an evaluation the best
            (0 is the policy as it came).
        held_out_before: The evaluation of the policy as it came; None without an evaluation.
        stopped_early: Whether the held-out evaluation ended the run before its last iteration.
    """

    records: tuple[IterationRecord, ...]
    kept_iteration: int
    held_out_before: float | None
    stopped_early: bool


def make_record(
    iteration: int,
    rollouts: Rollouts,
    scores: Float[Tensor, " batch"],
    experience: Experience,
    stats: UpdateStats,
    held_out: float | None,
    clock: Sequence[float],
) -> IterationRecord:
    """Put an iteration's numbers together; ``clock`` holds the times between its four parts."""
    return IterationRecord(
        iteration=iteration,
        score=float(scores.mean()),
        score_std=float(scores.std(correction=0)),
        kl_k1=float(experience.k1.sum(dim=1).mean()),
        kl_k3=float(experience.k3.sum(dim=1).mean()),
        entropy=experience.entropy,
        answer_length=sum(map(len, rollouts.answers)) / len(rollouts),
        finished=sum(rollouts.finished) / len(rollouts),
        explained_variance=explained_variance(experience.values, experience.returns, experience.mask),
        held_out=held_out,
        sampling_seconds=clock[1] - clock[0],
        scoring_seconds=clock[2] - clock[1],
        learning_seconds=clock[3] - clock[2],
        **vars(stats),
    )
