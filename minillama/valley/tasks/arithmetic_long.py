"""Longer calculations: chains with powers and products, and little stories with several steps."""

import random
from collections.abc import Sequence

from minillama.valley.randomness import stream
from minillama.valley.tasks.base import Case, Grade, Task
from minillama.valley.tasks.matching import careless, final_number, numbers
from minillama.valley.world import World

_GOODS = ("marbles", "apples", "books", "coins", "eggs", "shells")


def _draw_chain(rng: random.Random) -> tuple[str, int, str]:
    """One chain: its text, its value, and the chain with power and product worked out."""
    base = 2 + rng.randrange(4)
    exponent = 2 + rng.randrange(4 if base == 2 else 2)
    a, b, c = 2 + rng.randrange(8), 2 + rng.randrange(8), 1 + rng.randrange(30)
    power, product = base**exponent, a * b
    sign = "-" if product <= power and rng.randrange(2) else "+"
    value = power + (product if sign == "+" else -product)
    other = "-" if c <= value and rng.randrange(2) else "+"
    text = f"{base}^{exponent} {sign} {a}*{b} {other} {c}"
    return text, value + (c if other == "+" else -c), f"{power} {sign} {product} {other} {c}"


def _chain_cases(_world: World) -> Sequence[Case]:
    rng = stream(0, "sum-long")
    chains: dict[str, tuple[int, str]] = {}
    while len(chains) < 300:
        text, value, step = _draw_chain(rng)
        chains[text] = (value, step)
    return [
        Case(pair=f"sum-long/{text}", slots={"sum": text}, target={"right": value, "step": step})
        for text, (value, step) in chains.items()
    ]


def _story_cases(world: World) -> Sequence[Case]:
    """Stories about goods that are given and got; what is left never goes below zero."""
    rng = stream(0, "sum-story")
    cases = []
    for villager in world.villagers:
        for _ in range(6):
            goods = rng.choice(_GOODS)
            start = 2 + rng.randrange(9)
            gives, gets = 1 + rng.randrange(start - 1), 1 + rng.randrange(9)
            who, he = villager.name, villager.he
            story = f"{who} has {start} {goods}. {he.capitalize()} gives {gives} to {villager.friend}"
            story += f" and gets {gets} from {villager.sibling}."
            if rng.randrange(2):
                story = f"{who} has {start} {goods}. {he.capitalize()} gets {gets} from {villager.sibling}"
                story += f" and gives {gives} to {villager.friend}."
            right = start - gives + gets
            cases.append(
                Case(
                    pair=f"sum-story/{who}/{goods}/{start}-{gives}+{gets}",
                    slots={"story": story, "name": who, "goods": goods},
                    target={"right": right, "step": f"{start} - {gives} + {gets}"},
                )
            )
    return list({case.pair: case for case in cases}.values())


def _good_chain(_world: World, case: Case, rng: random.Random) -> str:
    text, right, step = case.slots["sum"], case.target["right"], case.target["step"]
    return rng.choice((f"{step} = {right}.", f"{text} = {step} = {right}.", f"It is {step} = {right}.", f"{right}."))


def _wrong(right: int, rng: random.Random) -> int:
    return max(0, right + rng.choice((-10, -2, -1, 1, 2, 10))) if right else 1 + rng.randrange(3)


def _poor_chain(_world: World, case: Case, rng: random.Random) -> str:
    wrong, right = _wrong(case.target["right"], rng), case.target["right"]
    if wrong == right:
        wrong += 3
    forms = (f"It is {wrong}.", f"{case.target['step']} = {wrong}.", f"{wrong}.", f"{case.target['step']}.")
    return rng.choice((*forms, f"{right} or {wrong}.", "It is a big number.", careless(rng)))


def _good_story(_world: World, case: Case, rng: random.Random) -> str:
    right, name, goods = case.target["right"], case.slots["name"], case.slots["goods"]
    counted = goods[:-1] if right == 1 else goods
    step = case.target["step"]
    forms = (f"{name} has {right} {counted}.", f"{name} has {right} {counted} now.", f"{step} = {right}.")
    return rng.choice((*forms, f"{step} = {right}, so {name} has {right} {counted}."))


def _poor_story(_world: World, case: Case, rng: random.Random) -> str:
    right = case.target["right"]
    given = numbers(case.target["step"].replace("-", " "))
    wrong = rng.choice([number for number in (*given, sum(given), right + 1) if number != right])
    name, goods = case.slots["name"], case.slots["goods"]
    forms = (f"{name} has {wrong} {goods}.", f"{wrong}.", f"{case.target['step']} = {wrong}.", f"{right} or {wrong}.")
    return rng.choice((*forms, f"{name} has many {goods}.", careless(rng)))


def _grade(_world: World, case: Case, answer: str) -> Grade:
    known = numbers(" ".join(str(value) for value in case.slots.values()) + " " + case.target["step"])
    return final_number(answer, case.target["right"], known=known)


TASKS: tuple[Task, ...] = (
    Task(
        name="sum-long",
        kind="long-sums",
        tier="extended",
        wordings=(
            "What is {sum}?", "Calculate {sum}.", "Work out {sum}.", "Find the value of {sum}.", "How much is {sum}?",
            "{sum} = ?", "Please calculate {sum}.", "Tell me what {sum} is.",
        ),
        heldout_wordings=("Give me the result of {sum}.", "Can you solve {sum}?"),
        cases=_chain_cases,
        good_answer=_good_chain,
        poor_answer=_poor_chain,
        grade=_grade,
    ),
    Task(
        name="sum-story",
        kind="long-sums",
        tier="extended",
        wordings=(
            "{story} How many {goods} does {name} have now?", "{story} How many {goods} does {name} have?",
            "{story} How many {goods} are left with {name}?", "How many {goods} does {name} have in the end? {story}",
            "{story} Count the {goods} of {name}.", "{story} How many {goods} has {name} got now?",
            "Listen: {story} How many {goods} does {name} have now?", "{story} Now {name} has how many {goods}?",
        ),
        heldout_wordings=(
            "{story} What is the number of {goods} that {name} has now?",
            "{story} Say how many {goods} {name} has after that.",
        ),
        cases=_story_cases,
        good_answer=_good_story,
        poor_answer=_poor_story,
        grade=_grade,
    ),
)  # fmt: skip
