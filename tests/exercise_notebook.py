"""An exercise notebook as the tests see it: cells to run, solutions to clear, wrong solutions to try."""

import json
import re
import signal
import threading
from _thread import interrupt_main
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOLUTION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?^ *### END SOLUTION$", re.MULTILINE | re.DOTALL)
HIDDEN = re.compile(r"^ *### BEGIN HIDDEN TESTS\n(.*?)^ *### END HIDDEN TESTS$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell. ``solution`` and ``grade`` are nbgrader's; ``wrong`` holds whole cells that must not pass."""

    kind: str
    source: str
    grade_id: str
    solution: bool
    grade: bool
    points: int
    wrong: tuple[str, ...]

    @classmethod
    def of(cls, raw: dict[str, Any]) -> "Cell":
        nbgrader = raw["metadata"].get("nbgrader", {})
        return cls(
            kind=raw["cell_type"],
            source="".join(raw["source"]),
            grade_id=nbgrader.get("grade_id", ""),
            solution=nbgrader.get("solution", False),
            grade=nbgrader.get("grade", False),
            points=nbgrader.get("points", 0),
            wrong=tuple(raw["metadata"].get("minillama", {}).get("wrong", ())),
        )

    @property
    def blank(self) -> str:
        """The cell as a student gets it."""
        return SOLUTION.sub(r"\1raise NotImplementedError", self.source)

    @property
    def visible(self) -> str:
        """The check without its hidden tests, as a student gets it."""
        return HIDDEN.sub("", self.source)


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """A programming exercise: the cell to write, and the cells that check it, the last of them graded."""

    answer: Cell
    checks: tuple[Cell, ...]

    @property
    def points(self) -> int:
        """Of the graded cell."""
        return self.checks[-1].points


def read_cells(path: Path) -> list[Cell]:
    """All cells of an exercise notebook."""
    return [Cell.of(raw) for raw in json.loads(path.read_text("utf-8"))["cells"]]


def exercises(cells: list[Cell]) -> list[Exercise]:
    """The programming exercises: each answer with the code cells up to the graded one."""
    found: list[Exercise] = []
    answer, checks = None, []
    for cell in cells:
        if cell.kind != "code":
            continue
        if cell.solution:
            answer, checks = cell, []
        elif answer is not None:
            checks.append(cell)
            if cell.grade:
                found.append(Exercise(answer=answer, checks=tuple(checks)))
                answer = None
    return found


class TookTooLong(Exception):
    """A cell ran past its time limit."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Interrupt the main thread's Python code after some seconds, on every system."""
    lock, state = threading.Lock(), {"done": False, "late": False}

    def stop() -> None:
        with lock:
            if not state["done"]:
                state["late"] = True
                interrupt_main()

    timer = threading.Timer(seconds, stop)
    # A shell starts what runs in the background with interrupts ignored, and then interrupt_main() does nothing.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer.start()
    try:
        yield
    except KeyboardInterrupt:
        if state["late"]:
            raise TookTooLong(f"more than {seconds:g} s") from None
        raise
    finally:
        with lock:
            state["done"] = True
        timer.cancel()
        signal.signal(signal.SIGINT, before)
