"""The Valley's demonstrations as dialogues to train on."""

from collections.abc import Sequence

from minillama.chat import Message


def training_dialogs(count: int, seed: int = 0) -> list[Sequence[Message]]:
    """The first ``count`` demonstrations of the Valley's training split."""
    from minillama.valley.dialogues import make_demonstrations
    from minillama.valley.world import World

    return [demonstration.messages for demonstration in make_demonstrations(World.create(0), count, seed)]
