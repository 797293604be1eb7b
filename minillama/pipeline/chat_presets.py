"""The numbers of supervised fine-tuning: which demonstrations, and the long dialogues at its end."""

from dataclasses import dataclass, field

from minillama.alignment.instruction_data import InstructionMix
from minillama.alignment.sft import SFTSettings
from minillama.valley.dialogues import VENDORS, Mix, Vendor
from minillama.valley.personas import ConstraintKind

# One language is learnt from few dialogues, 24 personas with three openings each are not.
PERSONAS: tuple[tuple[ConstraintKind, float], ...] = (("persona", 0.8), ("language", 0.1), ("hobby", 0.1))


@dataclass(frozen=True, kw_only=True)
class LongDialogSettings:
    """The last part of fine-tuning: rows of the whole context, so that a dialogue of twenty turns is nothing new.

    Attributes:
        sft: How to train.
        plain: Dialogues without an instruction.
        repeated: Dialogues with an instruction on every turn.
        mix: Of the repeated ones.
        demonstrations: Short ones among them, so that they are not forgotten.
        documents: Of the pretraining text, behind one another in rows that fill the context.
    """

    sft: SFTSettings = field(default_factory=lambda: SFTSettings(epochs=1, peak_lr=8e-4, batch_size=1, seq_len=1024))
    plain: int = 250
    repeated: int = 250
    mix: InstructionMix = field(
        default_factory=lambda: InstructionMix(once=0.0, max_turns=20, constraint_weights=PERSONAS)
    )
    demonstrations: int = 400
    documents: int = 250


@dataclass(frozen=True, kw_only=True)
class ChatSettings:
    """Supervised fine-tuning.

    Attributes:
        sft: How to train.
        dialogues: Number of demonstrations.
        vendors: Who writes them.
        mix: Which kinds of dialogues they are.
        obeying: Further demonstrations of an instruction that is obeyed.
        obeying_mix: Of these.
        preprompts: Further demonstrations with a safety preprompt.
        replay: Documents of the pretraining text mixed in, so that what no demonstration mentions is not forgotten.
        replay_sources: Which sources they are drawn from, as far as the corpus has them.
        long: The long dialogues at the end.
        highest_loss: What the mean loss of the last 20 steps must stay below (nats per target token).
    """

    sft: SFTSettings
    dialogues: int
    highest_loss: float | int
    vendors: tuple[Vendor, ...] = VENDORS
    mix: Mix = field(default_factory=lambda: Mix(kinds={"reading": 3.0, "descriptions": 1.5}))
    obeying: int = 3000
    obeying_mix: InstructionMix = field(
        default_factory=lambda: InstructionMix(once=0.95, max_turns=6, constraint_weights=PERSONAS)
    )
    preprompts: int = 600
    replay: int = 5800
    replay_sources: tuple[str, ...] = ("forum",)
    long: LongDialogSettings = field(default_factory=LongDialogSettings)
