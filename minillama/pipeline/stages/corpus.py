"""The pretraining text: the Valley's corpus cleaned and mixed, or the reader's own text cleaned."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minillama.pipeline.documents import CleanDocument, write_documents
from minillama.pipeline.presets import CorpusSettings
from minillama.pipeline.stage import BuildContext, Stage


def build(context: BuildContext) -> dict[str, Any]:
    """Make or read the raw text, clean and mix it, and write it down."""
    settings: CorpusSettings = context.settings
    documents = list(own_text(context.corpus) if context.corpus else valley_text(settings))
    if not documents:
        raise ValueError(f"{context.corpus or 'the corpus'} holds no text that survives cleaning; give more text")
    write_documents(documents, context.out)
    return {
        "documents": len(documents),
        "characters": sum(len(document.text) for document in documents),
        "sources": dict(Counter(document.source for document in documents)),
    }


def valley_text(settings: CorpusSettings) -> Iterator[CleanDocument]:
    """The Valley's corpus."""
    from minillama.valley.corpus import make_corpus
    from minillama.valley.world import World

    for document in make_corpus(World.create(settings.seed), settings.seed):
        yield CleanDocument(document.text, document.source)


def own_text(path: Path) -> Iterator[CleanDocument]:
    """The reader's own text."""
    from minillama.data.open_datasets import read_texts

    for document in read_texts(path):
        yield CleanDocument(document.text, "own text")


CORPUS = Stage(
    name="corpus",
    promise="making and cleaning the corpus",
    inputs=(),
    build=build,
    modules=("minillama.pipeline.stages.corpus",),
    seeded=False,
)
