"""Sums up to nine: plain ones and small stories; and which of two numbers up to nine is larger.

The pair is the pair of numbers, whatever the task, so that a held-out sum is held out as a story too.
"""

import random
from collections.abc import Callable, Sequence

from minillama.valley.tasks.base import Case, Task
from minillama.valley.tasks.common import fill, poor, with_polite_forms
from minillama.valley.tasks.grading import STORY_THINGS, grade_sum
from minillama.valley.world import World

LARGEST = 9  # a number of one digit is one token, which a small model can copy
_VAGUE = ("It is a number.", "You have to count.", "It is some more.", "The answer is a small number.")


def additions() -> list[tuple[int, int]]:
    """All sums a + b with a, b of at least 1 that give at most ``LARGEST``."""
    return [(a, b) for a in range(1, LARGEST) for b in range(1, LARGEST + 1 - a)]


def subtractions() -> list[tuple[int, int]]:
    """All differences a - b with 1 <= b < a <= ``LARGEST``."""
    return [(a + b, b) for a, b in additions()]


def _told(pairs: list[tuple[int, int]], sign: str) -> list[tuple[int, int]]:
    """The pairs that a story can tell in the plural: no "1 apples"."""
    return [(a, b) for a, b in pairs if a > 1 and (a + b if sign == "+" else a - b) > 1]


def _sum_case(a: int, b: int, sign: str, world: World) -> Case:
    result = a + b if sign == "+" else a - b
    pair = f"sum/{min(a, b)}+{max(a, b)}" if sign == "+" else f"sum/{a}-{b}"
    if sign == "m":
        result, pair = max(a, b), f"sum/max/{min(a, b)},{max(a, b)}"
    # The person and the things of a story follow from the numbers: they are no part of what is asked.
    villager = world.villagers[(a * 23 + b * 7) % len(world.villagers)]
    slots = {
        "a": a,
        "b": b,
        "c": result,
        "smaller": min(a, b),
        "name": villager.name,
        "he": villager.he,
        "He": villager.he.capitalize(),
        "things": STORY_THINGS[(a * 3 + b) % len(STORY_THINGS)],
    }
    return Case(pair=pair, slots=slots, target={"result": result, "operands": [a, b], "sign": sign})


def sum_task(
    *,
    name: str,
    sign: str,
    numbers: Callable[[], list[tuple[int, int]]],
    wordings: Sequence[str],
    heldout: Sequence[str],
    good: Sequence[str],
) -> Task:
    """Build a task on pairs of numbers; ``sign`` is ``"+"``, ``"-"`` or ``"m"`` (the larger one)."""

    def poor_answer(world: World, case: Case, rng: random.Random) -> str:
        def wrong() -> str:
            if sign == "m":
                return fill(rng, good, {**case.slots, "c": case.slots["smaller"], "smaller": case.slots["c"]})
            near = [n for n in range(max(0, case.slots["c"] - 4), case.slots["c"] + 5) if n != case.slots["c"]]
            return fill(rng, good, {**case.slots, "c": rng.choice(near)})

        return poor(rng, wrong, lambda: rng.choice(_VAGUE), lambda: fill(rng, good, case.slots))

    return Task(
        name=name,
        kind="sums",
        tier="core",
        wordings=with_polite_forms(wordings, heldout),
        heldout_wordings=tuple(heldout),
        cases=lambda world: [_sum_case(a, b, sign, world) for a, b in numbers()],
        good_answer=lambda world, case, rng: fill(rng, good, case.slots),
        poor_answer=poor_answer,
        grade=grade_sum,
        heldout_share=0.25,
    )


