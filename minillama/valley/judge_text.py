"""Reading free text: words, clauses, and which values of the Valley (towns, jobs, foods ...) a text mentions.

Pure text work that knows the lexicon but no world: who lives where is checked in :mod:`minillama.valley.judge_claims`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from minillama.valley import lexicon

_CONTRACTIONS = (
    ("can't", "can not"), ("cannot", "can not"), ("won't", "will not"), ("shan't", "shall not"), ("n't", " not"),
    ("'ll", " will"), ("'m", " am"), ("'re", " are"), ("'ve", " have"), ("'d", " would"),
)  # fmt: skip
_WORD = re.compile(r"'s\b|\d+|[^\W\d_]+")
_ORDINAL = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)\b")
# A new clause starts after a full stop, a semicolon or colon, and where a conjunction brings a new subject.
_CLAUSE = re.compile(
    r"[.!?;:\n]+|,?\s+\b(?:but|while|although|though|whereas|because)\b"
    r"|,?\s+\band\s+(?=(?:she|he|it|they|her|his|its)\s|[A-Z][a-z]+(?:'s\b|\s+(?:lives|is|was|works|has|likes|owns|came|enjoys)\b))"
    r"|,\s+(?=(?:she|he|it|her|his|its|and|[A-Z][a-z]+)\s+(?:lives|is|was|works|has|likes|in|owns|came|enjoys|treasures)\b)"
)
NEGATIONS = frozenset({"not", "never", "no", "nor", "neither", "without", "isnt", "nobody", "instead"})
_PLAIN_STOP = frozenset(
    {"a", "an", "the", "to", "of", "in", "on", "by", "near", "and", "is", "are", "at", "after", "than", "us"}
)


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """Cut the common endings of ``word``, so that ``bakes``, ``baking`` and ``bake`` agree."""
    for ending, least in (("ies", 3), ("ing", 3), ("ed", 3), ("es", 3), ("s", 3), ("e", 3), ("y", 3)):
        if word.endswith(ending) and len(word) - len(ending) >= least and not word.endswith("ss"):
            return word[: -len(ending)]
    return word


def content_stems(phrase: str) -> frozenset[str]:
    """The stems of the words of ``phrase`` that carry meaning."""
    return frozenset(stem(word) for word in words_of(phrase) if word not in _PLAIN_STOP)


def words_of(text: str) -> list[str]:
    """Lower-case words and numbers of ``text``, contractions spelled out, ``'s`` a word of its own."""
    text = text.lower().replace("’", "'")
    if "'" in text or "cannot" in text:
        for short, long in _CONTRACTIONS:
            text = text.replace(short, long)
    return _WORD.findall(text)


def _variants(value: str) -> Iterable[str]:
    yield value
    for plural in (f"{value}s", f"{value}es", value[:-1] + "ies" if value.endswith("y") else ""):
        if plural:
            yield plural
    if value.endswith("ves"):
        yield value[:-3] + "f"
    elif value.endswith("ies"):
        yield from (value[:-3] + "y", value[:-1])
    elif value.endswith("s") and not value.endswith("ss"):
        yield value[:-1]


def _single_words() -> dict[str, list[tuple[str, str]]]:
    """Every word that names a value: word -> (domain, value) pairs."""
    table: dict[str, list[tuple[str, str]]] = {}
    values = {
        "town": [town.name for town in lexicon.TOWNS],
        "job": [job.name for job in lexicon.JOBS],
        "workplace": [job.workplace for job in lexicon.JOBS],
        "animal": [animal.name for animal in lexicon.ANIMALS],
        "pet_name": lexicon.PET_NAMES,
        "food": lexicon.FOODS,
        "hobby": lexicon.HOBBIES,
        "thing": lexicon.THINGS,
        "colour": lexicon.COLOURS,
        "person": lexicon.WOMEN + lexicon.MEN,
        "day": lexicon.DAYS,
        "month": lexicon.MONTHS,
        "tool": [tool.name for tool in lexicon.TOOLS],
        "number": lexicon.NUMBER_WORDS,
    }
    changing = {"animal", "food", "thing", "job", "tool", "workplace"}
    for domain, names in values.items():
        for name in names:
            value = str(lexicon.NUMBER_WORDS.index(name)) if domain == "number" else name.lower()
            for word in _variants(name.lower()) if domain in changing else (name.lower(),):
                entries = table.setdefault(word, [])
                if (domain, value) not in entries:
                    entries.append((domain, value))
    table["gray"] = [("colour", "grey")]
    table["scarves"] = [("thing", "scarf")]
    return table


SINGLE_WORDS = _single_words()
LIVE_PET_NAMES = frozenset(name.lower() for name in lexicon.PET_NAMES)
# Values of several words, told by the stems of their words, in any order.
PHRASES: dict[str, dict[str, frozenset[str]]] = {
    "landmark": {town.landmark: content_stems(town.landmark) for town in lexicon.TOWNS},
    "product": {town.product: content_stems(town.product) for town in lexicon.TOWNS},
    "place_of_town": {town.place: content_stems(town.place) for town in lexicon.TOWNS},
    "use": {tool.use: content_stems(tool.use) for tool in lexicon.TOOLS},
    "does": {job.does: content_stems(job.does) for job in lexicon.JOBS},
    "sound": {animal.sound: content_stems(animal.sound) for animal in lexicon.ANIMALS},
    "habit": {animal.habit: content_stems(animal.habit) for animal in lexicon.ANIMALS},
    "trait": {thing.trait: content_stems(thing.trait) for thing in lexicon.COMMON_THINGS},
    "kind": {thing.kind: content_stems(thing.kind) for thing in lexicon.COMMON_THINGS},
}


