"""The Valley's demonstrations as dialogues to train on."""

from collections.abc import Sequence

from minillama.chat import Message


def training_dialogs(count: int, seed: int = 0) -> list[Sequence[Message]]:
    """The first ``count`` demonstrations of the Valley's training split."""
    from minillama.valley.dialogues import demonstrations
    from minillama.valley.world import World

    return [demonstration.dialog for demonstration in demonstrations(World.create(0), count, seed)]
