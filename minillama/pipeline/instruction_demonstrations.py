"""Demonstrations beyond plain answers: of obeying an instruction, of long dialogues, of safety preprompts."""

from collections.abc import Sequence

from minillama.alignment.instruction_data import (
    long_demonstrations,
    obeying_demonstrations,
    preprompt_demonstrations,
)
from minillama.chat import Message
from minillama.pipeline.chat_presets import ChatSettings, LongDialogSettings
from minillama.pipeline.demonstrations import DEMONSTRATION_SEED, WORLD_SEED
from minillama.valley.world import World


def instruction_dialogs(settings: ChatSettings) -> list[Sequence[Message]]:
    """Demonstrations of obeying an instruction, and of answering under a safety preprompt."""
    world = World.create(WORLD_SEED)
    return [
        *obeying_demonstrations(world, settings.obeying, DEMONSTRATION_SEED, settings.obeying_mix),
        *preprompt_demonstrations(world, settings.preprompts, DEMONSTRATION_SEED),
    ]


def long_dialogs(settings: LongDialogSettings) -> list[Sequence[Message]]:
    """Dialogues of up to twenty turns, without an instruction and with one on every turn."""
    world = World.create(WORLD_SEED)
    return [
        *obeying_demonstrations(world, settings.repeated, DEMONSTRATION_SEED + 2, settings.mix),
        *long_demonstrations(world, settings.plain, DEMONSTRATION_SEED),
    ]
