"""Running claims: one seed at a time, each kept, so that a stopped run goes on and nothing is measured twice."""

import dataclasses
import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from minillama.data.atomic import write_atomically
from minillama.experiments.claim import Claim, Row
from minillama.experiments.ledger import Entry, write_entry
from minillama.pipeline.cache import Say, cache_folder
from minillama.pipeline.stage import code_hash


def quick_rows(claim: Claim, seed: int = 0) -> list[Row]:
    """One small seed, as a chapter runs it; measured anew each time."""
    return list(claim.run(seed, True))


def reproduce(claim: Claim, seeds: int | None = None, *, folder: Path, say: Say = print) -> Entry:
    """Measure a claim with several seeds and write ``<folder>/<name>.json``.

    Args:
        claim: What to measure.
        seeds: How many; the claim's own number if None.
        folder: Of the ledger, ``figures/ledger`` in the repository.
        say: Told about each seed.

    Raises:
        ValueError: ``seeds`` is below 1, or the claim's program returned no rows.
    """
    count = claim.seeds if seeds is None else seeds
    if count < 1:
        raise ValueError(f"seeds is {count}; it must be at least 1")
    rows: list[Row] = []
    seconds = 0.0
    for seed in range(count):
        measured, took = _measured(claim, seed, say)
        rows, seconds = rows + measured, seconds + took
    entry = Entry.of(claim, rows, claim.judge(rows), seconds)
    write_entry(entry, folder)
    return entry


def _measured(claim: Claim, seed: int, say: Say) -> tuple[list[Row], float]:
    """Rows and seconds of one seed, from the cache where its code is the same as then."""
    path = cache_folder() / "claims" / claim.name / f"seed-{seed}-{_code_key(claim)}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if path.exists():
            kept = json.loads(path.read_text("utf-8"))
            return [Row(**row) for row in kept["rows"]], kept["seconds"]
        say(f"{claim.name}: seed {seed} (about {claim.minutes:g} minutes on two CPU cores)")
        began = time.perf_counter()
        rows = list(claim.run(seed, False))
        if not rows:
            raise ValueError(f"claim {claim.name!r} measured nothing for seed {seed}; its run() must return rows")
        kept = {"rows": [plain(row) for row in rows], "seconds": round(time.perf_counter() - began, 1)}
        write_atomically(path, json.dumps(kept).encode())
        return rows, kept["seconds"]


def plain(row: Row) -> dict[str, Any]:
    """A row as JSON values."""
    series = {"curve": row.curve, "texts": row.texts}
    return dataclasses.asdict(row) | {
        kind: {name: list(each) for name, each in of.items()} for kind, of in series.items()
    }


def _code_key(claim: Claim) -> str:
    modules: Sequence[str] = (claim.run.__module__, *claim.modules)
    return hashlib.sha256("".join(code_hash(module) for module in modules).encode()).hexdigest()[:12]
