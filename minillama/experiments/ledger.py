"""The ledger: one JSON file per claim, from which README's table and the chapters' plots are made."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from minillama.data.atomic import write_atomically
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.hardware import hardware, versions

MAX_CURVE = 200  # points of a curve that are kept: enough for a plot


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What the ledger says of one claim.

    ``arms`` holds for each arm whether it is the control, its numbers as mean, lowest, highest, standard deviation
    and the values of each seed, its curves (of the first seed), and its texts (of all seeds) where there are any.
    """

    name: str
    paper: str
    chapter: int
    statement: str
    paper_numbers: Mapping[str, float | int | str]
    counts_as_reproduced: str
    control: str
    outcome: str
    why: str
    seeds: int
    arms: Mapping[str, Any]
    seconds: float
    hardware: str
    versions: Mapping[str, str]
    date: str

    @classmethod
    def of(cls, claim: Claim, rows: Sequence[Row], verdict: Verdict, seconds: float) -> "Entry":
        """Sum up the rows of all seeds."""
        return cls(
            name=claim.name,
            paper=claim.paper,
            chapter=claim.chapter,
            statement=claim.statement,
            paper_numbers=dict(claim.paper_numbers),
            counts_as_reproduced=claim.counts_as_reproduced,
            control=claim.control,
            outcome=verdict.outcome,
            why=verdict.why,
            seeds=len({row.seed for row in rows}),
            arms={arm: _arm([row for row in rows if row.arm == arm]) for arm in dict.fromkeys(r.arm for r in rows)},
            seconds=round(seconds, 1),
            hardware=hardware(),
            versions=versions(),
            date=datetime.now(UTC).date().isoformat(),
        )


def _arm(rows: Sequence[Row]) -> dict[str, Any]:
    numbers = {name: spread([row.numbers[name] for row in rows]) for name in rows[0].numbers}
    curves = {name: thin(values) for name, values in rows[0].curve.items()}
    texts = {name: [text for row in rows for text in row.texts[name]] for name in rows[0].texts}
    return {"control": rows[0].control, "numbers": numbers, "curves": curves} | ({"texts": texts} if texts else {})


def spread(values: Sequence[float | int]) -> dict[str, Any]:
    """Mean and spread of a number over seeds; a single seed has no standard deviation (None)."""
    rounded = [_round(value) for value in values]
    return {
        "mean": _round(statistics.fmean(values)),
        "low": min(rounded),
        "high": max(rounded),
        "sd": _round(statistics.stdev(values)) if len(values) > 1 else None,
        "values": rounded,
    }


def _round(value: float | int) -> float:
    return float(f"{value:.5g}")


def thin(values: Sequence[float | int]) -> list[float]:
    """At most ``MAX_CURVE`` points of a curve, each the mean of a stretch of equal length (the last may be shorter)."""
    width = max(1, -(-len(values) // MAX_CURVE))
    return [_round(statistics.fmean(values[start : start + width])) for start in range(0, len(values), width)]


def write_entry(entry: Entry, folder: Path) -> Path:
    """Write ``<folder>/<name>.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{entry.name}.json"
    write_atomically(path, (json.dumps(asdict(entry), indent=1, ensure_ascii=False) + "\n").encode())
    return path


def read_entry(path: Path) -> Entry:
    """Read one file of the ledger. Raises ValueError when it is not one."""
    try:
        return Entry(**json.loads(path.read_text("utf-8")))
    except (OSError, json.JSONDecodeError, TypeError) as error:
        raise ValueError(f"{path} is no entry of the ledger ({error}); `minillama reproduce` writes it") from error


def ledger_entries(folder: Path) -> list[Entry]:
    """All entries, by chapter and name."""
    entries = [read_entry(path) for path in folder.glob("*.json")]
    return sorted(entries, key=lambda entry: (entry.chapter, entry.name))