TASKS = (
    sum_task(
        name="sum-add",
        sign="+",
        numbers=additions,
        wordings=(
            "What is {a} + {b}?",
            "What is {a} plus {b}?",
            "How much is {a} + {b}?",
            "Add {a} and {b}.",
            "Please add {a} and {b}.",
            "Calculate {a} + {b}.",
            "What do you get when you add {a} and {b}?",
            "Tell me what {a} plus {b} is.",
            "{a} + {b} = ?",
            "Give me the sum of {a} and {b}.",
        ),
        heldout=("How much is {a} plus {b}?", "Can you tell me what {a} + {b} is?", "What is the sum of {a} and {b}?"),
        good=("{a} + {b} = {c}.", "{a} + {b} is {c}.", "The answer is {c}."),
    ),
    sum_task(
        name="sum-subtract",
        sign="-",
        numbers=subtractions,
        wordings=(
            "What is {a} - {b}?",
            "What is {a} minus {b}?",
            "How much is {a} - {b}?",
            "Take {b} from {a}.",
            "Please take {b} from {a}.",
            "Calculate {a} - {b}.",
            "What is left when you take {b} from {a}?",
            "Tell me what {a} minus {b} is.",
            "{a} - {b} = ?",
        ),
        heldout=("How much is {a} minus {b}?", "Can you tell me what {a} - {b} is?", "What do I get for {a} - {b}?"),
        good=("{a} - {b} = {c}.", "{a} - {b} is {c}.", "The answer is {c}."),
    ),
    sum_task(
        name="sum-more",
        sign="+",
        numbers=lambda: _told(additions(), "+"),
        wordings=(
            "{name} has {a} {things} and gets {b} more. How many {things} does {he} have now?",
            "{name} has {a} {things} and finds {b} more. How many {things} are there now?",
            "{name} buys {a} {things} and then {b} more. How many {things} does {he} have?",
            "There are {a} {things} in a box. {name} adds {b} more. How many are in the box now?",
            "{name} had {a} {things}. Then {he} got {b} more. How many does {he} have now?",
            "On Monday {name} found {a} {things}, on Tuesday {b} more. How many {things} did {he} find?",
            "If {name} has {a} {things} and buys {b} more, how many {things} does {he} have?",
            "{name} picks {a} {things} and a friend picks {b}. How many {things} do they have?",
        ),
        heldout=(
            "{name} has {a} {things} and buys {b} more. How many {things} does {he} have now?",
            "{name} finds {a} {things} and then {b} more. How many {things} are there?",
            "There are {a} {things}. {name} brings {b} more. How many {things} are there now?",
        ),
        good=("{a} + {b} = {c}, so the answer is {c} {things}.", "It is {c} {things}.", "The answer is {c} {things}."),
    ),
    sum_task(
        name="sum-less",
        sign="-",
        numbers=lambda: _told(subtractions(), "-"),
        wordings=(
            "{name} has {a} {things} and gives away {b}. How many {things} are left?",
            "{name} has {a} {things} and loses {b}. How many {things} does {he} have now?",
            "{name} had {a} {things}. Then {he} sold {b}. How many are left?",
            "There are {a} {things} on the table. {name} takes {b}. How many are still there?",
            "{name} buys {a} {things} and gives {b} to a friend. How many does {he} keep?",
            "If {name} has {a} {things} and loses {b}, how many {things} are left?",
            "Of {a} {things}, {name} sells {b}. How many {things} are left?",
            "{name} has {a} {things}. A friend takes {b}. How many {things} does {name} have now?",
        ),
        heldout=(
            "{name} has {a} {things} and sells {b}. How many {things} are left?",
            "{name} had {a} {things} and gave away {b}. How many {things} does {he} have now?",
            "There are {a} {things}. {name} takes {b}. How many {things} are left?",
        ),
        good=("{a} - {b} = {c}, so the answer is {c} {things}.", "It is {c} {things}.", "The answer is {c} {things}."),
    ),
    sum_task(
        name="sum-larger",
        sign="m",
        numbers=lambda: [(a, b) for a in range(1, LARGEST + 1) for b in range(1, LARGEST + 1) if a != b],
        wordings=(
            "Which number is larger, {a} or {b}?",
            "Which is larger, {a} or {b}?",
            "What is more, {a} or {b}?",
            "Is {a} or {b} the larger number?",
            "Tell me which is larger: {a} or {b}.",
            "Which of the numbers {a} and {b} is larger?",
            "Who has more, somebody with {a} coins or somebody with {b} coins?",
            "Name the larger number of {a} and {b}.",
        ),
        heldout=(
            "Which is the larger number, {a} or {b}?",
            "Can you tell me which is larger, {a} or {b}?",
            "Which one is larger, {a} or {b}?",
        ),
        good=("The larger number is {c}.", "{c} is larger than {smaller}.", "It is {c}."),
    ),
)
