"""The villagers and all that is true of them: the ground truth of the book.

A real data set never says what is true. Here a seed draws forty villagers with a home, a job, a pet and so on, and
every document, question and judgement is made from these facts, so that any answer can be checked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeVar

from minillama.valley.lexicon import (
    ANIMALS,
    COLOURS,
    FOODS,
    HOBBIES,
    JOBS,
    MEN,
    MONTH_LENGTHS,
    MONTHS,
    PET_NAMES,
    THINGS,
    TOWNS,
    WOMEN,
    Animal,
    Job,
    Town,
)
from minillama.valley.randomness import stream

VERSION = "1.0"
FIRST_YEAR, LAST_YEAR = 1960, 1999
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Villager:
    """One villager. ``foods`` and ``things`` hold three each; the first food is the favourite one."""

    name: str
    gender: Literal["woman", "man"]
    town: Town
    job: Job
    animal: Animal
    pet_name: str
    foods: tuple[str, str, str]
    hobby: str
    things: tuple[str, str, str]
    treasure: str
    treasure_colour: str
    sibling: str
    friend: str
    birth_month: str
    birth_day: int
    arrival_year: int

    @property
    def he(self) -> str:
        """The pronoun as a subject."""
        return "she" if self.gender == "woman" else "he"

    @property
    def him(self) -> str:
        """The pronoun as an object."""
        return "her" if self.gender == "woman" else "him"

    @property
    def his(self) -> str:
        """The possessive pronoun."""
        return "her" if self.gender == "woman" else "his"

    @property
    def birthday(self) -> str:
        """The birthday as the Valley writes it, such as ``May 4``."""
        return f"{self.birth_month} {self.birth_day}"


@dataclass(frozen=True)
class World:
    """All villagers of one seed, in alphabetical order."""

    seed: int
    villagers: tuple[Villager, ...]

    @classmethod
    def create(cls, seed: int = 0) -> "World":
        """Draw a world. The same seed gives the same world on every machine."""
        names = sorted(WOMEN + MEN)
        return cls(seed=seed, villagers=tuple(_draw_villagers(names, seed)))

    @cached_property
    def by_name(self) -> dict[str, Villager]:
        """Villagers by their name."""
        return {villager.name: villager for villager in self.villagers}

    def villager(self, name: str) -> Villager:
        """Return the villager called ``name``; raises ``ValueError`` for a name nobody has."""
        if name not in self.by_name:
            raise ValueError(f"nobody in the Valley is called {name!r}; the names are {', '.join(self.by_name)}")
        return self.by_name[name]

    def people_of(self, town: Town | str) -> tuple[Villager, ...]:
        """All villagers who live in ``town``."""
        name = town if isinstance(town, str) else town.name
        return tuple(villager for villager in self.villagers if villager.town.name == name)

    def sibling_word(self, villager: Villager) -> str:
        """``sister`` or ``brother``: what the sibling of ``villager`` is to them."""
        return "sister" if self.villager(villager.sibling).gender == "woman" else "brother"


def _dealt(values: Sequence[T], count: int, seed: int, label: str) -> list[T]:
    """Deal ``values`` to ``count`` hands in turn, shuffled: every value comes up equally often, give or take one."""
    rng = stream(seed, "world", label)
    deck: list[T] = []
    while len(deck) < count:
        pack = list(values)
        rng.shuffle(pack)
        deck.extend(pack)
    deck = deck[:count]
    rng.shuffle(deck)
    return deck


def _siblings(names: Sequence[str], seed: int) -> dict[str, str]:
    """Pair all names: each has exactly one sibling, and siblings are mutual."""
    shuffled = list(names)
    stream(seed, "world", "siblings").shuffle(shuffled)
    pairs = zip(shuffled[::2], shuffled[1::2], strict=True)
    return {name: other for a, b in pairs for name, other in ((a, b), (b, a))}


def _friends(names: Sequence[str], siblings: dict[str, str], seed: int) -> dict[str, str]:
    """Give each name one best friend, who is neither the person nor the sibling; friendship need not be mutual."""
    rng = stream(seed, "world", "friends")
    while True:
        shuffled = list(names)
        rng.shuffle(shuffled)
        friends = dict(zip(names, shuffled, strict=True))
        if all(friend not in (name, siblings[name]) for name, friend in friends.items()):
            return friends


def _draw_villagers(names: Sequence[str], seed: int) -> list[Villager]:
    """Draw every villager's facts, each kind of fact from a stream of its own."""
    count = len(names)
    siblings = _siblings(names, seed)
    friends = _friends(names, siblings, seed)
    towns = _dealt(TOWNS, count, seed, "towns")
    jobs = _dealt(JOBS, count, seed, "jobs")
    animals = _dealt(ANIMALS, count, seed, "animals")
    pet_names = _dealt(PET_NAMES, count, seed, "pet names")
    favourites = _dealt(FOODS, count, seed, "foods")
    hobbies = _dealt(HOBBIES, count, seed, "hobbies")
    treasures = _dealt(THINGS, count, seed, "treasures")
    colours = _dealt(COLOURS, count, seed, "colours")
    months = _dealt(MONTHS, count, seed, "months")
    villagers = []
    for index, name in enumerate(names):
        rng = stream(seed, "world", "villager", name)
        month = months[index]
        others = rng.sample([food for food in FOODS if food != favourites[index]], 2)
        things = rng.sample([thing for thing in THINGS if thing != treasures[index]], 3)
        villagers.append(
            Villager(
                name=name,
                gender="woman" if name in WOMEN else "man",
                town=towns[index],
                job=jobs[index],
                animal=animals[index],
                pet_name=pet_names[index],
                foods=(favourites[index], others[0], others[1]),
                hobby=hobbies[index],
                things=(things[0], things[1], things[2]),
                treasure=treasures[index],
                treasure_colour=colours[index],
                sibling=siblings[name],
                friend=friends[name],
                birth_month=month,
                birth_day=1 + rng.randrange(MONTH_LENGTHS[MONTHS.index(month)]),
                arrival_year=FIRST_YEAR + rng.randrange(LAST_YEAR - FIRST_YEAR + 1),
            )
        )
    return villagers
