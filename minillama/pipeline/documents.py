"""The cleaned corpus as it lies between stages: one JSON object a line."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from minillama.data.atomic import write_atomically

CORPUS_FILE = "corpus.jsonl"


@dataclass(frozen=True)
class CleanDocument:
    """A document that pretraining reads."""

    text: str
    source: str


def write_documents(documents: Iterable[CleanDocument], folder: Path) -> None:
    """Write a corpus."""
    lines = (json.dumps({"text": d.text, "source": d.source}, ensure_ascii=False) for d in documents)
    write_atomically(folder / CORPUS_FILE, ("\n".join(lines) + "\n").encode())


def read_documents(folder: Path) -> Iterator[CleanDocument]:
    """Read the corpus of a finished "corpus" stage."""
    with (folder / CORPUS_FILE).open(encoding="utf-8") as file:
        for line in file:
            entry = json.loads(line)
            yield CleanDocument(entry["text"], entry["source"])
