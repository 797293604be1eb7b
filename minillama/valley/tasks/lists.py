"""Lists: things of a villager, people of a town, days, months, numbers, and things of a kind."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minillama.valley.lexicon import (
    ANIMALS,
    COLOURS,
    DAYS,
    FOODS,
    HOBBIES,
    JOBS,
    MEN,
    MONTHS,
    NUMBER_WORDS,
    SEASONS,
    THINGS,
    TOWNS,
    WOMEN,
)
from minillama.valley.tasks.base import Case, Task
from minillama.valley.tasks.common import fill, poor, villager_slots, with_polite_forms
from minillama.valley.tasks.grading import grade_list
from minillama.valley.world import World
from minillama.valley.writing.grammar import listing, with_article

CATEGORIES: dict[str, tuple[str, ...]] = {
    "colours": COLOURS,
    "animals": tuple(animal.name for animal in ANIMALS),
    "foods": FOODS,
    "towns": tuple(town.name for town in TOWNS),
    "jobs": tuple(job.name for job in JOBS),
    "hobbies": HOBBIES,
    "days": DAYS,
    "months": MONTHS,
    "women": WOMEN,
    "men": MEN,
}
HIGHEST = 10  # number to count to
DOMAINS = {
    "colours": "colour", "animals": "animal", "foods": "food", "towns": "town", "jobs": "job", "hobbies": "hobby",
    "days": "day", "months": "month", "women": "person", "men": "person",
}  # fmt: skip


def list_task(
    *,
    name: str,
    cases: Callable[[World], Sequence[Case]],
    wordings: Sequence[str],
    heldout: Sequence[str],
    good: Sequence[str],
    pool: Sequence[str],
    followups: Sequence[str] = (),
    heldout_share: float = 0.15,
    article: bool = False,
) -> Task:
    """Build a list task.

    A case's target has ``allowed`` (what may be named), ``count`` (how many are wanted), ``ordered`` (must stand in the
    order of ``allowed``) and ``domain``. ``pool`` is where wrong items come from.
    """

    def spelled(items: Sequence[str]) -> str:
        return listing([with_article(item) for item in items] if article else items)

    def say(items: Sequence[str], case: Case, rng: random.Random) -> str:
        named = {"items": spelled(items), "first": items[0], "second": items[-1]}
        return fill(rng, good, {**case.slots, **named})

    def good_answer(world: World, case: Case, rng: random.Random) -> str:
        return say(_right_items(case.target, rng), case, rng)

    def poor_answer(world: World, case: Case, rng: random.Random) -> str:
        right = _right_items(case.target, rng)
        wrong = [item for item in pool if item not in case.target["allowed"]] or list(pool)

        def wrong_items() -> str:
            keep = right[: rng.randrange(len(right))]
            items = keep + rng.sample(wrong, min(len(wrong), len(right) - len(keep)))
            if case.target["ordered"] and len(right) > 1 and rng.random() < 0.3:
                items = right[1:] + right[:1]
            return say(items, case, rng)

        def incomplete() -> str:
            return say(right[:1], case, rng) if len(right) > 2 else "There are some."

        return poor(rng, wrong_items, incomplete, lambda: good_answer(world, case, rng))

    return Task(
        name=name,
        kind="lists",
        tier="core",
        wordings=with_polite_forms(wordings, heldout),
        heldout_wordings=tuple(heldout),
        cases=cases,
        good_answer=good_answer,
        poor_answer=poor_answer,
        grade=grade_list,
        followups=tuple(followups),
        heldout_share=heldout_share,
    )


def _right_items(target: Mapping[str, Any], rng: random.Random) -> list[str]:
    """The items of a right answer: all in order, or the first few after a random start when there is a choice."""
    allowed, count = list(target["allowed"]), target["count"]
    if target["ordered"] or len(allowed) == count:
        return allowed[:count]
    if target.get("usual"):
        return list(target["usual"]) if rng.random() < 0.7 else rng.sample(allowed, count)
    return allowed[:count]


def _target(allowed: Sequence[str], count: int, domain: str, ordered: bool = False, **more: Any) -> dict[str, Any]:
    return {"allowed": list(allowed), "count": count, "domain": domain, "ordered": ordered, **more}


def _of_villagers(task: str, values: str, domain: str) -> Callable[[World], Sequence[Case]]:
    def cases(world: World) -> Sequence[Case]:
        return [
            Case(
                pair=f"{task}/{villager.name}",
                slots=villager_slots(world, villager),
                target=_target(getattr(villager, values), 3, domain, subject=villager.name),
            )
            for villager in world.villagers
        ]

    return cases


def _family(world: World) -> Sequence[Case]:
    return [
        Case(
            pair=f"list-close/{v.name}",
            slots=villager_slots(world, v),
            target=_target((v.sibling, v.friend), 2, "person", subject=v.name),
        )
        for v in world.villagers
    ]


def _people(world: World) -> Sequence[Case]:
    cases = []
    for town in TOWNS:
        names = [villager.name for villager in world.people_of(town)]
        for count in range(2, min(4, len(names)) + 1):
            slots = {"town": town.name, "number": NUMBER_WORDS[count]}
            cases.append(
                Case(pair=f"list-people/{town.name}/{count}", slots=slots, target=_target(names, count, "person"))
            )
    return cases


def _following(
    task: str, values: Sequence[str], counts: Sequence[int], domain: str
) -> Callable[[World], Sequence[Case]]:
    def cases(world: World) -> Sequence[Case]:
        size = len(values)
        return [
            Case(
                pair=f"{task}/{value}/{count}",
                slots={"start": value, "number": NUMBER_WORDS[count]},
                target=_target([values[(i + 1 + k) % size] for k in range(count)], count, domain, ordered=True),
            )
            for i, value in enumerate(values)
            for count in counts
        ]

    return cases


def _seasons(world: World) -> Sequence[Case]:
    return [
        Case(
            pair=f"list-season/{season}",
            slots={"season": season},
            target=_target([MONTHS[month - 1] for month in months], 3, "month"),
        )
        for season, months in SEASONS.items()
    ]


def _counting(task: str, step: int) -> Callable[[World], Sequence[Case]]:
    def cases(world: World) -> Sequence[Case]:
        spans = [(a, b) for a in range(1, HIGHEST) for b in range(a + 2, min(a + 6, HIGHEST) + 1)]
        return [
            Case(
                pair=f"{task}/{a}-{b}",
                slots={"start": a if step > 0 else b, "end": b if step > 0 else a},
                target=_target([str(n) for n in range(a, b + 1)][::step], b - a + 1, "number", ordered=True),
            )
            for a, b in spans
        ]

    return cases


def _categories(world: World) -> Sequence[Case]:
    return [
        Case(
            pair=f"list-some/{kind}/{count}",
            slots={"kind": kind, "number": NUMBER_WORDS[count]},
            target=_target(values, count, DOMAINS[kind], usual=values[:count]),
        )
        for kind, values in CATEGORIES.items()
        for count in (2, 3, 4, 5)
    ]


TASKS = (
    list_task(
        name="list-foods",
        cases=_of_villagers("list-foods", "foods", "food"),
        wordings=(
            "Name three foods that {name} likes.",
            "Which three foods does {name} like?",
            "Which foods does {name} like?",
            "List the foods that {name} likes.",
            "What does {name} like to eat?",
            "Tell me three foods that {name} enjoys.",
            "I want to cook for {name}. Which three foods does {he} like?",
            "Make a list of the foods {name} likes.",
            "What three foods can I serve {name}?",
        ),
        heldout=(
            "Please tell me three foods that {name} likes.",
            "What are three foods that {name} likes to eat?",
            "Can you list three foods that {name} likes?",
            "Which three foods does {name} enjoy?",
        ),
        followups=("And which foods does {he} like?", "Name three foods that {he} likes."),
        good=("{name} likes {items}.", "{He} likes {items}.", "Three foods that {name} likes are {items}."),
        pool=FOODS,
    ),
    list_task(
        name="list-things",
        cases=_of_villagers("list-things", "things", "thing"),
        wordings=(
            "Name three things that {name} owns.",
            "Which three things does {name} own?",
            "What does {name} own?",
            "List the things that {name} owns.",
            "Which things belong to {name}?",
            "Tell me three things that {name} has at home.",
            "What can I see in {name}'s house?",
            "Make a list of the things {name} owns.",
        ),
        heldout=(
            "Please tell me three things that {name} owns.",
            "What are the three things that {name} owns?",
            "Can you list three things that {name} owns?",
            "Which three things belong to {name}?",
        ),
        followups=("And which things does {he} own?", "Name three things that {he} owns."),
        good=("{name} owns {items}.", "{He} owns {items}.", "Three things that {name} owns are {items}."),
        pool=THINGS,
        article=True,
    ),
    list_task(
        name="list-close",
        cases=_family,
        wordings=(
            "Name the {sib} and the best friend of {name}.",
            "Who are {name}'s {sib} and best friend?",
            "List {name}'s {sib} and best friend.",
            "Who is close to {name}? Name the {sib} and the best friend.",
            "Tell me the names of {name}'s {sib} and best friend.",
            "Whom should {name} invite? Name {his} {sib} and {his} best friend.",
            "Give me the names of the {sib} and the best friend of {name}.",
            "Which two people are the {sib} and the best friend of {name}?",
        ),
        heldout=(
            "Please tell me who {name}'s {sib} and best friend are.",
            "Give me the names of {name}'s {sib} and best friend.",
            "Can you name {name}'s {sib} and best friend?",
            "Who are the {sib} and the best friend of {name}?",
        ),
        followups=("And who are {his} {sib} and {his} best friend?",),
        good=(
            "{name}'s {sib} is {first}, and {his} best friend is {second}.",
            "They are {first} and {second}.",
            "{first} is {name}'s {sib}, and {second} is {his} best friend.",
        ),
        pool=WOMEN + MEN,
    ),
    list_task(
        name="list-people",
        cases=_people,
        wordings=(
            "Name {number} people who live in {town}.",
            "Tell me {number} people from {town}.",
            "List {number} people of {town}.",
            "Who lives in {town}? Name {number} people.",
            "Give me the names of {number} people in {town}.",
            "I am going to {town}. Name {number} people I can meet there.",
            "Make a list of {number} people from {town}.",
            "Which people live in {town}? Give me {number}.",
        ),
        heldout=(
            "Who are {number} people that live in {town}?",
            "Please tell me {number} people who live in {town}.",
            "Can you name {number} people from {town}?",
            "Please list {number} people who live in {town}.",
        ),
        good=("{items} live in {town}.", "In {town} you can meet {items}.", "From {town}: {items}."),
        pool=WOMEN + MEN,
        heldout_share=0.25,
    ),
    list_task(
        name="list-days",
        cases=_following("list-days", DAYS, (2, 3, 4), "day"),
        wordings=(
            "Which {number} days come after {start}?",
            "Name the {number} days after {start}.",
            "List the next {number} days after {start}.",
            "Today is {start}. What are the next {number} days?",
            "Tell me the {number} days that follow {start}.",
            "What are the {number} days after {start}?",
            "After {start}, which {number} days come?",
            "Give me the {number} days that come after {start}.",
        ),
        heldout=(
            "Please tell me the {number} days after {start}.",
            "What are the next {number} days after {start}?",
            "Can you name the {number} days after {start}?",
            "Which {number} days follow {start}?",
        ),
        good=("After {start} come {items}.", "The next {number} days are {items}.", "They are {items}."),
        pool=DAYS,
        heldout_share=0.25,
    ),
    list_task(
        name="list-months",
        cases=_following("list-months", MONTHS, (2, 3, 4), "month"),
        wordings=(
            "Which {number} months come after {start}?",
            "Name the {number} months after {start}.",
            "List the next {number} months after {start}.",
            "It is {start}. What are the next {number} months?",
            "Tell me the {number} months that follow {start}.",
            "What are the {number} months after {start}?",
            "After {start}, which {number} months come?",
            "Give me the {number} months that come after {start}.",
        ),
        heldout=(
            "Please tell me the {number} months after {start}.",
            "What are the next {number} months after {start}?",
            "Can you name the {number} months after {start}?",
            "Which {number} months follow {start}?",
        ),
        good=("After {start} come {items}.", "The next {number} months are {items}.", "They are {items}."),
        pool=MONTHS,
        heldout_share=0.2,
    ),
    list_task(
        name="list-season",
        cases=_seasons,
        wordings=(
            "Which months are in {season}?",
            "Name the three months of {season}.",
            "What are the months of {season}?",
            "List the months of {season}.",
            "Tell me which months belong to {season}.",
            "When is {season}? Name the months.",
            "Which three months make up {season}?",
            "Give me the months of {season}.",
        ),
        heldout=(
            "Please tell me the months of {season}.",
            "What are the three months of {season}?",
            "Can you name the months of {season}?",
            "Which three months belong to {season}?",
        ),
        good=("The months of {season} are {items}.", "{items} are the months of {season}.", "They are {items}."),
        pool=MONTHS,
    ),
    list_task(
        name="list-count",
        cases=_counting("list-count", 1),
        wordings=(
            "Count from {start} to {end}.",
            "List the numbers from {start} to {end}.",
            "Please count from {start} to {end}.",
            "Name the numbers from {start} to {end}.",
            "Which numbers go from {start} to {end}?",
            "Write all numbers from {start} to {end}.",
            "Start at {start} and count to {end}.",
            "Give me the numbers from {start} up to {end}.",
        ),
        heldout=(
            "Please list the numbers from {start} to {end}.",
            "Write the numbers from {start} to {end}.",
            "Can you count from {start} to {end}?",
            "Tell me the numbers from {start} to {end}.",
        ),
        good=("{items}.", "The numbers are {items}."),
        pool=[str(n) for n in range(21)],
    ),
    list_task(
        name="list-back",
        cases=_counting("list-back", -1),
        wordings=(
            "Count down from {start} to {end}.",
            "Count back from {start} to {end}.",
            "Please count down from {start} to {end}.",
            "List the numbers from {start} down to {end}.",
            "Count backwards from {start} to {end}.",
            "Start at {start} and count down to {end}.",
            "Name the numbers from {start} down to {end}.",
            "Give me the numbers from {start} down to {end}.",
        ),
        heldout=(
            "Please list the numbers from {start} down to {end}.",
            "Write the numbers from {start} down to {end}.",
            "Can you count down from {start} to {end}?",
            "Tell me the numbers from {start} down to {end}.",
        ),
        good=("{items}.", "The numbers are {items}."),
        pool=[str(n) for n in range(21)],
    ),
    list_task(
        name="list-some",
        cases=_categories,
        wordings=(
            "Name {number} {kind}.",
            "List {number} {kind}.",
            "Tell me {number} {kind}.",
            "Give me {number} {kind}.",
            "Please name {number} {kind} of the Valley.",
            "Which {kind} do you know? Name {number}.",
            "Write a list of {number} {kind}.",
            "I need {number} {kind} for a game.",
        ),
        heldout=(
            "Please tell me {number} {kind}.",
            "What are {number} {kind} that you know?",
            "Can you name {number} {kind}?",
            "Please make a list of {number} {kind}.",
        ),
        good=("{items}.", "Here are {number} {kind}: {items}."),
        pool=THINGS,
        heldout_share=0.25,
    ),
)
