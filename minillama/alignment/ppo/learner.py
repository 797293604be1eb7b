"""The gradient steps of PPO: every mini-batch moves the policy and the value model once an epoch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from minillama.alignment.ppo.answers import AnswerBatch, answer_logits, answer_values, chosen_logprobs
from minillama.alignment.ppo.experience import Experience
from minillama.alignment.ppo.losses import clip_fraction, policy_loss, value_loss
from minillama.alignment.ppo.settings import PPOSettings
from minillama.model import Transformer
from minillama.training.optimizer import make_optimizer
from minillama.training.precision import Precision
from minillama.training.settings import TrainSettings
from minillama.training.update import NonFiniteLoss


@dataclass(kw_only=True)
class UpdateStats:
    """Means over the updates of an iteration; gradient norms are before clipping, the KL is weighted."""

    policy_loss: float = 0.0
    value_loss: float = 0.0
    kl_loss: float = 0.0
    clip_fraction: float = 0.0
    policy_gradient_norm: float = 0.0
    value_gradient_norm: float = 0.0


class Learner:
    """Policy and value model with their optimisers, and the reference that the policy is held to."""

    def __init__(
        self,
        policy: Transformer,
        value_model: Transformer,
        reference: Transformer,
        settings: PPOSettings,
        precision: Precision,
    ) -> None:
        self.reference = reference
        self.policy, self.value_model, self.settings, self.precision = policy, value_model, settings, precision
        self.policy_optimizer = _optimizer(policy, settings, settings.policy_lr)
        self.value_optimizer = _optimizer(value_model, settings, settings.value_lr)
        self.updates = 0

    def learn(self, minibatches: Sequence[Sequence[AnswerBatch]], experience: Experience) -> UpdateStats:
        """Make one gradient step for each mini-batch, ``epochs`` times over.

        Raises:
            NonFiniteLoss: A gradient became NaN or infinite; the step was not made.
        """
        stats = UpdateStats()
        rounds = [minibatch for _ in range(self.settings.epochs) for minibatch in minibatches]
        for minibatch in rounds:
            for name, value in self._step(minibatch, experience).items():
                setattr(stats, name, getattr(stats, name) + value / len(rounds))
        return stats

    def _step(self, minibatch: Sequence[AnswerBatch], experience: Experience) -> dict[str, float]:
        self.policy_optimizer.zero_grad(set_to_none=True)
        self.value_optimizer.zero_grad(set_to_none=True)
        total = sum(len(batch.targets) for batch in minibatch)
        sums = {"policy_loss": 0.0, "value_loss": 0.0, "kl_loss": 0.0, "clip_fraction": 0.0}
        for batch in minibatch:
            # Each micro-batch weighs as many tokens as it has, so that the cut does not change the mean.
            for name, value in self._backward(batch, experience, len(batch.targets) / total).items():
                sums[name] += value
        self.updates += 1
        norms = {
            "policy_gradient_norm": self._apply(self.policy, self.policy_optimizer, "policy"),
            "value_gradient_norm": self._apply(self.value_model, self.value_optimizer, "value model"),
        }
        return sums | norms

    def _backward(self, batch: AnswerBatch, experience: Experience, weight: float) -> dict[str, float]:
        clip, mask = self.settings.clip, batch.mask
        old, advantages = batch.of_all(experience.logprobs), batch.of_all(experience.advantages)
        old_values, returns = batch.of_all(experience.values), batch.of_all(experience.returns)
        with self.precision.autocast():
            logits = answer_logits(self.policy, batch, self.settings.temperature)
            new = chosen_logprobs(logits, batch)
            values = answer_values(self.value_model, batch)
        losses = {
            "policy_loss": policy_loss(new, old, advantages, mask, clip) * weight,
            "value_loss": value_loss(values, old_values, returns, mask, self.settings.value_clip) * weight,
        }
        if self.settings.exact_kl > 0:
            losses["kl_loss"] = self._exact_kl(logits, batch) * self.settings.exact_kl * weight
        # Policy and KL share the policy's graph, so all losses go back together.
        torch.stack(list(losses.values())).sum().backward()
        return {name: float(loss.detach()) for name, loss in losses.items()} | {
            "clip_fraction": clip_fraction(new, old, mask, clip) * weight
        }

    def _exact_kl(self, logits: Float[Tensor, "answer_tokens vocab"], batch: AnswerBatch) -> Float[Tensor, ""]:
        """KL(policy || reference) over the whole vocabulary, mean over answer tokens."""
        settings = self.settings
        with torch.no_grad(), self.precision.autocast():
            other = answer_logits(self.reference, batch, settings.temperature * settings.reference_temperature)
        ours, theirs = logits.log_softmax(-1), other.log_softmax(-1)
        return (ours.exp() * (ours - theirs)).sum(-1).mean()

    def _apply(self, model: nn.Module, optimizer: torch.optim.Optimizer, name: str) -> float:
        parameters: list[Tensor] = [parameter for parameter in model.parameters() if parameter.grad is not None]
        norm = float(nn.utils.clip_grad_norm_(parameters, self.settings.max_norm))
        if not math.isfinite(norm):
            raise NonFiniteLoss(
                f"PPO update {self.updates}: the gradient's norm of the {name} is {norm}. The update was not made; "
                "lower its learning rate",
                self.updates,
                None,
            )
        optimizer.step()
        return norm


def _optimizer(model: Transformer, settings: PPOSettings, rate: float) -> torch.optim.AdamW:
    updates = settings.iterations * settings.epochs * (settings.batch_size // settings.minibatch_size)
    return make_optimizer(
        model,
        TrainSettings(
            steps=updates,
            peak_lr=rate,
            weight_decay=settings.weight_decay,
            betas=settings.betas,
            eps=settings.eps,
            clip=settings.max_norm,
            schedule="constant",
        ),
    )
