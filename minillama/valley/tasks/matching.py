"""Reading free text: what the graders of the extended tasks share."""

import random
import re
from collections.abc import Iterable, Sequence

from minillama.valley.lexicon import NUMBER_WORDS
from minillama.valley.tasks.base import Grade
from minillama.valley.tasks.common import evasive, off_topic, rude

_MOST_NUMBERS = 16  # a chain of five numbers with all its steps has eleven
_NEGATION = r"\b(?:not|never|no|nor|neither|isn t|doesn t|don t)\b(?: \w+){0,2} "


def careless(rng: random.Random) -> str:
    """An answer that helps nobody, whatever was asked: evasive, off topic or rude."""
    return rng.choice((evasive, off_topic, rude))(rng)


def plain(text: str) -> str:
    """The lower-case words and numbers of ``text`` with single spaces between them."""
    return " ".join("".join(char if char.isalnum() else " " for char in text.lower()).split())


def has(text: str, phrase: str) -> bool:
    """Whether ``phrase`` occurs in ``text`` as whole words, whatever the case and punctuation."""
    return f" {plain(phrase)} " in f" {plain(text)} "


def denies(text: str, phrase: str) -> bool:
    """Whether ``text`` names ``phrase`` right after a negation: it is not a lamp."""
    return re.search(_NEGATION + re.escape(plain(phrase)) + r"\b", plain(text)) is not None


def numbers(text: str) -> list[int]:
    """All whole numbers of ``text`` in order, in digits (1,024 and -3 too) or as words up to twenty."""
    joined = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    words = "|".join(sorted(NUMBER_WORDS, key=len, reverse=True))
    found = re.findall(rf"(?<![\d)])-\d+|\d+|\b(?:{words})\b", joined.lower())
    return [NUMBER_WORDS.index(item) if item in NUMBER_WORDS else int(item) for item in found]


def names_only(answer: str, right: str, options: Iterable[str], *, allowed: Sequence[str] = ()) -> Grade:
    """Full marks for naming ``right`` and none of the other ``options``; ``allowed`` ones stood in the question."""
    if not has(answer, right):
        return Grade(0.0, (f"does not name {right}",))
    if denies(answer, right):
        return Grade(0.0, (f"denies {right}",))
    harmless = {plain(right), *map(plain, allowed)}
    others = [option for option in options if plain(option) not in harmless and has(answer, option)]
    others = [option for option in others if not denies(answer, option)]
    if others:
        return Grade(0.3 if len(others) == 1 else 0.0, (f"also names {', '.join(others)}",))
    return Grade(1.0, (f"names {right}",))


def final_number(answer: str, right: int, *, known: Sequence[int] = ()) -> Grade:
    """Full marks if the last number is ``right``. Steps on the way may name other numbers; a bare list may not.

    Args:
        answer: free text.
        right: the result.
        known: the numbers of the question, which an answer may repeat.
    """
    found = numbers(answer)
    if not found or found[-1] != right:
        return Grade(0.0, (f"does not end in {right}",))
    if denies(answer, str(right)):
        return Grade(0.0, (f"denies {right}",))
    if re.search(r"\d\s*[-+*^]\s*\d+\W*$", answer):
        return Grade(0.0, ("ends in a calculation without its result",))
    if len(found) > _MOST_NUMBERS:
        return Grade(0.0, ("goes on and on about numbers",))
    strange = [number for number in found if number != right and number not in known]
    if len(strange) > 1 and "=" not in answer:
        return Grade(0.0, ("names many numbers without a calculation",))
    if " or " in answer.lower():
        return Grade(0.3, ("leaves the choice open",))
    return Grade(1.0, (f"ends in {right}",))
