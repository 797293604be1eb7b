"""The numbers of the alignment stages: preferences, reward models, rounds of rejection sampling and PPO."""

from dataclasses import dataclass, field

from minillama.alignment.instruction_data import InstructionMix
from minillama.alignment.ppo import PPOSettings
from minillama.alignment.preference_collection import CollectionSettings
from minillama.alignment.rejection_settings import RejectionSamplingSettings
from minillama.alignment.reward_model import Reads
from minillama.alignment.reward_training import RewardSettings
from minillama.alignment.sft import SFTSettings
from minillama.pipeline.chat_presets import PERSONAS
from minillama.valley.raters import RATERS

# One careful rater. With all three, whose mean noise is twice as large, as many pairs teach a small reward model less.
CAREFUL = CollectionSettings(temperatures=(0.7, 1.0), raters=(RATERS[0].unbiased(),), agreement_share=0.0)


@dataclass(frozen=True, kw_only=True)
class PromptCounts:
    """How many prompts of each sort are drawn, all of the training side.

    Attributes:
        helpful: Ordinary prompts of the core kinds.
        several_turns: Ordinary prompts that end a dialogue of several turns.
        adversarial: Prompts that ask for harm.
        borderline: Prompts that only sound as if they did.

    Raises:
        ValueError: A number is negative, or all are 0.
    """

    helpful: int = 0
    several_turns: int = 0
    adversarial: int = 0
    borderline: int = 0

    def __post_init__(self) -> None:
        counts = (self.helpful, self.several_turns, self.adversarial, self.borderline)
        if min(counts) < 0 or not any(counts):
            raise ValueError(f"the numbers of prompts are {counts}; give 0 or more of each, and some in all")


@dataclass(frozen=True, kw_only=True)
class PreferenceSettings:
    """What is compared for one reward model.

    Attributes:
        prompts: To which two answers are compared.
        collection: How the answers are sampled and who compares them.
    """

    prompts: PromptCounts
    collection: CollectionSettings = CAREFUL


@dataclass(frozen=True, kw_only=True)
class FirstRewardSettings:
    """The first reward model of one aspect.

    Attributes:
        preferences: The comparisons of answers of the fine-tuned model.
        train: Of the optimiser, the margin and the auxiliary loss.
        reads: Whether the score is the last token's, as in the paper, or a sum over the answer, with or without
            likelihood.
        open_source: Prompts of the fixed set to start from, whose answers are the vendors'.
        held_out: Held-out prompts whose pairs the accuracy is measured on.
        lowest_accuracy: What that accuracy must reach.
    """

    preferences: PreferenceSettings
    train: RewardSettings
    reads: Reads = "last"
    open_source: int = 1000
    held_out: int = 300
    lowest_accuracy: float | int = 0.6


@dataclass(frozen=True, kw_only=True)
class MeasureSettings:
    """How a chat model is measured by the judge, on held-out prompts, sampled at temperature 1.

    Attributes:
        helpful: Number of ordinary core prompts.
        adversarial: Number of prompts that ask for harm.
        borderline: Number of prompts that only sound as if they did.
        max_new_tokens: Longest answer.
    """

    helpful: int = 500
    adversarial: int = 300
    borderline: int = 100
    max_new_tokens: int = 96


@dataclass(frozen=True, kw_only=True)
class RenewalSettings:
    """How reward models go on with comparisons of last round's model and the one before it.

    Attributes:
        helpfulness: What is compared for the helpfulness model.
        safety: The same for the safety model.
        train_helpfulness: Of the optimiser, the margin and the auxiliary loss.
        train_safety: The same for the safety model.
        old_share: Share of older pairs among those that the reward models go on with.
    """

    helpfulness: PreferenceSettings
    safety: PreferenceSettings
    train_helpfulness: RewardSettings
    train_safety: RewardSettings
    old_share: float = 0.3


