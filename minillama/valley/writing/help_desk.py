"""The help desk of the town hall: everyday questions of every kind with good answers, several in a document.

The base model reads here, as plain text, what people ask and how one answers; the chat format and whom to refuse it
learns from demonstrations. The questions are those of the tasks, in their training wordings only; a passage that is
kept for held-out reading prompts is never asked about.
"""

from minillama.valley.dialogues import cases
from minillama.valley.tasks.base import Case, Task
from minillama.valley.tasks.registry import core_tasks
from minillama.valley.writing.desk import Desk
from minillama.valley.writing.grammar import sentence

KINDS = ("facts",) * 2 + ("sums",) + ("lists",) + ("descriptions",) * 2 + ("reading",) * 4
MARKS = (("Q: ", "A: "), ("Q: ", "A: "), ("Question: ", "Answer: "), ("", ""), ("- ", "- "))
ENOUGH_WORDS = 60


def _case(desk: Desk, of: Task) -> Case:
    every = tuple(cases(desk.world, of, False))
    if of.kind != "reading":
        every += tuple(cases(desk.world, of, True))
    return desk.deal(f"cases of {of.name}", every)


def _asked(desk: Desk, of: Task, marks: tuple[str, str]) -> str:
    case = _case(desk, of)
    asked = desk.deal(f"wordings of {of.name}", of.wordings).format(**case.slots)
    told = of.good_answer(desk.world, case, desk.rng)
    return f"{marks[0]}{sentence(asked)}\n{marks[1]}{told}"


def write(desk: Desk) -> str:
    """Write a page of questions and answers, all of one kind or of all kinds."""
    marks = desk.pick(MARKS)
    kind = desk.deal("kinds of questions", KINDS) if desk.chance(0.7) else None
    said: list[str] = []
    while len(" ".join(said).split()) < ENOUGH_WORDS:
        now = kind or desk.pick(KINDS)
        of = desk.deal(f"tasks of {now}", [each for each in core_tasks() if each.kind == now])
        said.append(_asked(desk, of, marks))
    return "\n".join(said)
