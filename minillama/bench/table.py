"""What was measured, as rows to print and to put into README."""

from collections.abc import Mapping
from typing import Any

Row = tuple[str, str, str, str]  # what, ours, theirs, ratio


def bench_rows(results: Mapping[str, Any]) -> list[Row]:
    """Rows for the results of :func:`minillama.cli.bench` ("tokenizer", "training", "generation"), in that order.

    The ratio says how many times as fast as the other library this one is; below 1 it is slower.
    """
    rows: list[Row] = []
    if tokenizer := results.get("tokenizer"):
        rows += _tokenizer_rows(tokenizer)
    for part, size in (("training", "seq_len"), ("generation", "batch")):
        for row in results.get(part, {}).get("rows", ()):
            what = f"{results[part]['unit']}, {'length' if size == 'seq_len' else 'batch'} {row[size]}"
            rows.append((what, f"{row['ours']:,}", f"{row['theirs']:,}", f"{row['ratio']:.1f}"))
    return rows


def _tokenizer_rows(numbers: Mapping[str, float]) -> list[Row]:
    ours, library = numbers["train_seconds"], numbers["library_train_seconds"]
    recounting = numbers["recounting_seconds_at_least"]
    speed, library_speed = numbers["encode_mb_per_second"], numbers["library_encode_mb_per_second"]
    task = f"seconds to train {numbers['vocab_size']:,.0f} pieces on {numbers['corpus_mb']:.1f} MB"
    return [
        (f"{task}, beside sentencepiece", f"{ours:.1f}", f"{library:.1f}", f"{library / ours:.2f}"),
        (f"{task}, beside recounting all pairs", f"{ours:.1f}", f"{recounting:,.0f}", f"{recounting / ours:.0f}"),
        (
            "MB/s encoded, beside sentencepiece",
            f"{speed:.2f}",
            f"{library_speed:.2f}",
            f"{speed / library_speed:.2f}",
        ),
    ]
