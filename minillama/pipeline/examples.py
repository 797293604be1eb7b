"""Encoded dialogues on disk, so that what took long to sample is sampled once."""

import json
from collections.abc import Sequence
from pathlib import Path

from minillama.chat import DialogTokens
from minillama.data.atomic import write_atomically


def write_examples(examples: Sequence[DialogTokens], path: Path) -> None:
    """Write examples as JSON lines; the file is there in full or not at all."""
    lines = (json.dumps([each.tokens, each.loss_mask]) + "\n" for each in examples)
    write_atomically(path, "".join(lines).encode())


def read_examples(path: Path) -> list[DialogTokens]:
    """Read what :func:`write_examples` wrote."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [DialogTokens(tuple(tokens), tuple(mask)) for tokens, mask in rows]
