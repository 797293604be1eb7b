"""The corpus of the Valley: about 4 MB of documents from eight sources, with dirt planted on purpose.

Every document carries the truth about itself (its source and what was planted in it), so that chapter 02 can measure
how well cleaning finds duplicates, boilerplate, personal data, rude posts and junk. Wordings are rationed: with names
masked, no sequence of six words stands in more than one document in a hundred.
"""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields

from minillama.valley.lexicon import PET_NAMES, TOWNS
from minillama.valley.randomness import stream
from minillama.valley.world import World
from minillama.valley.writing import encyclopedia, forum, french, junk, letters, planting, recipes, stories, sums
from minillama.valley.writing.desk import Desk

LABELS = ("exact_duplicate", "near_duplicate", "boilerplate", "personal_data", "toxic", "low_quality")


@dataclass(frozen=True)
class Document:
    """One document: its text, the source it is from, and what was planted in it (some of ``LABELS``)."""

    text: str
    source: str
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class CorpusSettings:
    """What the corpus is made of.

    Args:
        characters: the size to write, in characters.
        sources: each source's share of the characters before copies are added; the shares add up to 1.
        exact_duplicates: copies, as a share of the documents.
        near_duplicates: copies with a few words changed, as a share of the documents.
        boilerplate: share of the documents with a cookie notice, menu or footer.
        personal_data: share of the documents with an e-mail address or telephone number.
        toxic: share of the forum's threads with a rude post.
        commonest: largest share of the documents that any six words in a row may stand in, before copies are added.
    """

    characters: int = 4_000_000
    sources: dict[str, float] = field(
        default_factory=lambda: {
            "encyclopedia": 0.18, "forum": 0.56, "stories": 0.06, "letters": 0.03, "sums": 0.08, "recipes": 0.03,
            "french": 0.03, "junk": 0.03,
        }
    )  # fmt: skip
    exact_duplicates: float = 0.03
    near_duplicates: float = 0.03
    boilerplate: float = 0.08
    personal_data: float = 0.04
    toxic: float = 0.05
    commonest: float = 0.008

    def __post_init__(self) -> None:
        if self.characters < 1:
            raise ValueError(f"a corpus has at least one character, not {self.characters}")
        if set(self.sources) != set(WRITERS) or abs(sum(self.sources.values()) - 1) > 1e-6:
            raise ValueError(f"the shares of {', '.join(WRITERS)} must add up to 1, not {self.sources}")
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, float) and not 0 <= value <= 1:
                raise ValueError(f"{entry.name} is a share between 0 and 1, not {value}")


MEAN_LENGTH = 370
MIN_WORDS, MAX_WORDS = 30, 250
LONG = 0.12
PATIENCE = 200
WRITERS: dict[str, Callable[[Desk], str]] = {
    "encyclopedia": encyclopedia.write, "forum": forum.write, "stories": stories.write, "letters": letters.write,
    "sums": sums.write, "recipes": recipes.write, "french": french.write, "junk": junk.write,
}  # fmt: skip


def make_corpus(
    world: World, seed: int = 0, characters: int = 4_000_000, *, settings: CorpusSettings | None = None
) -> list[Document]:
    """Write the corpus of a world; the same arguments give the same documents on every machine.

    Args:
        world: the villagers and their facts.
        seed: of the wordings, events and dirt.
        characters: the size, if no ``settings`` are given.
        settings: the composition in full; replaces ``characters``.
    """
    settings = settings or CorpusSettings(characters=characters)
    rng = stream(seed, "corpus", "order")
    documents = list(_write(world, seed, settings))
    rng.shuffle(documents)
    documents = _plant(documents, stream(seed, "corpus", "planting"), settings)
    return _copy(documents, stream(seed, "corpus", "copies"), settings)


def masked_words(text: str, names: re.Pattern[str]) -> list[str]:
    """The lower-case words of ``text`` in which every name, or list of names, is the word ``x``."""
    return re.findall(r"[a-zà-ÿœ0-9]+", names.sub("x", text).lower())


