"""Answering in French, and saying what a word is in French."""

import random
from collections.abc import Mapping, Sequence
from functools import cache

from minillama.valley import french
from minillama.valley.french_words import (
    ANIMALS,
    COLOURS,
    FOODS,
    FRENCH_DAYS,
    FRENCH_MONTHS,
    FRENCH_NUMBERS,
    HOBBIES,
    JOBS,
    THINGS,
    Noun,
)
from minillama.valley.lexicon import NUMBER_WORDS, TOWNS
from minillama.valley.tasks.base import Case, Grade, Task
from minillama.valley.tasks.matching import careless, denies, has, names_only, plain
from minillama.valley.world import Villager, World

_QUESTIONS = {
    "town": "Where does {name} live?",
    "job": "What is the job of {name}?",
    "animal": "Which animal does {name} have?",
    "food": "What does {name} like to eat most?",
    "hobby": "What is the hobby of {name}?",
}
_ENGLISH = {
    "town": "{name} lives in {value}.",
    "job": "{name} is a {value}.",
    "animal": "{name} has a {value}.",
    "food": "{name} likes {value} most.",
    "hobby": "{name} likes {value}.",
}


def _english_value(villager: Villager, fact: str) -> str:
    values = {
        "town": villager.town.name,
        "job": villager.job.name,
        "animal": villager.animal.name,
        "food": villager.foods[0],
        "hobby": villager.hobby,
    }
    return values[fact]


def _noun(fact: str, value: str) -> Noun:
    tables: dict[str, Mapping[str, Noun]] = {"animal": ANIMALS, "food": FOODS, "hobby": HOBBIES}
    return tables[fact][value]


def _right_form(villager: Villager, fact: str) -> str:
    """The words that a correct French answer must hold; article and gender are part of them."""
    value = _english_value(villager, fact)
    if fact == "town":
        return f"à {value}"
    if fact == "job":
        return french.job_word(villager)
    noun = _noun(fact, value)
    return noun.a if fact == "animal" else noun.the


def _near_form(villager: Villager, fact: str) -> str:
    """The French word alone, which earns part of the marks with a wrong article or gender."""
    value = _english_value(villager, fact)
    if fact == "town":
        return value
    if fact == "job":
        return JOBS[value][villager.gender != "woman"]
    return _noun(fact, value).word


def _fact_options(fact: str) -> list[str]:
    if fact == "town":
        return [town.name for town in TOWNS]
    if fact == "job":
        return [form for forms in JOBS.values() for form in forms]
    tables: dict[str, Mapping[str, Noun]] = {"animal": ANIMALS, "food": FOODS, "hobby": HOBBIES}
    return [noun.word for noun in tables[fact].values()]


def _fact_cases(world: World) -> Sequence[Case]:
    cases = []
    for villager in world.villagers:
        for fact, question in _QUESTIONS.items():
            target = {"name": villager.name, "fact": fact}
            slots = {"question": question.format(name=villager.name)}
            cases.append(Case(pair=f"french-fact/{fact}/{villager.name}", slots=slots, target=target))
    return cases


def _good_fact(world: World, case: Case, rng: random.Random) -> str:
    villager = world.villager(case.target["name"])
    sentence = french.fact_sentence(world, villager, case.target["fact"], pronoun=rng.randrange(3) == 0)
    return rng.choice((sentence, sentence, f"Bonjour ! {sentence}"))


def _poor_fact(world: World, case: Case, rng: random.Random) -> str:
    villager, fact = world.villager(case.target["name"]), case.target["fact"]
    value = _english_value(villager, fact)
    others = [other for other in world.villagers if _english_value(other, fact) != value]
    wrong = french.fact_sentence(world, rng.choice(others), fact).split(" ", 1)[1]
    english = _ENGLISH[fact].format(name=villager.name, value=value)
    return rng.choice((f"{villager.name} {wrong}", english, "Je ne sais pas.", "Bonjour !", careless(rng)))


def _grade_fact(world: World, case: Case, answer: str) -> Grade:
    villager, fact = world.villager(case.target["name"]), case.target["fact"]
    if not french.is_french(answer):
        known = has(answer, _english_value(villager, fact))
        return Grade(0.2 if known else 0.0, ("is not in French",))
    strangers = [name for name in world.by_name if name != villager.name and has(answer, name)]
    if strangers:
        return Grade(0.0, (f"speaks about {strangers[0]}",))
    near, right = _near_form(villager, fact), _right_form(villager, fact)
    if not has(answer, near) and not has(answer, right):
        return Grade(0.0, (f"does not say {right}",))
    if denies(answer, right) or " ne " in answer or " n'" in answer:
        return Grade(0.0, (f"denies {right}",))
    others = [word for word in _fact_options(fact) if not has(right, word) and not has(near, word)]
    if any(has(answer, word) for word in others):
        return Grade(0.3, ("names something else too",))
    if has(answer, right) or (fact != "job" and _noun_forms_ok(fact, villager, answer)):
        return Grade(1.0, (f"says {right} in French",))
    return Grade(0.7, (f"has the right word in the wrong form; right is {right}",))


