"""One line of JSON for every step, so that a run can be watched and plotted while it goes on."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from minillama.data.atomic import write_atomically


@dataclass(frozen=True, kw_only=True)
class StepRecord:
    """What one step did.

    Attributes:
        step: From 1.
        loss: Mean cross entropy of the step's targets, in nats, before the update.
        learning_rate: Used in the update.
        gradient_norm: Euclidean norm over all parameters, before clipping.
        targets: Target tokens of this step.
        tokens: Token places read since the beginning of the run, filling included.
        seconds: Spent in steps since the beginning of the run.
        tokens_per_second: Of this step.
    """

    step: int
    loss: float
    learning_rate: float
    gradient_norm: float
    targets: int
    tokens: int
    seconds: float
    tokens_per_second: float


def read_metrics(path: Path | str) -> list[StepRecord]:
    """Return the records of a metrics file in the order of their steps; a half-written last line is left out.

    Raises:
        ValueError: A line other than the last is not a record.
    """
    lines = Path(path).read_text(encoding="utf-8").splitlines(keepends=True)
    records = []
    for number, line in enumerate(lines, start=1):
        if not line.endswith("\n"):
            break  # the process was stopped while it wrote this line
        try:
            records.append(StepRecord(**json.loads(line)))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}, line {number}, is not a record of a step: {line[:80]!r}") from error
    return records


class MetricsFile:
    """A metrics file that is being written; each line goes to the system at once, so a killed run leaves its steps."""

    def __init__(self, path: Path, last_step: int) -> None:
        """Open the file to go on after ``last_step``; what a stopped run wrote beyond it will be done again."""
        self._path = path
        kept = [record for record in read_metrics(path) if record.step <= last_step] if path.exists() else []
        write_atomically(path, b"".join(_line(record) for record in kept))
        self._file = path.open("ab", buffering=0)

    def append(self, record: StepRecord) -> None:
        """Add one line.

        Raises:
            OSError: The system refused, for example because the disk is full; the message names the file.
        """
        try:
            self._file.write(_line(record))
        except OSError as error:
            raise OSError(error.errno, f"could not write {self._path}: {error.strerror}") from error

    def sync(self) -> None:
        """Bring all lines to disk, so that no checkpoint is ever ahead of its metrics."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _line(record: StepRecord) -> bytes:
    return (json.dumps(asdict(record)) + "\n").encode()
