"""Two questions in one message. Some combinations of tasks are held out altogether: training never shows them."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minillama.valley.randomness import stream
from minillama.valley.tasks import facts, knowledge, sums
from minillama.valley.tasks.base import Case, Grade, Task
from minillama.valley.tasks.common import capital, evasive, off_topic, rude
from minillama.valley.tasks.split import USUAL_SHARE, is_heldout
from minillama.valley.world import World

_PARTS = {task.name: task for task in (*facts.TASKS, *knowledge.TASKS, *sums.TASKS)}
_QUESTIONS = {
    "fact-town": "where does {name} live",
    "fact-job": "what is {name}'s job",
    "fact-pet": "what pet does {name} have",
    "fact-hobby": "what is {name}'s hobby",
    "fact-food": "what is {name}'s favourite food",
    "fact-birthday": "when is {name}'s birthday",
    "fact-colour": "what colour is {key}",
    "fact-sound": "what noise does {a_key} make",
    "fact-market": "when is the market in {key}",
    "sum-add": "what is {a} + {b}",
    "sum-subtract": "what is {a} - {b}",
}
COMBINATIONS = (
    ("fact-town", "fact-job", False),
    ("fact-pet", "sum-add", False),
    ("fact-hobby", "fact-food", False),
    ("fact-colour", "fact-sound", False),
    ("fact-job", "sum-subtract", False),
    ("fact-town", "sum-add", True),
    ("fact-birthday", "fact-sound", True),
    ("fact-food", "fact-market", True),
)
"""Two tasks and whether their combination is held out altogether."""

MOST_CASES = 240
_WORDINGS = (
    "{First}, and {second}?",
    "{First}? And {second}?",
    "{Second}, and {first}?",
    "Two questions: {first}, and {second}?",
    "I have two questions. {First}? {Second}?",
    "Tell me two things: {first}, and {second}?",
    "Please answer both: {first}, and {second}?",
    "I want to know two things. {First}? {Second}?",
)
_HELDOUT = (
    "{First}, and also {second}?",
    "Can you answer two questions? {First}? {Second}?",
    "First, {first}? Then, {second}?",
)


def _combined_cases(world: World, one: Task, two: Task, name: str) -> Sequence[Case]:
    """Pairs of cases from the same side of the split, at most ``MOST_CASES`` of each side."""
    cases = []
    for side in (False, True):
        rows = [[case for case in task.cases(world) if _side(world, case) is side] for task in (one, two)]
        pairs = [(a, b) for a in rows[0] for b in rows[1] if a.slots.get("name") != b.slots.get("name", "")]
        rng = stream(world.seed, "combined", name, int(side))
        cases += [_join(one, a, two, b) for a, b in rng.sample(pairs, min(len(pairs), MOST_CASES))]
    return cases


def _side(world: World, case: Case) -> bool:
    return is_heldout(world, case.pair, USUAL_SHARE)


def _join(one: Task, a: Case, two: Task, b: Case) -> Case:
    first = _QUESTIONS[one.name].format(**a.slots)
    second = _QUESTIONS[two.name].format(**b.slots)
    slots = {"first": first, "second": second, "First": capital(first), "Second": capital(second)}
    parts = [
        {"task": task.name, "pair": c.pair, "slots": c.slots, "target": c.target} for task, c in ((one, a), (two, b))
    ]
    return Case(pair=f"{a.pair}&{b.pair}", slots=slots, target={"parts": parts})


def _parts(case: Case) -> list[tuple[Task, Case]]:
    rows: Sequence[Mapping[str, Any]] = case.target["parts"]
    return [(_PARTS[row["task"]], Case(pair=row["pair"], slots=row["slots"], target=row["target"])) for row in rows]


def _good(world: World, case: Case, rng: random.Random) -> str:
    return " ".join(task.good_answer(world, part, rng) for task, part in _parts(case))


def _poor(world: World, case: Case, rng: random.Random) -> str:
    """Both wrong, one forgotten and one wrong, or nothing to the point."""
    roll = rng.random()
    if roll < 0.7:
        return " ".join(task.poor_answer(world, part, rng) for task, part in _parts(case)[: 1 + (roll < 0.4)])
    return rng.choice((evasive, off_topic, rude))(rng)


def _grade(world: World, case: Case, answer: str) -> Grade:
    grades = [task.grade(world, part, answer) for task, part in _parts(case)]
    reasons = tuple(reason for grade in grades for reason in grade.reasons)
    return Grade(sum(grade.score for grade in grades) / len(grades), reasons)


def _cases_of(one: Task, two: Task, name: str) -> Callable[[World], Sequence[Case]]:
    return lambda world: _combined_cases(world, one, two, name)


def _combined(one: str, two: str, heldout: bool) -> Task:
    name = f"combined-{one.split('-')[1]}-{two.split('-')[1]}"
    return Task(
        name=name,
        kind="combined",
        tier="extended",
        wordings=_WORDINGS,
        heldout_wordings=_HELDOUT,
        cases=_cases_of(_PARTS[one], _PARTS[two], name),
        good_answer=_good,
        poor_answer=_poor,
        grade=_grade,
        heldout_share=1.0 if heldout else USUAL_SHARE,
    )


TASKS = tuple(_combined(one, two, heldout) for one, two, heldout in COMBINATIONS)
