"""The desk of a writer: the world, a stream of random numbers, and decks that give every villager an equal share."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from minillama.valley.lexicon import MONTHS, SEASONS
from minillama.valley.randomness import stream
from minillama.valley.world import Villager, World
from minillama.valley.writing.facts import FACTS, NAMES_OTHERS, STATEMENTS
from minillama.valley.writing.grammar import expand, listing, sentence, with_article

T = TypeVar("T")
SELDOM = ("friend", "things", "foods")  # told nowhere else, so they come twice in every deck
INDOORS = ("kitchen", "garden", "pasture", "studio", "workshop")


def plainest_often(wordings: Sequence[T]) -> list[T]:
    """``wordings`` with the first three, which are the plainest, nine times each.

    A model of a million parameters binds a fact to a name in plain sentences first and finds it in the others later:
    after a million tokens it had begun to with this weight, and not with all wordings equally often.
    """
    return [*wordings, *(list(wordings[:3]) * 8)]


class Desk:
    """What a writer of one source has at hand."""

    def __init__(self, world: World, seed: int, source: str) -> None:
        self.world = world
        self.rng = stream(seed, "corpus", source)
        self._decks: dict[str, list] = {}
        self._slots = {villager.name: self._slots_of(villager) for villager in world.villagers}

    def deal(self, name: str, values: Sequence[T]) -> T:
        """Return the next card of a shuffled deck of ``values`` kept under ``name``; all come up equally often."""
        deck = self._decks.setdefault(name, [])
        if not deck:
            deck.extend(values)
            self.rng.shuffle(deck)
        return deck.pop()

    def villager(self) -> Villager:
        """Return the next villager of the deck."""
        return self.deal("villagers", self.world.villagers)

    def villagers(self, count: int) -> list[Villager]:
        """Return ``count`` different villagers."""
        return self.rng.sample(self.world.villagers, count)

    def facts(self, villager: Villager, count: int) -> list[str]:
        """Return ``count`` different kinds of fact about ``villager``, those least told first."""
        chosen: list[str] = []
        while len(chosen) < count:
            fact = self.deal(f"facts of {villager.name}", SELDOM + FACTS)
            if fact not in chosen:
                chosen.append(fact)
        return chosen

    def chance(self, probability: float) -> bool:
        """Return True with ``probability``."""
        return self.rng.random() < probability

    def pick(self, options: Sequence[T]) -> T:
        """Return one of ``options``."""
        return self.rng.choice(options)

    def say(self, template: str, villager: Villager | None = None, /, **slots: str) -> str:
        """Expand ``template`` with ``slots`` and, if given, the facts of ``villager``."""
        values = slots if villager is None else {**self._slots[villager.name], **slots}
        return expand(template, self.rng, values)

    def sentences(self, templates: Sequence[str], villager: Villager | None = None, /, **slots: str) -> str:
        """Say every template as a sentence of its own, in the order given."""
        return " ".join(sentence(text) for text in (self.say(each, villager, **slots) for each in templates) if text)

    def state(self, villager: Villager, fact: str, pronoun: bool = False) -> str:
        """State one fact in one of its wordings, without a full stop; ``pronoun`` allows "she" for "Ada"."""
        template = self.deal(f"wordings of {fact}", plainest_often(STATEMENTS[fact]))
        if pronoun:
            return self.say(template, villager, X=villager.he, **{"X's": villager.his})
        return self.say(template, villager)

    def portrait(self, villager: Villager, facts: Sequence[str], named: bool = False) -> str:
        """State several facts as running text. ``named``: the text before has named the villager already."""
        parts: list[str] = []
        clear, joined = named, False
        for fact in facts:
            text = self.state(villager, fact, pronoun=clear and self.chance(0.25))
            glue = self.rng.random()
            joined = bool(parts) and not joined and glue < 0.25
            if joined:
                parts[-1] += self.pick((", and ", ", and ", "; ")) + text
            else:
                parts.append(text)
            clear = fact not in NAMES_OTHERS
        return " ".join(sentence(part) for part in parts)

    def _slots_of(self, villager: Villager) -> dict[str, str]:
        job, town, animal = villager.job, villager.town, villager.animal
        where = "in" if job.workplace in INDOORS else "at"
        sibling = self.world.villager(villager.sibling)
        word = self.world.sibling_word(villager)
        if sibling.gender == villager.gender:
            pair = word + "s"
        else:
            pair = "brother and sister" if villager.gender == "man" else "sister and brother"
        month = MONTHS.index(villager.birth_month) + 1
        season = next(name for name, months in SEASONS.items() if month in months)
        return {
            "name": villager.name, "name's": f"{villager.name}'s", "X": villager.name, "X's": f"{villager.name}'s",
            "he": villager.he, "him": villager.him, "his": villager.his, "kin": villager.gender,
            "town": town.name, "place": town.place, "landmark": town.landmark, "product": town.product,
            "job": job.name, "workplace": job.workplace, "at work": f"{where} the {job.workplace}", "does": job.does,
            "animal": animal.name, "pet": villager.pet_name, "sound": animal.sound, "habit": animal.habit,
            "food": villager.foods[0], "food2": villager.foods[1], "food3": villager.foods[2],
            "foods": listing(villager.foods), "hobby": villager.hobby,
            "things": listing([with_article(thing) for thing in villager.things]),
            "things2": listing([with_article(thing) for thing in villager.things[::-1]]),
            "thing": villager.things[0], "thing2": villager.things[1], "thing3": villager.things[2],
            "treasure": villager.treasure, "colour": villager.treasure_colour,
            "sibling": villager.sibling, "sib": word, "pair": pair, "friend": villager.friend,
            "birthday": villager.birthday, "month": villager.birth_month, "season": season,
            "year": str(villager.arrival_year),
        }  # fmt: skip


Form = Callable[[Desk], str]


def write_one(desk: Desk, forms: Mapping[Form, int]) -> str:
    """Write one document in one of ``forms``, each as often as its weight says."""
    return desk.deal("forms", [form for form, weight in forms.items() for _ in range(weight)])(desk)
