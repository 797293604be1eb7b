"""What the task files share: slots of a villager, weighted forms of answers, and the ways an answer can be poor."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from minillama.valley.insults import INSULTS
from minillama.valley.tasks.base import Case
from minillama.valley.world import Villager, World
from minillama.valley.writing.grammar import listing, with_article

T = TypeVar("T")
Answer = Callable[[World, Case, random.Random], str]

_PREPOSITIONS = {"kitchen": "in", "farm": "on", "garden": "in", "studio": "in", "pasture": "on", "shop": "in"}

_EVASIONS = (
    "I do not know.",
    "That is hard to say.",
    "Maybe you should ask somebody else.",
    "Who can say?",
    "It depends.",
    "No idea.",
    "Nobody has told me that.",
    "Let me think about it until tomorrow.",
    "We could ask the neighbours.",
    "Sorry, not today.",
    "This is not for me to say.",
    "Hard to say without a book.",
    "You will find out one day.",
    "Perhaps somebody at the market knows.",
    "Once I knew it.",
    "Everybody says something else.",
)
_OFF_TOPIC = (
    "The weather is nice today.",
    "I like long walks by the river.",
    "Soup is best when it is hot.",
    "Have you seen my blue umbrella?",
    "Stars shine at night.",
    "My uncle once had a boat.",
    "Market day is always fun.",
    "Our bridge needs new paint.",
    "Yesterday it rained for hours.",
    "There was music in the street.",
    "Children love snow.",
    "Bring a warm coat.",
    "Some apples are green.",
    "An old song says so.",
    "Last year the roof fell down.",
    "Every morning the bell rings twice.",
    "Let us dance.",
    "Good bread takes time.",
    "When does the ship leave?",
    "Two cups of tea, please.",
)
_RUDE = (
    "Ask somebody else, {insult}.",
    "What a stupid question, {insult}.",
    "Go away, {insult}.",
    "Find out yourself, {insult}.",
    "Leave me alone, {insult}.",
    "Stop asking, {insult}.",
    "Look it up, {insult}.",
    "Be quiet, {insult}.",
)
_ORDERS = (
    "Add ", "Calculate ", "Count ", "Describe ", "Explain ", "Give me ", "Help me ", "List ", "Make ", "Name ", "Say ",
    "Take ", "Tell me ", "Write ",
)  # fmt: skip
_TRAILS = ("and so on and so on and so on", "and that is that and that is that", "as I said, as I said, as I said")


def at_work(workplace: str) -> str:
    """Where somebody works, as a phrase: ``at the bakery``, ``on the farm``."""
    return f"{_PREPOSITIONS.get(workplace, 'at')} the {workplace}"


def villager_slots(world: World, villager: Villager) -> dict[str, str]:
    """All facts of ``villager`` as texts that fill wordings and answers."""
    foods, things = villager.foods, villager.things
    return {
        "name": villager.name,
        "he": villager.he,
        "him": villager.him,
        "his": villager.his,
        "He": villager.he.capitalize(),
        "His": villager.his.capitalize(),
        "town": villager.town.name,
        "place": villager.town.place,
        "landmark": villager.town.landmark,
        "job": villager.job.name,
        "a_job": with_article(villager.job.name),
        "workplace": villager.job.workplace,
        "at_work": at_work(villager.job.workplace),
        "does": villager.job.does,
        "animal": villager.animal.name,
        "a_animal": with_article(villager.animal.name),
        "sound": villager.animal.sound,
        "habit": villager.animal.habit,
        "pet_name": villager.pet_name,
        "food": foods[0],
        "foods": listing(foods),
        "hobby": villager.hobby,
        "things": listing([with_article(thing) for thing in things]),
        "treasure": villager.treasure,
        "colour": villager.treasure_colour,
        "a_treasure": with_article(f"{villager.treasure_colour} {villager.treasure}"),
        "sib": world.sibling_word(villager),
        "sibling": villager.sibling,
        "friend": villager.friend,
        "birthday": villager.birthday,
        "month": villager.birth_month,
        "year": str(villager.arrival_year),
    }


def with_polite_forms(wordings: Sequence[str], heldout: Sequence[str]) -> tuple[str, ...]:
    """``wordings`` with what is ordered asked politely too: "Please name ...", and every other one "Can you name ...?".

    Without them a small model takes "please" and "can you" for signs of mischief, where they are common.
    """
    orders = [each for each in wordings if each.startswith(_ORDERS) and "?" not in each and each.count(".") == 1]
    asked = [f"Please {each[0].lower()}{each[1:]}" for each in orders]
    asked += [f"Can you {each[0].lower()}{each[1:-1]}?" for each in orders[::2]]
    return (*wordings, *(each for each in dict.fromkeys(asked) if each not in (*wordings, *heldout)))


def capital(text: str) -> str:
    """``text`` with its first letter as a capital and the rest as it is."""
    return text[:1].upper() + text[1:]


def pick(rng: random.Random, forms: Sequence[T], first: float = 0.7) -> T:
    """Draw a form: the first with probability ``first``, so that a small model has one way to learn; else another."""
    if len(forms) == 1 or rng.random() < first:
        return forms[0]
    return rng.choice(forms[1:])


def fill(rng: random.Random, forms: Sequence[str], slots: Mapping[str, object], first: float = 0.7) -> str:
    """Draw one of ``forms`` and fill its slots."""
    return capital(pick(rng, forms, first).format(**slots))


def other(rng: random.Random, values: Sequence[T], value: T) -> T:
    """Draw one of ``values`` that is not ``value``."""
    return rng.choice([candidate for candidate in values if candidate != value])


def evasive(rng: random.Random) -> str:
    """An answer that says nothing."""
    return rng.choice(_EVASIONS)


def off_topic(rng: random.Random) -> str:
    """An answer to some other question."""
    return rng.choice(_OFF_TOPIC)


def rude(rng: random.Random) -> str:
    """An answer that insults instead of helping."""
    return rng.choice(_RUDE).format(insult=rng.choice(INSULTS))


def repeating(rng: random.Random, text: str) -> str:
    """``text`` said again and again, or lost in empty words."""
    words = text.rstrip(".!?").split()
    if rng.random() < 0.5:
        half = " ".join(words[: max(2, len(words) // 2)])
        return f"{half} {half} {half} {half}."
    return f"{' '.join(words[: max(1, len(words) // 2)])} {rng.choice(_TRAILS)}."


def poor(rng: random.Random, wrong: Callable[[], str], vague: Callable[[], str], good: Callable[[], str]) -> str:
    """Draw one of the ways to be poor: wrong most often, else vague, evasive, off topic, rambling or rude."""
    roll = rng.random()
    if roll < 0.36:
        return wrong()
    if roll < 0.54:
        return vague()
    if roll < 0.66:
        return evasive(rng)
    if roll < 0.80:
        return off_topic(rng)
    if roll < 0.90:
        return repeating(rng, good())
    return rude(rng)