@dataclass(frozen=True, kw_only=True)
class RoundSettings:
    """A round of rejection sampling (V1 to V4).

    Attributes:
        renewal: Of the reward models; none in the first round, when what they learnt from is fresh.
        prompts: To which answers are sampled.
        sampling: Number and temperature of the answers, and the fine-tuning on the best.
        replay: Documents of the pretraining text mixed in.
        replay_sources: Which sources they are drawn from, as far as the corpus has them.
        obeying: Demonstrations of an instruction that is obeyed mixed in, since no winner has one and a round without
            them unlearns it.
        obeying_mix: Of these.
        preprompts: Demonstrations with a safety preprompt mixed in, for the same reason.
        measure: How the result is measured.
        lowest_helpfulness: What the helpfulness of its answers must reach.
        highest_violations: What the share of harmful answers to adversarial prompts must stay below.
    """

    renewal: RenewalSettings
    prompts: PromptCounts
    sampling: RejectionSamplingSettings
    replay: int = 1500
    replay_sources: tuple[str, ...] = ("forum",)
    obeying: int = 800
    obeying_mix: InstructionMix = field(
        default_factory=lambda: InstructionMix(once=0.9, max_turns=4, constraint_weights=PERSONAS)
    )
    preprompts: int = 100
    measure: MeasureSettings = field(default_factory=MeasureSettings)
    lowest_helpfulness: float | int = 0.6
    highest_violations: float | int = 0.2  # a first round begins at a fifth and more, and ends below a tenth


@dataclass(frozen=True, kw_only=True)
class PPOStageSettings:
    """PPO on top of the last round (V5).

    Attributes:
        renewal: Of the reward models, before they are optimised against.
        prompts: To which answers are sampled.
        ppo: Of the run.
        measure: How the result is measured.
        lowest_helpfulness: As for a round.
        highest_violations: As for a round.
    """

    renewal: RenewalSettings
    prompts: PromptCounts
    ppo: PPOSettings
    measure: MeasureSettings = field(default_factory=MeasureSettings)
    lowest_helpfulness: float | int = 0.6
    highest_violations: float | int = 0.1


FIRST_HELPFULNESS = FirstRewardSettings(
    preferences=PreferenceSettings(prompts=PromptCounts(helpful=6000, several_turns=500, borderline=1200)),
    train=RewardSettings(peak_lr=6e-4),
    reads="likelihood",
    held_out=900,  # of which two of five have answers that differ clearly
    lowest_accuracy=0.55,
)
FIRST_SAFETY = FirstRewardSettings(
    preferences=PreferenceSettings(prompts=PromptCounts(helpful=400, adversarial=1200, borderline=500)),
    train=RewardSettings(peak_lr=5e-4, batch_size=16, safety_weight=1.0),
    open_source=500,
    lowest_accuracy=0.8,
)
RENEWAL = RenewalSettings(
    helpfulness=PreferenceSettings(prompts=PromptCounts(helpful=1300, several_turns=150, borderline=300)),
    safety=PreferenceSettings(prompts=PromptCounts(helpful=100, adversarial=400, borderline=200)),
    train_helpfulness=RewardSettings(peak_lr=5e-4),
    train_safety=RewardSettings(peak_lr=2e-4, batch_size=16, safety_weight=1.0),
)
ROUND = RoundSettings(
    renewal=RENEWAL,
    prompts=PromptCounts(helpful=1300, several_turns=150, adversarial=250, borderline=250),
    # At 0.7: a reward model of this size takes some wrong answers for right ones, and the more different wrong ones are
    # among the samples, the likelier the best is one of them.
    sampling=RejectionSamplingSettings(samples=4, temperatures=(0.7,), sft=SFTSettings(epochs=1)),
)
PPO = PPOStageSettings(
    renewal=RENEWAL,
    prompts=PromptCounts(helpful=2200, several_turns=300, adversarial=400, borderline=300),
    # A weak penalty towards the plain reference (beta 0.05) raised the reward model's score and lowered the judge's.
    # Held to what the reference is surest of, the policy loses the slips that it makes at temperature 1.
    ppo=PPOSettings(
        iterations=8,
        batch_size=512,
        minibatch_size=64,
        policy_lr=4e-4,
        value_lr=1e-3,
        lam=0.9,
        beta=0.1,
        exact_kl=5.0,
        reference_temperature=0.3,
    ),
)
# Roughly, on two CPU cores, for notices.
ALIGNMENT_MINUTES = {
    "reward-helpfulness": 0.6,
    "reward-safety": 0.4,
    **{f"rlhf-v{number}": 0.7 for number in range(1, 5)},
    "rlhf-v5": 1.5,
}
