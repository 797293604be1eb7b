"""The Valley's demonstrations as dialogues to train on."""

from collections.abc import Sequence

from minillama.alignment.instruction_data import (
    long_demonstrations,
    obeying_demonstrations,
    preprompt_demonstrations,
)
from minillama.chat import Message
from minillama.pipeline.chat_presets import ChatSettings, LongDialogSettings
from minillama.valley.dialogues import VENDORS, Mix, Vendor, demonstrations
from minillama.valley.world import World

WORLD_SEED = 0  # of the book's Valley: whose facts the corpus and the dialogues share
DEMONSTRATION_SEED = 0


def training_dialogs(
    count: int, vendors: Sequence[Vendor] = VENDORS, mix: Mix | None = None
) -> list[Sequence[Message]]:
    """The first ``count`` demonstrations of the training side, by ``vendors``, in the given ``mix`` of kinds."""
    drawn = demonstrations(World.create(WORLD_SEED), count, DEMONSTRATION_SEED, vendors=vendors, mix=mix)
    return [demonstration.dialog for demonstration in drawn]


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
