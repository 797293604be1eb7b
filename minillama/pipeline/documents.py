"""The cleaned corpus as it lies between stages: one JSON object a line, in the order in which it is read."""

import json
import random
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from minillama.data.atomic import write_atomically
from minillama.valley.corpus import Document

CORPUS_FILE = "corpus.jsonl"


def write_documents(documents: Iterable[Document], folder: Path) -> None:
    """Write a corpus; what was planted in a document (its labels) is left out."""
    lines = (json.dumps({"text": d.text, "source": d.source}, ensure_ascii=False) for d in documents)
    write_atomically(folder / CORPUS_FILE, ("\n".join(lines) + "\n").encode())


def read_documents(folder: Path) -> Iterator[Document]:
    """Read the corpus of a finished "corpus" stage."""
    with (folder / CORPUS_FILE).open(encoding="utf-8") as file:
        for line in file:
            entry = json.loads(line)
            yield Document(entry["text"], entry["source"])


def replayed(folder: Path, sources: Collection[str], count: int, draw: str) -> list[str]:
    """Up to ``count`` documents to mix into fine-tuning, so that what no example mentions is not forgotten.

    Args:
        folder: Of a finished "corpus" stage.
        sources: Which sources they come from; all, where the corpus has none of these.
        count: How many; each document comes at most once.
        draw: Names the draw: the same name gives the same documents.
    """
    documents = list(read_documents(folder))
    pool = [document.text for document in documents if document.source in sources]
    pool = pool or [document.text for document in documents]
    return random.Random(draw).sample(pool, min(count, len(pool)))
