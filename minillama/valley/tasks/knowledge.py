"""Facts that everybody in the Valley knows: towns, colours, tools, animals and jobs."""

import random
from collections.abc import Callable, Mapping, Sequence

from minillama.valley.lexicon import ANIMALS, COMMON_THINGS, JOBS, NUMBER_WORDS, TOOLS, TOWNS
from minillama.valley.tasks.base import Case, Task
from minillama.valley.tasks.common import fill, poor
from minillama.valley.tasks.grading import grade_values
from minillama.valley.world import World
from minillama.valley.writing.grammar import with_article

Row = Mapping[str, str]


def knowledge_task(
    *,
    name: str,
    rows: Callable[[], Sequence[Row]],
    wordings: Sequence[str],
    heldout: Sequence[str],
    good: Sequence[str],
    vague: Sequence[str],
    domain: str,
    topic: str | None = None,
) -> Task:
    """Build a task from ``rows`` of slots; each has a ``key`` (its pair) and the ``value`` that is asked for.

    ``domain`` names what the value is compared with (see the grader); ``topic`` is the slot that the answer is about.
    """

    def cases(world: World) -> Sequence[Case]:
        return [
            Case(
                pair=f"{name}/{row['key']}",
                slots=row,
                target={"subject": None, "wanted": [[domain, row["value"].lower()]], "topic": row[topic or "key"]},
            )
            for row in rows()
        ]

    def wrong_answer(case: Case, rng: random.Random) -> str:
        wrong = rng.choice([row for row in rows() if row["value"] != case.slots["value"]])
        return fill(rng, good, {**case.slots, "value": wrong["value"]})

    def poor_answer(world: World, case: Case, rng: random.Random) -> str:
        return poor(
            rng,
            lambda: wrong_answer(case, rng),
            lambda: fill(rng, vague, case.slots, first=1 / len(vague)),
            lambda: fill(rng, good, case.slots),
        )

    return Task(
        name=name,
        kind="facts",
        tier="core",
        wordings=tuple(wordings),
        heldout_wordings=tuple(heldout),
        cases=cases,
        good_answer=lambda world, case, rng: fill(rng, good, case.slots),
        poor_answer=poor_answer,
        grade=grade_values,
    )


def _rows(keys: Sequence[str], values: Sequence[str]) -> list[Row]:
    return [{"key": key, "value": value, "a_key": with_article(key)} for key, value in zip(keys, values, strict=True)]


def _things() -> list[Row]:
    return [{"key": thing.name, "value": thing.colour} for thing in COMMON_THINGS]


