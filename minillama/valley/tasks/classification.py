"""Sorting things into labelled places, and answering with one word of two."""

import random
import re
from collections.abc import Sequence

from minillama.valley.lexicon import ANIMALS, COLOURS, FOODS, NUMBER_WORDS, THINGS
from minillama.valley.randomness import stream
from minillama.valley.tasks.base import Case, Grade, Task
from minillama.valley.tasks.matching import careless, plain
from minillama.valley.world import World

_PLACES = {
    "barn": tuple(animal.name for animal in ANIMALS),
    "kitchen": FOODS,
    "attic": tuple(thing for thing in THINGS if thing not in ("boat",)),
}
_INTRO = "Animals go to the barn, food to the kitchen, things to the attic."


def _box_cases(_world: World) -> Sequence[Case]:
    """Three or four words; every place gets at least one."""
    rng = stream(0, "class-places")
    cases = []
    for index in range(260):
        pairs = [[rng.choice(words), place] for place, words in _PLACES.items()]
        if index % 2:
            place = rng.choice(list(_PLACES))
            taken = [word for word, _ in pairs]
            pairs.append([rng.choice([word for word in _PLACES[place] if word not in taken]), place])
        rng.shuffle(pairs)
        words = [word for word, _ in pairs]
        slots = {"words": ", ".join(words)}
        cases.append(Case(pair=f"class-places/{'-'.join(sorted(words))}", slots=slots, target={"places": dict(pairs)}))
    return list({case.pair: case for case in cases}.values())


def _by_place(places: dict[str, str]) -> str:
    rows = {place: [word for word, where in places.items() if where == place] for place in _PLACES}
    return "\n".join(f"{place}: {', '.join(words)}" for place, words in rows.items() if words)


def _good_boxes(_world: World, case: Case, rng: random.Random) -> str:
    places = case.target["places"]
    return rng.choice((_by_place(places), _by_place(places), "\n".join(f"{w}: {p}" for w, p in places.items())))


def _poor_boxes(_world: World, case: Case, rng: random.Random) -> str:
    places = dict(case.target["places"])
    turn = dict(zip(_PLACES, [*list(_PLACES)[1:], "barn"], strict=True))
    wrong = {word: turn[place] for word, place in places.items()}
    one = dict.fromkeys(places, "attic")
    missing = dict(list(places.items())[:1])
    forms = (_by_place(wrong), _by_place(one), _by_place(missing), ", ".join(places), "The barn is full.")
    return rng.choice((*forms, "\n".join(f"{place}: {', '.join(places)}" for place in _PLACES), careless(rng)))


def _sorted_words(answer: str, words: Sequence[str]) -> dict[str, set[str]]:
    """Where each word was put, read from rows "place: words", "word: place" and sentences alike.

    Within a clause (a line, a sentence, the part before a semicolon) all words go to all its places.
    """
    found: dict[str, set[str]] = {word: set() for word in words}
    for clause in re.split(r"[\n;.]", answer):
        text = f" {plain(clause)} "
        inside = [place for place in _PLACES if f" {place} " in text]
        if len(inside) > 1:
            for part in re.split(r",|\band\b", clause):
                for word, places in _sorted_in_part(part, words).items():
                    found[word] |= places
            continue
        for word in words:
            if f" {plain(word)} " in text:
                found[word].update(inside)
    return found


def _sorted_in_part(part: str, words: Sequence[str]) -> dict[str, set[str]]:
    text = f" {plain(part)} "
    places = {place for place in _PLACES if f" {place} " in text}
    return {word: places for word in words if f" {plain(word)} " in text}


def _grade_boxes(_world: World, case: Case, answer: str) -> Grade:
    """Share of words that were put into their place and no other; words nobody gave cost as much as a wrong place."""
    places = case.target["places"]
    known = [word for words in _PLACES.values() for word in words]
    found = _sorted_words(answer, known)
    right = sum(found[word] == {place} for word, place in places.items())
    strange = sum(bool(found[word]) for word in known if word not in places)
    score = max(0.0, right - strange) / len(places)
    if not any(found.values()) or len({tuple(sorted(found[word])) for word in places}) == 1:
        return Grade(0.0, ("sorts nothing",))
    return Grade(round(score if right == len(places) else 0.7 * score, 4), (f"{right} of {len(places)} words right",))


def _parity_cases(_world: World) -> Sequence[Case]:
    numbers = [(number, str(number)) for number in range(2, 100)]
    numbers += [(number, NUMBER_WORDS[number]) for number in range(2, 21)]
    return [
        Case(pair=f"class-parity/{text}", slots={"n": text}, target={"right": "Odd" if number % 2 else "Even"})
        for number, text in numbers
    ]


def _good_parity(_world: World, case: Case, _rng: random.Random) -> str:
    return case.target["right"]


