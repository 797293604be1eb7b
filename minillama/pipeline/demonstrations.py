"""The Valley's demonstrations as dialogues to train on."""

from collections.abc import Sequence

from minillama.chat import Message
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
