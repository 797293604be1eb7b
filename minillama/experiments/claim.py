"""What a claim of the paper is, once it is a program.

A module of ``minillama/experiments`` is one claim, named by its meaning, with a constant ``CLAIM``::

    def run(seed: int, quick: bool) -> list[Row]: ...          # train or time models of ours; one row per arm
    def judge(rows: Sequence[Row]) -> Verdict: ...             # all rows of all seeds -> reproduced or not, and why

    CLAIM = Claim(name="table-18", paper="Table 18", statement="...", paper_numbers={...}, ..., run=run, judge=judge)
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["reproduced", "not reproduced", "cannot be seen at this scale"]
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one seed measured in one arm of an experiment.

    Attributes:
        arm: Which variant ("digits split", "digits joined").
        seed: Of this run.
        numbers: Measured values by name; finite.
        control: Whether this is the control, in which the cause is removed and the effect must vanish.
        curve: Longer series by name, such as a loss curve, for plots.
        texts: Answers by name, where somebody should be able to read what was counted.
    """

    arm: str
    seed: int
    numbers: Mapping[str, float | int]
    control: bool = False
    curve: Mapping[str, Sequence[float | int]] = field(default_factory=dict)
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in self.numbers.items():
            if not math.isfinite(value):
                raise ValueError(f"arm {self.arm!r}, seed {self.seed}: {name} is {value}; a row holds finite numbers")


@dataclass(frozen=True)
class Verdict:
    """What the rows say of the claim, and the one honest sentence that says why."""

    outcome: Outcome
    why: str


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim of the paper that models of ours can contradict.

    Attributes:
        name: As given to ``minillama reproduce`` and the name of the ledger file: "table-28", "figure-5".
        paper: Where the paper makes it: "Table 28", "section 2.2.2".
        chapter: Number of the chapter that shows it.
        statement: The claim in one sentence.
        paper_numbers: The paper's own numbers, by name; empty where it gives none.
        counts_as_reproduced: What must be seen, said before looking.
        control: The control in which the effect must vanish.
        seeds: How many seeds a full run has.
        minutes: Roughly how long one seed takes on two CPU cores.
        run: ``run(seed, quick)`` measures one seed; quick is smaller, for a notebook.
        judge: All rows of all seeds to a verdict; it must look at the control, too.
        modules: Modules whose code decides the numbers, beside the claim's own; when they change the cache is stale.
    """

    name: str
    paper: str
    chapter: int
    statement: str
    paper_numbers: Mapping[str, float | int | str]
    counts_as_reproduced: str
    control: str
    seeds: int
    minutes: float | int
    run: Callable[[int, bool], Sequence[Row]]
    judge: Callable[[Sequence[Row]], Verdict]
    modules: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"a claim's name is lower-case words with hyphens, such as 'table-28', not {self.name!r}")
        if self.seeds < 1:
            raise ValueError(f"claim {self.name!r} has {self.seeds} seeds; it needs at least 1")
        if not 0 < self.minutes <= 10:
            raise ValueError(f"claim {self.name!r} takes {self.minutes} minutes a seed; the limit is 10")