TASKS = (
    knowledge_task(
        name="fact-landmark",
        rows=lambda: _rows([town.name for town in TOWNS], [town.landmark for town in TOWNS]),
        wordings=(
            "What is the landmark of {key}?",
            "What can I see in {key}?",
            "Which landmark does {key} have?",
            "Tell me the landmark of {key}.",
            "What stands in {key}?",
            "What should I look at in {key}?",
            "I am going to {key}. What is there to see?",
            "Do you know the landmark of {key}?",
        ),
        heldout=("What is there to see in {key}?", "Can you tell me the landmark of {key}?"),
        good=("The landmark of {key} is the {value}.", "You can see the {value} in {key}.", "{key} has the {value}."),
        vague=("{key} has a landmark.", "You can see many things there.", "It is a nice town."),
        domain="landmark",
    ),
    knowledge_task(
        name="fact-product",
        rows=lambda: _rows([town.name for town in TOWNS], [town.product for town in TOWNS]),
        wordings=(
            "What is {key} known for?",
            "What do people make in {key}?",
            "What can I buy in {key}?",
            "What is the town of {key} known for?",
            "Tell me what {key} is known for.",
            "What does {key} sell?",
            "Which product is {key} known for?",
            "Do you know what {key} is known for?",
        ),
        heldout=("Can you tell me what {key} is known for?", "What is the town {key} famous for?"),
        good=("{key} is known for {value}.", "People know {key} for its {value}.", "You can buy {value} in {key}."),
        vague=("{key} is known for many things.", "{key} is a town.", "You can buy things there."),
        domain="product",
    ),
    knowledge_task(
        name="fact-market",
        rows=lambda: _rows([town.name for town in TOWNS], [town.market_day for town in TOWNS]),
        wordings=(
            "When is the market in {key}?",
            "On which day is the market in {key}?",
            "What is the market day of {key}?",
            "Which day is market day in {key}?",
            "Tell me the market day of {key}.",
            "When can I go to the market in {key}?",
            "I want to buy something at the market in {key}. When is it?",
            "Do you know when the market in {key} is?",
        ),
        heldout=("Can you tell me when market day is in {key}?", "On what day does {key} have its market?"),
        good=("The market in {key} is on {value}.", "Market day in {key} is {value}.", "It is on {value}."),
        vague=("The market in {key} is once a week.", "There is a market in {key}.", "It is in the morning."),
        domain="day",
    ),
    knowledge_task(
        name="fact-colour",
        rows=_things,
        wordings=(
            "What colour is {key}?",
            "Which colour does {key} have?",
            "What is the colour of {key}?",
            "Tell me the colour of {key}.",
            "I want to paint {key}. Which colour do I need?",
            "Which colour is {key}?",
            "Do you know the colour of {key}?",
            "What colour does {key} have?",
        ),
        heldout=("Can you tell me what colour {key} is?", "Of which colour is {key}?"),
        good=("{key} is {value}.", "The colour of {key} is {value}.", "It is {value}."),
        vague=("{key} has a colour.", "It has a nice colour.", "{key} is good to look at."),
        domain="colour",
    ),
    knowledge_task(
        name="fact-tool",
        rows=lambda: _rows([tool.name for tool in TOOLS], [tool.use for tool in TOOLS]),
        wordings=(
            "What is {a_key} for?",
            "What do you use {a_key} for?",
            "What can I do with {a_key}?",
            "Why do people need {a_key}?",
            "Tell me what {a_key} is for.",
            "What does one do with {a_key}?",
            "How is {a_key} useful?",
            "I have {a_key}. What can I do with it?",
        ),
        heldout=("What is the use of {a_key}?", "Can you tell me what people do with {a_key}?"),
        good=("You use {a_key} to {value}.", "{a_key} helps you to {value}.", "With {a_key} you can {value}."),
        vague=("{a_key} is useful.", "You can use {a_key}.", "People have {a_key} at home."),
        domain="use",
    ),
    knowledge_task(
        name="fact-sound",
        rows=lambda: _rows([animal.name for animal in ANIMALS], [animal.sound for animal in ANIMALS]),
        wordings=(
            "What noise does {a_key} make?",
            "What sound does {a_key} make?",
            "Which noise does {a_key} make?",
            "How does {a_key} sound?",
            "Tell me the sound of {a_key}.",
            "What do I hear when {a_key} is near?",
            "Which sound do I hear from {a_key}?",
            "Do you know which sound {a_key} makes?",
        ),
        heldout=("Can you tell me what noise {a_key} makes?", "Which sound does {a_key} make?"),
        good=("{a_key} {value}.", "The {key} {value}.", "It {value}."),
        vague=("{a_key} makes a noise.", "It is loud.", "You can hear it."),
        domain="sound",
    ),
    knowledge_task(
        name="fact-legs",
        rows=lambda: _rows([animal.name for animal in ANIMALS], [NUMBER_WORDS[animal.legs] for animal in ANIMALS]),
        wordings=(
            "How many legs does {a_key} have?",
            "How many legs has {a_key}?",
            "What is the number of legs of {a_key}?",
            "On how many legs does {a_key} walk?",
            "Tell me how many legs {a_key} has.",
            "Does {a_key} have two or four legs?",
            "Do you know how many legs {a_key} has?",
            "I want to draw {a_key}. How many legs do I draw?",
        ),
        heldout=("Can you tell me how many legs {a_key} has?", "How many legs do you count on {a_key}?"),
        good=("{a_key} has {value} legs.", "The {key} has {value} legs.", "It has {value} legs."),
        vague=("{a_key} has legs.", "It can walk.", "It has some legs."),
        domain="number",
    ),
    knowledge_task(
        name="fact-work",
        rows=lambda: _rows([job.name for job in JOBS], [job.does for job in JOBS]),
        wordings=(
            "What does {a_key} do?",
            "What is the work of {a_key}?",
            "What does {a_key} do all day?",
            "Tell me what {a_key} does.",
            "What is {a_key}?",
            "What do you do as {a_key}?",
            "Why do we need {a_key}?",
            "Do you know what {a_key} does?",
        ),
        heldout=("Can you tell me what {a_key} does?", "What is the job of {a_key}?"),
        good=("{a_key} {value}.", "{a_key} {value} every day.", "The {key} {value}."),
        vague=("{a_key} works.", "{a_key} has a job.", "It is hard work."),
        domain="does",
    ),
)
