"""Questions about a short text; where the text is silent, the right answer is "Not sure"."""

import random
import re
from collections.abc import Sequence

from minillama.valley.lexicon import COLOURS, THINGS, TOWNS
from minillama.valley.randomness import stream
from minillama.valley.tasks.base import Case, Grade, Task
from minillama.valley.tasks.matching import names_only, plain
from minillama.valley.world import World

_UNSURE = (
    "not sure", "do not know", "don t know", "does not say", "doesn t say", "not say", "cannot say", "can t say",
    "cannot tell", "can t tell", "not known", "unknown", "not mentioned", "no idea", "not stated", "unclear",
)  # fmt: skip
_KINDS = {"colour": COLOURS, "town": tuple(town.name for town in TOWNS)}


def says_not_sure(answer: str) -> bool:
    """Whether an answer admits that it does not know."""
    text = f" {plain(answer)} "
    return any(f" {phrase} " in text for phrase in _UNSURE)


def _cases(world: World) -> Sequence[Case]:
    """Texts of three made-up sentences; half of the questions are about something that the text does not tell."""
    rng = stream(0, "not-sure")
    names, cases = list(world.by_name), []
    for index in range(300):
        kind = "colour" if rng.randrange(2) else "town"
        people = rng.sample(names, 4)
        things, values = rng.sample(THINGS, 4), rng.sample(_KINDS[kind], 4)
        if kind == "colour":
            sentences = [f"The {t} of {p} is {v}." for p, t, v in zip(people, things, values, strict=True)]
            ask = [f"What colour is the {t} of {p}?" for p, t in zip(people, things, strict=True)]
        else:
            sentences = [f"{p} went to {v}." for p, v in zip(people, values, strict=True)]
            ask = [f"Where did {p} go?" for p in people]
        asked = 3 if index % 2 else rng.randrange(3)
        right = None if asked == 3 else values[asked]
        target = {"kind": kind, "right": right, "name": people[asked], "thing": things[asked], "told": values[:3]}
        slots = {"text": " ".join(sentences[:3]), "question": ask[asked]}
        cases.append(Case(pair=f"not-sure/{'-'.join(people[:3])}/{people[asked]}", slots=slots, target=target))
    return list({case.pair: case for case in cases}.values())


def _sentence(case: Case, value: str) -> str:
    target = case.target
    if target["kind"] == "colour":
        return f"The {target['thing']} of {target['name']} is {value}."
    return f"{target['name']} went to {value}."


def _good(_world: World, case: Case, rng: random.Random) -> str:
    right = case.target["right"]
    if right is None:
        return rng.choice(("Not sure.", "Not sure.", "Not sure. The text does not say."))
    return rng.choice((_sentence(case, right), f"{right[0].upper()}{right[1:]}."))


def _poor(_world: World, case: Case, rng: random.Random) -> str:
    right, told = case.target["right"], case.target["told"]
    wrong = rng.choice([value for value in told if value != right])
    free = rng.choice([value for value in _KINDS[case.target["kind"]] if value not in told])
    forms = [_sentence(case, wrong), _sentence(case, free), f"{wrong[0].upper()}{wrong[1:]}.", case.slots["text"]]
    forms += ["Not sure.", "Not sure."] if right is not None else [f"Not sure, maybe {wrong}."]
    return rng.choice((*forms, "Read the text."))


def _grade(_world: World, case: Case, answer: str) -> Grade:
    right, options = case.target["right"], _KINDS[case.target["kind"]]
    named = [option for option in options if re.search(rf"\b{re.escape(plain(option))}\b", plain(answer))]
    unsure = says_not_sure(answer)
    if right is None:
        if unsure and not named:
            return Grade(1.0, ("admits that the text is silent",))
        return Grade(0.3 if unsure else 0.0, ("guesses what the text does not tell",))
    if unsure:
        return Grade(0.3 if right in named and len(named) == 1 else 0.0, ("is not sure of what the text tells",))
    return names_only(answer, right, options)


TASKS: tuple[Task, ...] = (
    Task(
        name="not-sure",
        kind="not-sure",
        tier="extended",
        wordings=(
            "{text} {question} If the text does not tell, say Not sure.",
            'Read: {text} {question} Say "Not sure" if it is not there.',
            "Text: {text} Question: {question} Answer Not sure if the text is silent.",
            "Say Not sure where the facts are silent. {text} {question}",
            "Facts: {text} {question} No fact, then say Not sure.",
            "{text} From this text only, or Not sure: {question}",
            "Use only these facts, else say Not sure. {text} {question}",
            "{text} Answer from the text or say Not sure. {question}",
        ),
        heldout_wordings=(
            "Here are the facts. {text} {question} Without a fact the answer is Not sure.",
            "{question} Look here: {text} If it is not told, answer Not sure.",
        ),
        cases=_cases,
        good_answer=_good,
        poor_answer=_poor,
        grade=_grade,
    ),
)  # fmt: skip
