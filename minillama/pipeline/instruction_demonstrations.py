"""Demonstrations beyond plain answers: of obeying an instruction, of long dialogues, of safety preprompts."""

from collections.abc import Sequence

from minillama.alignment.instruction_data import (
    InstructionMix,
    long_demonstrations,
    obeying_demonstrations,
    preprompt_demonstrations,
)
from minillama.chat import Message
from minillama.pipeline.chat_presets import LongDialogSettings
from minillama.pipeline.demonstrations import DEMONSTRATION_SEED, WORLD_SEED
from minillama.valley.world import World


def instruction_dialogs(
    obeying: int, mix: InstructionMix, preprompts: int, seed: int = DEMONSTRATION_SEED
) -> list[Sequence[Message]]:
    """Demonstrations of obeying an instruction, and of answering under a safety preprompt."""
    world = World.create(WORLD_SEED)
    return [
        *obeying_demonstrations(world, obeying, seed, mix),
        *preprompt_demonstrations(world, preprompts, seed),
    ]


def long_dialogs(settings: LongDialogSettings) -> list[Sequence[Message]]:
    """Dialogues of up to twenty turns, without an instruction and with one on every turn."""
    world = World.create(WORLD_SEED)
    return [
        *obeying_demonstrations(world, settings.repeated, DEMONSTRATION_SEED + 2, settings.mix),
        *long_demonstrations(world, settings.plain, DEMONSTRATION_SEED),
    ]
