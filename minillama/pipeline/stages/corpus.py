"""The pretraining text: the Valley's corpus cleaned and mixed, or the reader's own text cleaned."""

from typing import Any

from minillama.data.cleaning import clean
from minillama.data.mixing import mix, shares
from minillama.data.open_datasets import read_texts
from minillama.data.quality import valley_scorers
from minillama.pipeline.demonstrations import WORLD_SEED
from minillama.pipeline.documents import write_documents
from minillama.pipeline.presets import CorpusSettings
from minillama.pipeline.stage import BuildContext, Stage
from minillama.valley.corpus import make_corpus
from minillama.valley.world import World


def build(context: BuildContext) -> dict[str, Any]:
    """Make or read the raw text, clean and mix it, and write it down.

    The reader's own text keeps its order, and no document of it is judged: the scorers know the Valley's kind of
    text alone.
    """
    settings: CorpusSettings = context.settings
    if context.corpus:
        documents, cleaning = clean(list(read_texts(context.corpus)))
    else:
        raw = make_corpus(World.create(WORLD_SEED), settings.seed)
        documents, cleaning = clean(raw, scorers=valley_scorers())
        documents = mix(documents, dict(settings.weights), settings.seed)
    if not documents:
        raise ValueError(f"{context.corpus or 'the corpus'} holds no text that survives cleaning; give more text")
    write_documents(documents, context.out)
    return {
        "raw_documents": cleaning.documents,
        "raw_characters": cleaning.characters,
        "removed": {step.name: len(step.removed) for step in cleaning.steps},
        "documents": len(documents),
        "characters": sum(len(document.text) for document in documents),
        "shares": {source: round(share, 4) for source, share in list(shares(documents).items())[:20]},
    }


CORPUS = Stage(
    name="corpus",
    promise="making and cleaning the corpus",
    inputs=(),
    build=build,
    modules=(
        "minillama.pipeline.stages.corpus",
        "minillama.data.boilerplate",
        "minillama.data.cleaning",
        "minillama.data.duplicates",
        "minillama.data.mixing",
        "minillama.data.open_datasets",
        "minillama.data.personal_data",
        "minillama.data.quality",
        "minillama.valley.corpus",
        "minillama.valley.dialogues",
        "minillama.valley.french",
        "minillama.valley.french_words",
        "minillama.valley.insults",
        "minillama.valley.lexicon",
        "minillama.valley.randomness",
        "minillama.valley.tasks",
        "minillama.valley.world",
        "minillama.valley.writing",
    ),
    seeded=False,
)