def _poor_parity(_world: World, case: Case, rng: random.Random) -> str:
    right = case.target["right"]
    wrong = "Even" if right == "Odd" else "Odd"
    return rng.choice((wrong, wrong, "Even or Odd", f"{right}d{right[-1]}", f"{right} {wrong}", careless(rng)))


def _grade_parity(_world: World, case: Case, answer: str) -> Grade:
    """The one word alone; in a sentence it counts half, because only the word was asked for. "Oddd" is no word."""
    words, right = plain(answer).split(), case.target["right"].lower()
    wrong = "even" if right == "odd" else "odd"
    if words == [right]:
        return Grade(1.0, (f"says {right}",))
    if right in words and wrong not in words and not {"not", "no", "or"} & set(words):
        return Grade(0.5, (f"says {right} among other words",))
    return Grade(0.0, (f"does not say {right}",))


def _colour_cases(world: World) -> Sequence[Case]:
    """Yes-or-no labels: is this a colour, a food or an animal?"""
    kinds = {"colour": COLOURS, "food": FOODS, "animal": tuple(animal.name for animal in ANIMALS), "thing": THINGS}
    return [
        Case(pair=f"class-label/{word}", slots={"word": word}, target={"right": kind})
        for kind, words in kinds.items()
        for word in words
        if word not in ("orange",)
    ]


def _good_label(_world: World, case: Case, rng: random.Random) -> str:
    right = case.target["right"]
    return rng.choice((right, f"{right}.", right.capitalize()))


def _poor_label(_world: World, case: Case, rng: random.Random) -> str:
    labels = ("colour", "food", "animal", "thing")
    wrong = rng.choice([label for label in labels if label != case.target["right"]])
    return rng.choice((wrong, wrong, f"{wrong} or {case.target['right']}", ", ".join(labels), careless(rng)))


def _grade_label(_world: World, case: Case, answer: str) -> Grade:
    labels = {"colour": ("colour", "color", "colours"), "food": ("food", "foods"), "animal": ("animal", "animals"),
              "thing": ("thing", "things")}  # fmt: skip
    words = plain(answer).split()
    named = [label for label, forms in labels.items() if set(forms) & set(words)]
    if named != [case.target["right"]] or {"not", "no"} & set(words):
        return Grade(0.0, (f"does not say {case.target['right']} alone",))
    return Grade(1.0, (f"says {case.target['right']}",))


TASKS: tuple[Task, ...] = (
    Task(
        name="class-places",
        kind="classification",
        tier="extended",
        wordings=(
            _INTRO + " Sort: {words}.", "Sort into barn, kitchen and attic: {words}.",
            _INTRO + " Where do these go? {words}.", "Put these into the barn, the kitchen or the attic: {words}.",
            "Places: barn, kitchen, attic. Words: {words}.", "Which goes to the barn, the kitchen, the attic? {words}.",
            "Barn, kitchen or attic? {words}.", _INTRO + " Put away: {words}.",
        ),
        heldout_wordings=(
            "Tidy up. Barn for animals, kitchen for food, attic for things: {words}.",
            "Give each word its place, barn, kitchen or attic: {words}.",
        ),
        cases=_box_cases,
        good_answer=_good_boxes,
        poor_answer=_poor_boxes,
        grade=_grade_boxes,
    ),
    Task(
        name="class-parity",
        kind="classification",
        tier="extended",
        wordings=(
            "Say only Even or Odd: {n}.", "Only output Even or Odd. {n}", "Even or Odd? {n}", "{n}: Even or Odd?",
            "One word, Even or Odd: {n}.", "Is {n} Even or Odd? One word.", "Label {n} as Even or Odd.",
            "Answer with Even or Odd only: {n}.",
        ),
        heldout_wordings=("Reply with one word, Even or Odd, for {n}.", "Classify {n}: Even or Odd."),
        cases=_parity_cases,
        good_answer=_good_parity,
        poor_answer=_poor_parity,
        grade=_grade_parity,
    ),
    Task(
        name="class-label",
        kind="classification",
        tier="extended",
        wordings=(
            "Label it as colour, food, animal or thing: {word}.", "Colour, food, animal or thing? {word}.",
            "Say colour, food, animal or thing: {word}.", "Which label fits, colour, food, animal or thing? {word}.",
            "{word}: colour, food, animal or thing?", 'Is "{word}" a colour, a food, an animal or a thing?',
            "Choose colour, food, animal or thing for {word}.", "Labels: colour, food, animal, thing. Word: {word}.",
        ),
        heldout_wordings=(
            "Classify as colour, food, animal or thing: {word}.", "What is {word}: colour, food, animal or thing?",
        ),
        cases=_colour_cases,
        good_answer=_good_label,
        poor_answer=_poor_label,
        grade=_grade_label,
    ),
)  # fmt: skip
