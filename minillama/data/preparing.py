"""From a path to token shards in one pass, with bounded memory, going on where an earlier run stopped."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from minillama.data.open_datasets import corpus_bytes, read_texts
from minillama.data.packing import SHARD_TOKENS, ShardWriter, TokenShards, tokenizer_fingerprint
from minillama.tokenizer import Tokenizer
from minillama.valley.corpus import Document


def prepare_corpus(
    corpus: str | Path | Sequence[Document],
    folder: str | Path,
    tokenizer: Tokenizer,
    *,
    context: int = 1,
    text_field: str = "text",
    shard_tokens: int = SHARD_TOKENS,
) -> TokenShards:
    """Encode a reader's text (a path as in ``read_texts``, or documents) into shards in ``folder``.

    A run that stopped, by a fault in the text or by a kill, is gone on with: what was encoded stays, as long as the
    texts before that place and the tokenizer are the same; else all is done again.

    Raises ValueError for the faults that ``read_texts`` names and for fewer tokens than ``context`` + 1.
    """
    writer = ShardWriter(
        folder,
        vocab_size=tokenizer.vocab_size,
        bos_id=tokenizer.bos_id,
        eos_id=tokenizer.eos_id,
        shard_tokens=shard_tokens,
        fingerprint=tokenizer_fingerprint(tokenizer),
        resume=True,
    )
    documents = _unseen(corpus, text_field, writer)
    with _progress_bar(corpus) as bar:
        try:
            for text, progress in documents:
                writer.add(tokenizer.encode(text))
                writer.progress = progress
                bar.update(len(text))
                if writer.full:
                    writer.flush()
        finally:
            writer.flush()  # also when a fault or Ctrl-C stops the run
    n_tokens = sum(shard["tokens"] for shard in writer.shards)
    if n_tokens < context + 1:
        name = corpus if isinstance(corpus, str | Path) else f"a corpus of {len(corpus)} documents"
        raise ValueError(
            f"{name}: line 1: all text makes {n_tokens} tokens, fewer than one context of {context} and its last "
            "target; give more text or a model with a shorter context"
        )
    writer.flush(complete=True)
    return TokenShards.open(folder)


def _unseen(
    corpus: str | Path | Sequence[Document], text_field: str, writer: ShardWriter
) -> Iterator[tuple[str, dict[str, int | str]]]:
    """The texts that the writer does not hold yet, each with the progress to note once it does.

    Progress is a count and a hash of all texts so far, so that a corpus changed before that place is noticed.
    """
    held = writer.progress
    if held and _digest(_texts(corpus, text_field), held["documents"]) != held["digest"]:
        writer.clear()
        held = {}
    chain = hashlib.sha256()
    for number, text in enumerate(_texts(corpus, text_field), 1):
        _add_to(chain, text)
        if number > held.get("documents", 0):
            yield text, {"documents": number, "digest": chain.hexdigest()}


def _texts(corpus: str | Path | Sequence[Document], text_field: str) -> Iterator[str]:
    documents = read_texts(corpus, text_field) if isinstance(corpus, str | Path) else iter(corpus)
    return (document.text for document in documents)


def _digest(texts: Iterator[str], count: int) -> str | None:
    """The hash of the first ``count`` texts, or None where there are fewer."""
    chain = hashlib.sha256()
    for number, text in enumerate(texts, 1):
        _add_to(chain, text)
        if number == count:
            return chain.hexdigest()
    return None


def _add_to(chain: "hashlib._Hash", text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    chain.update(len(data).to_bytes(8, "little") + data)


def _progress_bar(corpus: str | Path | Sequence[Document]) -> tqdm:
    total = corpus_bytes(corpus) if isinstance(corpus, str | Path) else sum(len(document.text) for document in corpus)
    off = True if os.environ.get("CI") else None  # None: off unless stderr is a terminal
    return tqdm(desc="encoding", total=total, unit="B", unit_scale=True, disable=off)