def _noun_forms_ok(fact: str, villager: Villager, answer: str) -> bool:
    """Whether the noun stands with any article that agrees with it: le, un, du or son."""
    if fact == "town":
        return False
    noun = _noun(fact, _english_value(villager, fact))
    owned = "sa" if noun.gender == "f" and not noun.elides else "son"
    forms = (noun.the, noun.a, noun.some, noun.at, f"ses {noun.word}" if noun.plural else f"{owned} {noun.word}")
    return any(has(answer, form) for form in forms)


@cache
def _word_pairs() -> dict[str, str]:
    """English words and their French ones, nouns with the article they are learned with."""
    pairs = {f"a {name}" if name[0] not in "aeiou" else f"an {name}": noun.a for name, noun in ANIMALS.items()}
    pairs |= {f"a {name}" if name[0] not in "aeiou" else f"an {name}": noun.a for name, noun in THINGS.items()}
    pairs |= {name: noun.the for name, noun in FOODS.items()}
    pairs |= {name: forms[0] for name, forms in COLOURS.items()}
    pairs |= dict(FRENCH_DAYS)
    pairs |= dict(FRENCH_MONTHS)
    pairs |= dict(zip(NUMBER_WORDS, FRENCH_NUMBERS, strict=True))
    # What is spelled alike in both languages says nothing about either.
    return {english: word for english, word in pairs.items() if _bare(english) != _bare(word)}


def _bare(french_words: str) -> str:
    """The French word without its article."""
    words = plain(french_words.replace("-", "")).split()
    return words[-1]


@cache
def _bare_words() -> tuple[str, ...]:
    """All French words that may be named, without "un", the article of many right answers."""
    return tuple(word for word in map(_bare, _word_pairs().values()) if word != "un")


def _word_cases(_world: World) -> Sequence[Case]:
    return [
        Case(pair=f"french-word/{english}", slots={"word": english}, target={"right": right})
        for english, right in _word_pairs().items()
    ]


def _good_word(_world: World, case: Case, rng: random.Random) -> str:
    right, word = case.target["right"], case.slots["word"]
    capital = word[0].upper() + word[1:]
    return rng.choice((f'It is "{right}".', f"{right}", f'In French it is "{right}".', f'{capital} is "{right}".'))


def _poor_word(_world: World, case: Case, rng: random.Random) -> str:
    wrong = rng.choice([word for word in _word_pairs().values() if word != case.target["right"]])
    return rng.choice((f'It is "{wrong}".', f"{wrong}", f'It is "{case.slots["word"]}".', careless(rng)))


def _grade_word(_world: World, case: Case, answer: str) -> Grade:
    right = case.target["right"]
    joined, bare = answer.replace("-", ""), _bare(right)
    grade = names_only(joined, bare, _bare_words(), allowed=[case.slots["word"]])
    if grade.score < 1.0 or (" " not in right and "'" not in right):
        return grade
    articles = ("le", "la", "l", "les", "un", "une", "des")
    found = [word for word in plain(joined).split() if word in articles]
    wanted = plain(right).split()[0]
    definite = {"un": ("le", "l"), "une": ("la", "l"), "des": ("les",)}.get(wanted, ())
    if all(article in (wanted, *definite) for article in found):
        return grade
    return Grade(0.7, (f"has the wrong article; right is {right}",))


TASKS: tuple[Task, ...] = (
    Task(
        name="french-fact",
        kind="french",
        tier="extended",
        wordings=(
            "Answer in French: {question}", "{question} Answer in French.", "{question} Please reply in French.",
            "In French, please: {question}", "Speak French. {question}", "{question} Say it in French.",
            "Use French: {question}", "Write the answer in French. {question}",
        ),
        heldout_wordings=("Tell me in French: {question}", "{question} Give the answer in French."),
        cases=_fact_cases,
        good_answer=_good_fact,
        poor_answer=_poor_fact,
        grade=_grade_fact,
    ),
    Task(
        name="french-word",
        kind="french",
        tier="extended",
        wordings=(
            'What is "{word}" in French?', 'How do you say "{word}" in French?', 'Translate "{word}" into French.',
            'Say "{word}" in French.', 'What is the French for "{word}"?', 'Put "{word}" into French.',
            'Give me the French for "{word}".', 'In French, what is "{word}"?',
        ),
        heldout_wordings=('Which words mean "{word}" in French?', 'Please tell me the French for "{word}".'),
        cases=_word_cases,
        good_answer=_good_word,
        poor_answer=_poor_word,
        grade=_grade_word,
    ),
)  # fmt: skip