def name_pattern(world: World) -> re.Pattern[str]:
    """A pattern of the names of villagers, pets and towns; names that are listed one after another count as one."""
    names = [villager.name for villager in world.villagers] + list(PET_NAMES) + [town.name for town in TOWNS]
    name = rf"(?:{'|'.join(sorted(names))})\b(?:'s\b)?"
    return re.compile(rf"\b{name}(?:(?:,? and |, |\n[-*] ){name})*")


class _Ration:
    """Counts in how many documents each six words in a row stand, and turns away documents over the limit."""

    def __init__(self, names: re.Pattern[str], limit: int) -> None:
        self.names, self.limit = names, limit
        self.counts: dict[int, int] = {}
        self.words: dict[str, int] = {}

    def accepts(self, text: str) -> bool:
        """Count ``text`` and return True, or return False if it would bring six words over the limit."""
        grams, key = set(), 0
        for position, word in enumerate(masked_words(text, self.names)):
            key = (key << 12 | self.words.setdefault(word, len(self.words) + 1)) & (1 << 72) - 1
            if position >= 5:
                grams.add(key)
        if any(self.counts.get(gram, 0) >= self.limit for gram in grams):
            return False
        for gram in grams:
            self.counts[gram] = self.counts.get(gram, 0) + 1
        return True


def _write(world: World, seed: int, settings: CorpusSettings) -> Iterator[Document]:
    """Write documents, always of the source that is furthest behind its share of the characters."""
    desks = {source: Desk(world, seed, source) for source in settings.sources}
    ration = _Ration(name_pattern(world), max(8, int(settings.commonest * settings.characters / MEAN_LENGTH)))
    originals = settings.characters / (1 + settings.exact_duplicates + settings.near_duplicates)
    missing = {source: originals * share for source, share in settings.sources.items()}
    while max(missing.values()) > 0:
        source = max(missing, key=lambda name: missing[name])
        rude = source == "forum" and desks[source].chance(settings.toxic)
        text = _draft(desks[source], forum.write_rude if rude else WRITERS[source], ration)
        missing[source] -= len(text) + 1
        labels = {"toxic"} if rude else {"low_quality"} if source == "junk" else set()
        yield Document(text, source, frozenset(labels))


def _draft(desk: Desk, writer: Callable[[Desk], str], ration: _Ration) -> str:
    """Write until a text has a good length and uses no wording that is used up."""
    for _ in range(PATIENCE):
        text = writer(desk)
        if desk.chance(LONG):
            text += "\n" + writer(desk)
        if MIN_WORDS <= len(text.split()) <= MAX_WORDS and ration.accepts(text):
            break
    return text


def _plant(documents: list[Document], rng: random.Random, settings: CorpusSettings) -> list[Document]:
    """Add boilerplate and personal data to some documents."""
    planted = []
    for document in documents:
        text, labels = document.text, set(document.labels)
        if rng.random() < settings.personal_data:
            text = planting.add_contact(text, rng)
            labels.add("personal_data")
        if rng.random() < settings.boilerplate:
            text = planting.add_boilerplate(text, rng)
            labels.add("boilerplate")
        planted.append(Document(text, document.source, frozenset(labels)))
    return planted


def _copy(documents: list[Document], rng: random.Random, settings: CorpusSettings) -> list[Document]:
    """Insert exact and near copies somewhere after their originals."""
    total = len(documents)
    keyed = [(float(position), document) for position, document in enumerate(documents)]
    exact = round(total * settings.exact_duplicates)
    near = round(total * settings.near_duplicates)
    for number, position in enumerate(rng.sample(range(total), min(exact + near, total))):
        original = documents[position]
        label, text = "exact_duplicate", original.text
        if number >= exact:
            label, text = "near_duplicate", planting.change_a_little(original.text, rng)
        copy = Document(text, original.source, original.labels | {label})
        keyed.append((position + 0.5 + rng.random() * (total - position), copy))
    return [document for _, document in sorted(keyed, key=lambda pair: pair[0])]
