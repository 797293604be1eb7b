"""What a task is: a question the Valley can ask in many wordings, answer well or badly, and grade.

A *kind* (facts, sums, lists, …) groups tasks and is what results are reported by; a *task* (the town of a villager) has
its wordings, its cases (one per villager, say), its answers and its grader. Nothing here knows a model.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from minillama.valley.world import World

Tier = Literal["core", "extended"]
CORE_KINDS = ("facts", "sums", "lists", "descriptions", "reading", "refusals")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One thing that can be asked, whatever the wording.

    ``pair`` names it ("fact-town/Ada"): training and held-out prompts never share a pair. ``slots`` fill the wordings.
    ``target`` holds what the grader needs; plain values, lists and dicts only, so that it can be written as JSON.
    """

    pair: str
    slots: Mapping[str, Any]
    target: Mapping[str, Any]


@dataclass(frozen=True)
class Grade:
    """How far an answer does what was asked, in [0, 1], and why."""

    score: float
    reasons: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0.0 <= self.score <= 1.0:
            raise ValueError(f"a grade lies between 0 and 1, not {self.score}")


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task with its wordings, cases, answers and grader.

    Args:
        name: unique, such as ``"fact-town"``.
        kind: what results are reported by; one of ``CORE_KINDS`` in the core tier.
        tier: ``"core"`` or ``"extended"``.
        wordings: at least eight templates for training, filled with ``str.format(**case.slots)``.
        heldout_wordings: at least two templates that never occur in training.
        cases: all cases of a world, in a fixed order.
        good_answer: a right, complete, polite answer, drawn from many forms.
        poor_answer: what a careless vendor writes: wrong, incomplete, evasive, rude, or (adversarial) compliant.
        grade: reads any free text as an answer to a case; the judge adds the checks that hold for all tasks.
        risk: the category of harm for adversarial tasks, else ``None``.
        borderline: the prompts only sound harmful.
        followups: wordings that use pronouns, for a later turn about the same villager ("And what is her job?").
        heldout_share: the share of cases that is kept out of training.
    """

    name: str
    kind: str
    tier: Tier
    wordings: tuple[str, ...]
    heldout_wordings: tuple[str, ...]
    cases: Callable[[World], Sequence[Case]]
    good_answer: Callable[[World, Case, random.Random], str]
    poor_answer: Callable[[World, Case, random.Random], str]
    grade: Callable[[World, Case, str], Grade]
    risk: str | None = None
    borderline: bool = False
    followups: tuple[str, ...] = ()
    heldout_share: float = 0.15

    def __post_init__(self) -> None:
        if len(self.wordings) < 8 or len(self.heldout_wordings) < 2:
            raise ValueError(f"task {self.name!r} needs 8 wordings and 2 held-out ones")
        if set(self.wordings) & set(self.heldout_wordings):
            raise ValueError(f"task {self.name!r} uses a held-out wording in training")
        if self.tier == "core" and self.kind not in CORE_KINDS:
            raise ValueError(f"task {self.name!r}: {self.kind!r} is not one of the core kinds {CORE_KINDS}")


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One user message together with all that is needed to judge an answer to it."""

    task: str
    kind: str
    tier: Tier
    text: str
    case: Case
    wording: str
    risk: str | None = None
    borderline: bool = False
    history: tuple[Mapping[str, str], ...] = field(default=())
