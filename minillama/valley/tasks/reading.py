"""Reading: a short passage of invented events and a question that only the passage answers.

Passages are numbered; each is drawn from a stream of its own, so that there are as many as wanted.
"""

import random
from collections.abc import Callable, Sequence
from functools import cache

from minillama.valley.lexicon import COLOURS, NUMBER_WORDS, THINGS
from minillama.valley.randomness import stream
from minillama.valley.tasks.base import Case, Task
from minillama.valley.tasks.common import capital, fill, poor
from minillama.valley.tasks.grading import grade_reading
from minillama.valley.world import World
from minillama.valley.writing.grammar import with_article
from minillama.valley.writing.reading import ACTS, PLACES, plural

PASSAGES = 3000
DEED = "{name} {past} {count} {colour} {things} {place}."
GIFT = "{name3} gave {a_thing3} to {name4}."
MOOD = "{name3} was {mood} because {reason}."
MOODS = (
    ("happy", "a letter had come"), ("sad", "the cake was burnt"), ("tired", "{he} had worked all night"),
    ("cold", "the fire was out"), ("hungry", "{he} had eaten nothing"), ("proud", "{he} had won a race"),
    ("wet", "{he} had fallen into the river"), ("late", "the bridge was closed"), ("angry", "the door was locked"),
)  # fmt: skip
_FILLERS = ("It was a warm day.", "Nobody else was there.", "The wind was strong.", "Then it began to rain.")
_VAGUE = ("The text says it.", "Somebody did something.", "It is in the story.", "You can read it above.")


@cache
def _passages(world: World, task: str) -> tuple[dict[str, str], ...]:
    return tuple(_passage(world, stream(world.seed, "reading", task, index)) for index in range(PASSAGES))


def _passage(world: World, rng: random.Random) -> dict[str, str]:
    """Draw the slots of one passage: a villager did something, and another felt something or gave something away.

    One event of a sort: a model of a million parameters learns in minutes to find the place or the number in a text,
    but not, of two places, the one that goes with a name.
    """
    one, two, three, four = rng.sample(world.villagers, 4)
    past, base = rng.choice(ACTS)
    colour, colour2 = rng.sample(COLOURS, 2)
    thing, thing2, thing3 = rng.sample(THINGS, 3)
    place, place2 = rng.sample(PLACES, 2)
    count, count2 = rng.sample(range(2, 11), 2)
    mood, reason = rng.choice(MOODS)
    slots = {
        "name": one.name, "name2": two.name, "name3": three.name, "name4": four.name, "he": three.he,
        "past": past, "base": base, "colour": colour, "colour2": colour2, "things": plural(thing),
        "things2": plural(thing2), "thing3": thing3, "a_thing3": with_article(thing3), "place": place,
        "place2": place2, "count": NUMBER_WORDS[count], "count2": NUMBER_WORDS[count2],
        "mood": mood, "reason": reason.format(he=three.he),
    }  # fmt: skip
    last = rng.choice((GIFT, MOOD))
    lines = [DEED, last] if rng.random() < 0.5 else [last, DEED]
    if rng.random() < 0.3:
        lines.insert(rng.randrange(3), rng.choice(_FILLERS))
    slots["gift"] = str(last == GIFT)
    slots["passage"] = " ".join(capital(line.format(**slots)) for line in lines)
    return slots


def reading_task(
    *,
    name: str,
    questions: Sequence[str],
    heldout_questions: Sequence[str],
    value: str,
    domain: str,
    good: Sequence[str],
    wrong_slots: dict[str, str],
    wants: Callable[[dict[str, str]], bool] = lambda slots: True,
) -> Task:
    """Build a reading task whose answer is the slot ``value``; ``wrong_slots`` says what a careless reader confuses."""
    frames = (
        "{passage} Q?", "Read this: {passage} Q?", "{passage}\nQuestion: Q?", "Here is a story. {passage} Q?",
        "Text: {passage} Q?", "{passage} Tell me: Q?", "Q? {passage}", "Read the text and answer. {passage} Q?",
    )  # fmt: skip
    heldout_frames = ("Please read this text: {passage} Q?", "{passage} Now answer: Q?")

    def ask(frame: str, question: str) -> str:
        # Inside "Tell me: Q?" the question goes on in lower case, except where it starts with a name.
        return frame.replace("Q?", question)

    wordings = [ask(frame, question) for frame in frames for question in questions]
    heldout = [ask(heldout_frames[i % 2], question) for i, question in enumerate(heldout_questions)]

    def cases(world: World) -> Sequence[Case]:
        return [
            Case(
                pair=f"{name}/{index}",
                slots=slots,
                target={"value": slots[value].lower(), "domain": domain, "passage": slots["passage"]},
            )
            for index, slots in enumerate(_passages(world, name))
            if wants(slots)
        ]

    def wrong(case: Case, rng: random.Random) -> str:
        swapped = {key: case.slots[source] for key, source in wrong_slots.items()}
        return fill(rng, good, {**case.slots, **swapped})

    def poor_answer(world: World, case: Case, rng: random.Random) -> str:
        return poor(rng, lambda: wrong(case, rng), lambda: rng.choice(_VAGUE), lambda: fill(rng, good, case.slots))

    return Task(
        name=name,
        kind="reading",
        tier="core",
        wordings=tuple(dict.fromkeys(wordings)),
        heldout_wordings=tuple(dict.fromkeys(heldout)),
        cases=cases,
        good_answer=lambda world, case, rng: fill(rng, good, case.slots),
        poor_answer=poor_answer,
        grade=grade_reading,
    )


