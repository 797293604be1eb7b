"""How fast the tokenizer is, beside the sentencepiece library and beside textbook training, in one run."""

import ast
import io
import os
import sysconfig
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import sentencepiece

from minillama.tokenizer.bpe import BPESettings, train_bpe
from minillama.tokenizer.encoder import Encoder
from minillama.tokenizer.sentencepiece_model import read_model, write_model
from minillama.tokenizer.words import choose_alphabet, count_words, split_chunks

Timed = tuple[Any, float]


def gather_docstrings(n_bytes: int = 10_000_000, folder: str | os.PathLike[str] | None = None) -> list[str]:
    """Collect real English from a folder of Python files, the installed packages by default, until it is enough.

    Args:
        n_bytes: stop once the docstrings have this many bytes of UTF-8; fewer come back where there are no more.
        folder: where to look, subfolders included; files that Python cannot parse are skipped.
    """
    texts, found = [], 0
    for path in sorted(Path(folder or sysconfig.get_path("purelib")).rglob("*.py")):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        for node in ast.walk(tree):
            if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            if text := ast.get_docstring(node):
                texts.append(text)
                found += len(text.encode("utf-8", "ignore"))
                if found >= n_bytes:
                    return texts
    return texts


def measure_tokenizer(texts: Sequence[str], vocab_size: int = 8000) -> dict[str, float]:
    """Time training and encoding of ``texts`` here and by the sentencepiece library (C++, all threads for training).

    Both train on the same lines with Llama's settings. Encoding starts with an empty cache and takes one text a call,
    on one thread. The time of recounting all pairs after every merge is bounded from below: the number of merges times
    one count over the distinct chunks as they are after the last merge, when there is least to count.

    Returns:
        Seconds, MB/s (1 MB = 10^6 bytes of UTF-8) and ratios by name. ``train_ratio`` is our time over the library's;
        ``speedup_over_recounting`` is the bound for recounting over our whole training time.

    Raises:
        ValueError: see `train_bpe`.
    """
    lines = [line for text in texts for line in text.split("\n") if line]
    settings = BPESettings(vocab_size=vocab_size)
    learned, ours = _timed(lambda: train_bpe(lines, settings))
    library_model, library = _timed(lambda: _train_library(lines, settings))
    recounting = _recounting_seconds(lines, settings, learned)

    encoder = Encoder(read_model(write_model(learned, settings)))
    processor = sentencepiece.SentencePieceProcessor(model_proto=library_model)
    megabytes = sum(len(text.encode("utf-8")) for text in texts) / 1e6
    _, our_encoding = _timed(lambda: [encoder.encode(text) for text in texts])
    _, library_encoding = _timed(lambda: [processor.encode(text) for text in texts])
    return {
        "corpus_mb": megabytes,
        "vocab_size": vocab_size,
        "train_seconds": ours,
        "library_train_seconds": library,
        "train_ratio": ours / library,
        "recounting_seconds_at_least": recounting,
        "speedup_over_recounting": recounting / ours,
        "encode_mb_per_second": megabytes / our_encoding,
        "library_encode_mb_per_second": megabytes / library_encoding,
    }


def _timed(work: Callable[[], Any]) -> Timed:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def _train_library(lines: Sequence[str], settings: BPESettings) -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=model,
        model_type="bpe",
        vocab_size=settings.vocab_size,
        character_coverage=settings.character_coverage,
        max_sentencepiece_length=settings.max_piece_length,
        split_digits=True,
        byte_fallback=True,
        allow_whitespace_only_pieces=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        num_threads=os.cpu_count() or 1,
        minloglevel=2,
    )
    return model.getvalue()


def _recounting_seconds(lines: Sequence[str], settings: BPESettings, learned: Sequence[str]) -> float:
    words = count_words(lines)
    chunks = split_chunks(words, choose_alphabet(words, settings.character_coverage))
    encoder = Encoder(read_model(write_model(learned, settings)))
    merged = [(encoder.merge(chunk), count) for chunk, count in chunks.items()]

    def count_pairs() -> Counter[tuple[str, str]]:
        counts: Counter[tuple[str, str]] = Counter()
        for symbols, count in merged:
            for pair in pairwise(symbols):
                counts[pair] += count
        return counts

    seconds = min(_timed(count_pairs)[1] for _ in range(3))
    return seconds * sum(len(piece) > 1 for piece in learned)
