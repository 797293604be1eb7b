"""The numbers of the last two stages: Ghost Attention and safety context distillation."""

from dataclasses import dataclass, field

from minillama.alignment.context_data import ContextDistillationSettings
from minillama.alignment.gatt_data import PlanSettings
from minillama.alignment.ghost_attention import GattSettings
from minillama.alignment.instruction_data import InstructionMix
from minillama.alignment.sft import SFTSettings
from minillama.pipeline.alignment_presets import MeasureSettings, PromptCounts
from minillama.pipeline.chat_presets import PERSONAS


@dataclass(frozen=True, kw_only=True)
class ObedienceSettings:
    """How it is measured whether an instruction is kept (Table 30), with constraints that training has seen.

    Attributes:
        dialogues: How many; half of them with a persona, half in French.
        turns: At which turns, counted from 1.
        temperature: Of the answers.
        max_new_tokens: Longest answer.

    Raises:
        ValueError: There are no dialogues, or a turn is below 1.
    """

    dialogues: int = 48
    turns: tuple[int, ...] = (1, 2, 4, 6, 10, 20)
    temperature: float | int = 1.0
    max_new_tokens: int = 64

    def __post_init__(self) -> None:
        if self.dialogues < 1 or not self.turns or min(self.turns) < 1:
            raise ValueError(
                f"dialogues is {self.dialogues} and turns are {self.turns}; give at least one of each, from 1 on"
            )


@dataclass(frozen=True, kw_only=True)
class ReminderSettings:
    """Demonstrations with the instruction on each of up to twenty turns, before Ghost Attention samples.

    Rounds keep what fine-tuning had shown of short dialogues. In long ones a model that has since learnt from answers
    to single questions does not obey even an instruction that stands beside each of them, and without such answers
    there is nothing to learn Ghost Attention from.

    Attributes:
        dialogues: How many.
        mix: Of these.
        sft: How to train on them and on the last model's own plain answers.
    """

    dialogues: int = 300
    mix: InstructionMix = field(
        default_factory=lambda: InstructionMix(once=0.0, max_turns=20, constraint_weights=PERSONAS)
    )
    sft: SFTSettings = field(default_factory=lambda: SFTSettings(epochs=1, peak_lr=5e-4, batch_size=2, seq_len=1024))


@dataclass(frozen=True, kw_only=True)
class GattStageSettings:
    """Ghost Attention on top of PPO.

    Attributes:
        reminder: What comes before.
        dialogues: How many are sampled with the instruction on every turn.
        plans: Their lengths and constraints.
        gatt: Temperature, which answers count, the share of other examples, and the training. Every beginning of a
            sampled dialogue is an example, too, with the loss on its last answer; since a token sees only what comes
            before it, all of them together are the whole dialogue with the loss on all answers.
        replay: Prompts whose plain answers by the last model itself are among the other examples, so that what
            reinforcement learning gained stays.
        replay_temperature: At which these are answered.
        winners: Of all rounds of rejection sampling, how many are among the other examples.
        measure: How the result is measured.
        obedience: How it is measured whether instructions are kept.
        lowest_helpfulness: What the helpfulness of its answers must reach.
        highest_violations: What the share of harmful answers to adversarial prompts must stay below.
        lowest_obedience: What share of dialogues must still obey at the last turn.
    """

    reminder: ReminderSettings = field(default_factory=ReminderSettings)
    dialogues: int = 350
    # Long ones: how far back the instruction stands is what is to be learnt, and short ones are their beginnings.
    plans: PlanSettings = field(
        default_factory=lambda: PlanSettings(
            min_turns=10, weights=(("persona", 0.8), ("language", 0.15), ("hobby", 0.05))
        )
    )
    gatt: GattSettings = field(
        default_factory=lambda: GattSettings(
            loss="all",
            temperature=0.3,
            replay_share=0.92,  # of the examples; of the tokens that are learnt it is half
            sft=SFTSettings(epochs=2, peak_lr=5e-4, batch_size=2, seq_len=1024),
        )
    )
    replay: PromptCounts = field(
        default_factory=lambda: PromptCounts(helpful=3200, several_turns=400, adversarial=350, borderline=350)
    )
    replay_temperature: float | int = 0.4
    winners: int = 200
    measure: MeasureSettings = field(default_factory=MeasureSettings)
    obedience: ObedienceSettings = field(default_factory=ObedienceSettings)
    lowest_helpfulness: float | int = 0.6
    highest_violations: float | int = 0.1
    lowest_obedience: float | int = 0.1


@dataclass(frozen=True, kw_only=True)
class DistillationStageSettings:
    """Safety context distillation, the last stage: its result is the chat model.

    Attributes:
        prompts: Adversarial ones to answer with a safety preprompt, and ordinary and borderline ones to answer without.
        distillation: Sampling, gate and training.
        instructed: Of Ghost Attention's examples, how many are shown again for each answer to an adversarial prompt.
        measure, obedience: As for Ghost Attention.
        lowest_helpfulness, highest_violations, lowest_obedience: As for Ghost Attention.
    """

    prompts: PromptCounts = field(
        default_factory=lambda: PromptCounts(helpful=500, several_turns=100, adversarial=600, borderline=200)
    )
    distillation: ContextDistillationSettings = field(
        default_factory=lambda: ContextDistillationSettings(
            keep_plain=True, temperature=0.3, sft=SFTSettings(epochs=1, peak_lr=2e-4, batch_size=2, seq_len=1024)
        )
    )
    instructed: float | int = 0.3
    measure: MeasureSettings = field(default_factory=MeasureSettings)
    obedience: ObedienceSettings = field(default_factory=ObedienceSettings)
    lowest_helpfulness: float | int = 0.6
    highest_violations: float | int = 0.1
    lowest_obedience: float | int = 0.1


GATT = GattStageSettings()
CHAT = DistillationStageSettings()
FINAL_MINUTES = {"gatt": 1.8, "chat": 0.6}  # roughly, on two CPU cores, for notices