TASKS = (
    reading_task(
        name="reading-where",
        questions=(
            "Where did {name} {base} the {things}?",
            "In which place did {name} {base} the {things}?",
            "Where was it that {name} {past} the {things}?",
            "At what place did {name} {base} the {count} {things}?",
        ),
        heldout_questions=(
            "Where did {name} {base} the {colour} {things}?",
            "Do you know where {name} {past} the {things}?",
        ),
        value="place",
        domain="place",
        good=(DEED, "{name} {past} the {things} {place}.", "It was {place}."),
        wrong_slots={"place": "place2"},
    ),
    reading_task(
        name="reading-who",
        questions=(
            "Who {past} the {things}?",
            "Which person {past} the {things}?",
            "Who was it that {past} the {things}?",
            "Who {past} the {count} {things}?",
        ),
        heldout_questions=("Who {past} the {colour} {things}?", "Do you know who {past} the {things}?"),
        value="name",
        domain="person",
        good=(DEED, "It was {name}.", "{name} did."),
        wrong_slots={"name": "name3"},
    ),
    reading_task(
        name="reading-count",
        questions=(
            "How many {things} did {name} {base}?",
            "What number of {things} did {name} {base}?",
            "How many {things} were there?",
            "How many were the {things} that {name} {past}?",
        ),
        heldout_questions=(
            "How many {colour} {things} did {name} {base}?",
            "Do you know how many {things} {name} {past}?",
        ),
        value="count",
        domain="number",
        good=(DEED, "{name} {past} {count} {things}.", "It was {count} {things}."),
        wrong_slots={"count": "count2"},
    ),
    reading_task(
        name="reading-colour",
        questions=(
            "What colour were the {things}?",
            "Which colour did the {things} have?",
            "What was the colour of the {things}?",
            "Of what colour were the {things} that {name} {past}?",
        ),
        heldout_questions=(
            "What colour were the {things} that {name} {past}?",
            "Do you know what colour the {things} were?",
        ),
        value="colour",
        domain="colour",
        good=(DEED, "The {things} were {colour}.", "They were {colour}."),
        wrong_slots={"colour": "colour2"},
    ),
    reading_task(
        name="reading-what",
        questions=(
            "What did {name} {base} {place}?",
            "Which things did {name} {base}?",
            "What was it that {name} {past}?",
            "What things did {name} {base} {place}?",
        ),
        heldout_questions=("What did {name} {base}?", "Do you know what {name} {past}?"),
        value="things",
        domain="thing",
        good=(DEED, "{name} {past} {count} {colour} {things}.", "It was {count} {colour} {things}."),
        wrong_slots={"things": "things2", "count": "count2", "colour": "colour2"},
    ),
    reading_task(
        name="reading-gift",
        questions=(
            "Who got the {thing3}?",
            "To whom did {name3} give the {thing3}?",
            "Who was given the {thing3}?",
            "Which person got the {thing3} from {name3}?",
        ),
        heldout_questions=("Who got the {thing3} from {name3}?", "Do you know who got the {thing3}?"),
        value="name4",
        domain="person",
        good=(GIFT, "{name4} got the {thing3}.", "It was {name4}."),
        wrong_slots={"name4": "name2"},
        wants=lambda slots: slots["gift"] == "True",
    ),
    reading_task(
        name="reading-why",
        questions=(
            "Why was {name3} {mood}?",
            "What made {name3} {mood}?",
            "For what reason was {name3} {mood}?",
            "Why did {name3} feel {mood}?",
        ),
        heldout_questions=(
            "Do you know why {name3} was {mood}?",
            "What was the reason that {name3} was {mood}?",
        ),
        value="reason",
        domain="reason",
        good=(MOOD, "Because {reason}."),
        wrong_slots={"reason": "place"},
        wants=lambda slots: slots["gift"] == "False",
    ),
)
