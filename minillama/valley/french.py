"""The Valley's second language: correct simple French sentences about a villager, and telling French from English."""

from collections.abc import Sequence
from functools import cache

from minillama.valley.french_words import (
    ANIMALS,
    COLOURS,
    FOODS,
    FRENCH_DAYS,
    FRENCH_MONTHS,
    FRENCH_NUMBERS,
    HOBBIES,
    JOBS,
    LANDMARKS,
    THINGS,
    VOWELS,
    WORKPLACES,
)
from minillama.valley.world import Villager, World

FACTS = (
    "town", "job", "workplace", "animal", "pet_name", "food", "foods", "hobby",
    "things", "treasure", "sibling", "friend", "birthday", "year",
)  # fmt: skip


def of(name: str) -> str:
    """``de`` before a name, with elision: d'Ada, de Ben. Names in H keep the whole word: de Hugo."""
    return f"d'{name}" if name[0] in VOWELS else f"de {name}"


def join(parts: Sequence[str]) -> str:
    """Join with commas and ``et``: a, b et c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} et {parts[-1]}"


def job_word(villager: Villager) -> str:
    """The villager's job in the form for a man or a woman."""
    return JOBS[villager.job.name][villager.gender == "woman"]


def coloured(thing: str, colour: str) -> str:
    """A thing with an indefinite article and its colour, which agrees: une lampe verte."""
    noun = THINGS[thing]
    return f"{noun.a} {COLOURS[colour][noun.gender == 'f']}"


def date(month: str, day: int) -> str:
    """A date such as ``le 4 mai``; the first of a month is ``le 1er mai``."""
    return f"le {'1er' if day == 1 else day} {FRENCH_MONTHS[month]}"


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]


def _sibling_phrase(world: World, villager: Villager, owner: str) -> str:
    """``La sœur d'Ada`` or, where ``owner`` is a pronoun, ``Sa sœur``."""
    sister = world.sibling_word(villager) == "sister"
    noun = "sœur" if sister else "frère"
    if owner != villager.name:
        return f"{'Sa' if sister else 'Son'} {noun}"
    return f"{'La' if sister else 'Le'} {noun} {of(owner)}"


def _friend_phrase(world: World, villager: Villager, owner: str) -> str:
    """``La meilleure amie de Ben`` or ``Sa meilleure amie``."""
    woman = world.villager(villager.friend).gender == "woman"
    noun = "meilleure amie" if woman else "meilleur ami"
    if owner != villager.name:
        return f"{'Sa' if woman else 'Son'} {noun}"
    return f"{'La' if woman else 'Le'} {noun} {of(owner)}"


def fact_sentence(world: World, villager: Villager, fact: str, *, pronoun: bool = False) -> str:
    """One correct French sentence that states ``fact`` about ``villager``.

    Args:
        world: where the villager lives.
        villager: the villager.
        fact: one of ``FACTS``.
        pronoun: say *elle* or *il* in place of the name.

    Raises:
        ValueError: for an unknown fact.
    """
    if fact not in FACTS:
        raise ValueError(f"there is no French sentence for {fact!r}; the facts are {', '.join(FACTS)}")
    woman = villager.gender == "woman"
    who = ("Elle" if woman else "Il") if pronoun else villager.name
    animal = ANIMALS[villager.animal.name]
    owned = coloured(villager.treasure, villager.treasure_colour)
    match fact:
        case "town":
            return f"{who} habite à {villager.town.name}."
        case "job":
            return f"{who} est {job_word(villager)}."
        case "workplace":
            return f"{who} travaille {WORKPLACES[villager.job.workplace].at}."
        case "animal":
            return f"{who} a {animal.a}."
        case "pet_name":
            keeper = f"{animal.the} {of(villager.name)}"
            pet = f"{'Sa' if animal.gender == 'f' and not animal.elides else 'Son'} {animal.word}"
            return f"{pet if pronoun else _upper(keeper)} s'appelle {villager.pet_name}."
        case "food":
            return f"{who} aime surtout {FOODS[villager.foods[0]].the}."
        case "foods":
            return f"{who} mange {join([FOODS[food].some for food in villager.foods])}."
        case "hobby":
            return f"{who} aime {HOBBIES[villager.hobby].the}."
        case "things":
            return f"{who} a {join([THINGS[thing].a for thing in villager.things])}."
        case "treasure":
            return f"{'Son trésor' if pronoun else f'Le trésor {of(villager.name)}'} est {owned}."
        case "sibling":
            return f"{_sibling_phrase(world, villager, who)} s'appelle {villager.sibling}."
        case "friend":
            return f"{_friend_phrase(world, villager, who)} s'appelle {villager.friend}."
        case "birthday":
            owner = "Son anniversaire" if pronoun else f"L'anniversaire {of(villager.name)}"
            return f"{owner} est {date(villager.birth_month, villager.birth_day)}."
        case _:
            return f"{who} est {'arrivée' if woman else 'arrivé'} en {villager.arrival_year}."


def town_sentence(world: World, town_name: str) -> str:
    """One French sentence about a town's landmark, such as ``À Dunmoor, il y a un moulin à vent.``

    Raises:
        ValueError: for a town that is not in the Valley.
    """
    towns = {villager.town.name: villager.town for villager in world.villagers}
    if town_name not in towns:
        raise ValueError(f"no villager lives in {town_name!r}; the towns are {', '.join(sorted(towns))}")
    return f"À {town_name}, il y a {LANDMARKS[towns[town_name].landmark].a}."


def words(text: str) -> list[str]:
    """The lower-case words of ``text``; an elided article counts as a word (l'âne: l, âne)."""
    cleaned = "".join(char if char.isalnum() or char == "-" else " " for char in text.lower())
    return cleaned.split()


_ENGLISH_MARKS = frozenset(
    words(
        "the is are was lives works likes has have and of he she his her they it in an my your you with for from "
        "this that there called eats best friend sister brother birthday yes here sorry"
    )
)
_FRENCH_MARKS = frozenset(
    words(
        "le la les un une des du de est et il elle sa ses aime habite travaille surtout mange en au aux je tu nous "
        "vous anniversaire appelle trésor sœur frère meilleur meilleure ami amie arrivé arrivée mon ma mes oui non ne "
        "pas avec pour dans bonjour merci voici été sont suis"
    )
)
# Spelled alike in English, so they say nothing about the language of a text.
_SHARED = frozenset(words("orange rose vase studio port forge cuisine lecture chant pain chat prunes mars six"))


def is_french(text: str) -> bool:
    """Whether ``text`` reads as French and not as English, by its small words and the Valley's French words."""
    found = words(text)
    french = sum(word in _FRENCH_MARKS or word in dictionary() for word in found)
    english = sum(word in _ENGLISH_MARKS for word in found)
    return french >= 1 and french > 3 * english


@cache
def dictionary() -> frozenset[str]:
    """Every French word for a thing of the Valley that is not spelled like an English word."""
    tables = (WORKPLACES, ANIMALS, FOODS, HOBBIES, THINGS, LANDMARKS)
    nouns = [noun.word for table in tables for noun in table.values()]
    pairs = [word for table in (JOBS, COLOURS) for forms in table.values() for word in forms]
    calendar = [*FRENCH_DAYS.values(), *FRENCH_MONTHS.values(), *FRENCH_NUMBERS]
    return frozenset(part for word in (*nouns, *pairs, *calendar) for part in words(word)) - _SHARED - {"a", "à"}