@dataclass(frozen=True)
class Mention:
    """A value that a text names: its domain, where its word stands in the clause, and whether it is denied."""

    domain: str
    value: str
    at: int
    denied: bool


@dataclass(frozen=True)
class Clause:
    """One clause: its words in lower case, and as written (for capitals)."""

    words: tuple[str, ...]
    written: tuple[str, ...]

    @cached_property
    def word_set(self) -> frozenset[str]:
        """The words, for quick membership tests."""
        return frozenset(self.words)

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems of the words."""
        return frozenset(stem(word) for word in self.words)

    @cached_property
    def negated_from(self) -> int | None:
        """The place of the first negation, if any."""
        return next((i for i, word in enumerate(self.words) if word in NEGATIONS), None)

    @cached_property
    def mentions(self) -> tuple[Mention, ...]:
        """All values that single words of the clause name, and dates and years."""
        found = []
        words = self.words
        for i, word in enumerate(words):
            if word.isdecimal():
                found.append(self._number(i, word))
                continue
            for domain, value in SINGLE_WORDS.get(word, ()):
                if domain == "pet_name" and not self.written[i][:1].isupper():
                    continue
                if domain == "month" and value == "may" and not self.written[i][:1].isupper():
                    continue
                found.append(Mention(domain, value, i, self._denied(i)))
            if word == "loom" and i + 1 < len(words) and words[i + 1] == "house":
                found.append(Mention("workplace", "loom house", i, self._denied(i)))
        found += self._dates(found)
        return tuple(found)

    def _number(self, i: int, word: str) -> Mention:
        domain = "year" if len(word) == 4 else "number"
        return Mention(domain, str(int(word)) if len(word) < 10 else word, i, self._denied(i))

    def _dates(self, found: Sequence[Mention]) -> list[Mention]:
        dates = []
        for month in found:
            if month.domain != "month":
                continue
            near = [m for m in found if m.domain == "number" and -3 <= m.at - month.at <= 2 and m.at != month.at]
            day = next((m.value for m in near if m.at == month.at + 1), near[0].value if near else None)
            if day is not None:
                dates.append(Mention("date", f"{month.value} {day}", month.at, month.denied))
        return dates

    def _denied(self, at: int) -> bool:
        """A negation up to five words before denies a value, unless "but" or "only" stands between."""
        before = self.words[max(0, at - 5) : at]
        return any(word in NEGATIONS for word in before) and not any(word in ("but", "only", "just") for word in before)

    def names(self, phrases: frozenset[str]) -> bool:
        """Whether all ``phrases`` (stems) occur in the clause."""
        return phrases <= self.stems


@dataclass(frozen=True)
class Text:
    """A text cut into clauses."""

    raw: str
    clauses: tuple[Clause, ...]

    @cached_property
    def words(self) -> tuple[str, ...]:
        """All words in order."""
        return tuple(word for clause in self.clauses for word in clause.words)

    @cached_property
    def stems(self) -> frozenset[str]:
        """All stems."""
        return frozenset(s for clause in self.clauses for s in clause.stems)

    @cached_property
    def joined(self) -> str:
        """All words with single spaces, and one at each end."""
        return f" {' '.join(self.words)} "

    def has(self, phrase: str) -> bool:
        """Whether ``phrase`` occurs as whole words."""
        return f" {' '.join(words_of(phrase))} " in self.joined

    def mentioned(self, domain: str) -> list[Mention]:
        """All mentions of one domain."""
        return [m for clause in self.clauses for m in clause.mentions if m.domain == domain]

    def stated(self, domain: str) -> list[str]:
        """The values of ``domain`` that are named and not denied, in order, each once."""
        if domain in PHRASES:
            return self._phrases(domain)
        return list(dict.fromkeys(m.value for m in self.mentioned(domain) if not m.denied))

    def _phrases(self, domain: str) -> list[str]:
        found = []
        for value, stems in PHRASES[domain].items():
            for clause in self.clauses:
                if clause.names(stems):
                    cut = clause.negated_from
                    if cut is None or not any(stem(w) in stems for w in clause.words[cut : cut + 6]):
                        found.append(value)
                        break
        return found


@lru_cache(maxsize=1024)
def read(text: str) -> Text:
    """Read ``text``; never fails, whatever the text."""
    cleaned = _ORDINAL.sub(r"\1", text.replace("’", "'"))
    clauses = []
    for part in _CLAUSE.split(cleaned):
        if not part or not part.strip():
            continue
        lowered = words_of(part)
        if lowered:
            written = _written(part, lowered)
            clauses.append(Clause(tuple(lowered), written))
    return Text(text, tuple(clauses))


def _written(part: str, lowered: list[str]) -> tuple[str, ...]:
    """The words of ``part`` as written, or capitalised ones throughout when cases cannot be told apart."""
    if part.islower():
        return tuple(word.capitalize() for word in lowered)
    written = _WORD.findall(part)
    return tuple(written) if len(written) == len(lowered) else tuple(word.capitalize() for word in lowered)
