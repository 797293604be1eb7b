"""Proximal policy optimisation, as section 3.2.3 uses it on top of rejection sampling."""

from minillama.alignment.ppo.advantages import estimate_advantages, explained_variance
from minillama.alignment.ppo.losses import clip_fraction, policy_loss, value_loss
from minillama.alignment.ppo.rewards import kl_estimates, token_rewards
from minillama.alignment.ppo.rollout import PPOPrompt
from minillama.alignment.ppo.settings import PPOSettings
from minillama.alignment.ppo.trainer import IterationRecord, PPOReport, train_ppo
from minillama.alignment.ppo.value_model import ValueModel

__all__ = [
    "IterationRecord",
    "PPOPrompt",
    "PPOReport",
    "PPOSettings",
    "ValueModel",
    "clip_fraction",
    "estimate_advantages",
    "explained_variance",
    "kl_estimates",
    "policy_loss",
    "token_rewards",
    "train_ppo",
    "value_loss",
]
