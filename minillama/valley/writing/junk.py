"""Junk: what a crawl brings in besides text. Word salad, lists of keywords, broken lines; labelled low quality."""

from minillama.valley.lexicon import COLOURS, FOODS, HOBBIES, THINGS, TOWNS
from minillama.valley.writing.desk import Desk, Form, write_one

WORDS = (
    "the", "of", "a", "and", "to", "is", "in", "buy", "now", "best", "free", "sale", "click", "here", "more", "page",
    "menu", "home", "search", "next",
    "not", "very", "then", "who", "under", "house", "sun", "day", "red", "two", *FOODS, *HOBBIES, *THINGS, *COLOURS,
)  # fmt: skip


def salad(desk: Desk) -> str:
    """Draw words at random, with stops here and there."""
    words = [desk.pick(WORDS) + desk.pick(("", "", "", "", "", ".", ",")) for _ in range(40 + desk.rng.randrange(60))]
    return " ".join(words)


def keywords(desk: Desk) -> str:
    """List keywords as a shop page would."""
    mark = desk.pick((", ", " | ", " / ", "; "))
    town = desk.pick(TOWNS).name
    words = [
        f"{desk.pick(('buy', 'cheap', 'best', 'free', 'new', 'sale'))} {desk.pick(THINGS + FOODS)}"
        for _ in range(15 + desk.rng.randrange(25))
    ]
    return mark.join([town, *words])


def broken(desk: Desk) -> str:
    """Break lines and drop letters."""
    lines = []
    for _ in range(8 + desk.rng.randrange(12)):
        line = " ".join(desk.pick(WORDS) for _ in range(1 + desk.rng.randrange(5)))
        lines.append(desk.pick((line, line.upper(), line + " ...", "? ? " + line, line + " >>", "--- " + line)))
    return "\n".join(lines)


def repeated(desk: Desk) -> str:
    """Say the same few words again and again."""
    words = [desk.pick(WORDS) for _ in range(2 + desk.rng.randrange(3))]
    return " ".join(words * (10 + desk.rng.randrange(10)))


FORMS: dict[Form, int] = {salad: 4, keywords: 3, broken: 3, repeated: 2}


def write(desk: Desk) -> str:
    """Write one piece of junk."""
    return write_one(desk, FORMS)
