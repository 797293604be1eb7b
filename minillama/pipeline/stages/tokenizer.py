"""The tokenizer, trained on the corpus and, for the Valley, on formatted dialogues."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from minillama.chat import B_INST, E_INST, fold_system
from minillama.pipeline.artifact import TOKENIZER_FILE
from minillama.pipeline.demonstrations import training_dialogs
from minillama.pipeline.documents import read_documents
from minillama.pipeline.presets import TokenizerSettings
from minillama.pipeline.stage import BuildContext, Stage
from minillama.tokenizer import Tokenizer


def build(context: BuildContext) -> dict[str, Any]:
    """Learn the vocabulary. The reader's own text is used alone: what it lacks falls back to bytes."""
    settings: TokenizerSettings = context.settings
    documents = (document.text for document in read_documents(context.inputs["corpus"].folder))
    texts = documents if context.corpus else chain(documents, formatted_dialogues(settings))
    tokenizer = Tokenizer.train(texts, settings.vocab_size)
    tokenizer.save(context.out / TOKENIZER_FILE)
    return {"vocab_size": tokenizer.vocab_size}


def formatted_dialogues(settings: TokenizerSettings) -> Iterator[str]:
    """Training dialogues as the model will see them, so that the marks of the chat format become short."""
    for dialog in training_dialogs(settings.dialogues):
        turns = fold_system(dialog)
        for user, assistant in zip(turns[::2], turns[1::2], strict=True):
            yield f"{B_INST} {user['content']} {E_INST} {assistant['content']} "


TOKENIZER = Stage(
    name="tokenizer",
    promise="learning the vocabulary",
    inputs=("corpus",),
    build=build,
    modules=(
        "minillama.pipeline.stages.tokenizer",
        "minillama.pipeline.demonstrations",
        "minillama.tokenizer",
        "minillama.valley.tasks",
        "minillama.valley.dialogues",
    ),
    seeded=False,
)
