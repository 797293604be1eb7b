"""From a base model to an assistant: fine-tuning, preferences, reward models, rejection sampling, PPO, and after.

The public names come from one file per idea; ``minillama.alignment.ppo`` has those of PPO alone.
"""

from minillama.alignment.best_of_n import best_of_n
from minillama.alignment.combined_reward import combine_rewards, logit, two_model_reward, whiten
from minillama.alignment.context_data import ContextDistillationSettings, ContextPrompt, context_prompts
from minillama.alignment.context_distillation import distill_context
from minillama.alignment.gatt_data import PlanSettings, plan_dialogs, probe_dialogs
from minillama.alignment.gatt_evaluation import obedience
from minillama.alignment.ghost_attention import GattSettings, gatt_examples, ghost_attention_example, sample_dialogs
from minillama.alignment.logit_distillation import DistillationSettings, distillation_loss, train_distilled
from minillama.alignment.ppo import PPOPrompt, PPOSettings, estimate_advantages, policy_loss, train_ppo, value_loss
from minillama.alignment.preference_collection import CollectionSettings, collect_preferences
from minillama.alignment.preferences import PreferencePair, read_preferences, write_preferences
from minillama.alignment.rejection_sampling import sample_round, train_on_winners
from minillama.alignment.rejection_settings import RejectionSamplingSettings
from minillama.alignment.reward_curves import reward_curves
from minillama.alignment.reward_losses import MARGINS, ranking_loss, safety_loss
from minillama.alignment.reward_model import RewardModel
from minillama.alignment.reward_report import RewardReport, reward_report
from minillama.alignment.reward_training import RewardSettings, train_reward_model
from minillama.alignment.sft import SFTSettings, document_examples, train_sft
from minillama.alignment.system_attention import attention_on_system
from minillama.alignment.winners import merge_rounds

__all__ = [
    "MARGINS",
    "CollectionSettings",
    "ContextDistillationSettings",
    "ContextPrompt",
    "DistillationSettings",
    "GattSettings",
    "PPOPrompt",
    "PPOSettings",
    "PlanSettings",
    "PreferencePair",
    "RejectionSamplingSettings",
    "RewardModel",
    "RewardReport",
    "RewardSettings",
    "SFTSettings",
    "attention_on_system",
    "best_of_n",
    "collect_preferences",
    "combine_rewards",
    "context_prompts",
    "distill_context",
    "distillation_loss",
    "document_examples",
    "estimate_advantages",
    "gatt_examples",
    "ghost_attention_example",
    "logit",
    "merge_rounds",
    "obedience",
    "plan_dialogs",
    "policy_loss",
    "probe_dialogs",
    "ranking_loss",
    "read_preferences",
    "reward_curves",
    "reward_report",
    "safety_loss",
    "sample_dialogs",
    "sample_round",
    "train_distilled",
    "train_on_winners",
    "train_ppo",
    "train_reward_model",
    "train_sft",
    "two_model_reward",
    "value_loss",
    "whiten",
    "write_preferences",
]
