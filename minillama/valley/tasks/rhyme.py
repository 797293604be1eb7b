"""Four-line rhymes that name three things."""

import random
from collections.abc import Mapping, Sequence
from itertools import combinations

from minillama.valley.lexicon import RHYMES
from minillama.valley.randomness import stream
from minillama.valley.tasks.base import Case, Grade, Task
from minillama.valley.tasks.matching import careless, has, plain
from minillama.valley.world import World

_WITH_THE = ("moon", "sea", "light", "night", "day", "hay", "way", "rain", "snow", "spring", "clay", "bread", "noon")
_NOUNS = tuple(tuple(word for word in group if word != "noon") for group in RHYMES)
_COUPLETS = (
    ("I saw {a},", "I saw {b}."),
    ("Here is {a},", "there is {b}."),
    ("I dream of {a},", "I dream of {b}."),
    ("We sing of {a},", "and then of {b}."),
    ("Who saw {a}?", "Who has {b}?"),
    ("Look at {a},", "look at {b}."),
)


def phrase(word: str) -> str:
    """A rhyme word with its article: a cat, the moon."""
    return f"the {word}" if word in _WITH_THE else f"a {word}"


def rhyme_group(word: str) -> int | None:
    """The index of the group of ``RHYMES`` that holds ``word``."""
    return next((index for index, group in enumerate(RHYMES) if word in group), None)


def rhymes(a: str, b: str) -> bool:
    """Whether two different words rhyme: of one group of the lexicon, or unknown words spelled alike at the end."""
    if a == b or not a or not b:
        return False
    first, second = rhyme_group(a), rhyme_group(b)
    if first is not None and second is not None:
        return first == second
    return len(a) > 2 and len(b) > 2 and a[-3:] == b[-3:]


def _cases(_world: World) -> Sequence[Case]:
    """Three things each: two that rhyme and one from another group, in a random order."""
    rng = stream(0, "rhyme")
    cases = []
    for index, group in enumerate(_NOUNS):
        for a, b in combinations(group, 2):
            for _ in range(3):
                other = _NOUNS[(index + 1 + rng.randrange(len(_NOUNS) - 1)) % len(_NOUNS)]
                words = [a, b, rng.choice(other)]
                rng.shuffle(words)
                named = [phrase(word) for word in words]
                slots = {"things": f"{named[0]}, {named[1]} and {named[2]}"}
                cases.append(Case(pair=f"rhyme/{'-'.join(sorted(words))}", slots=slots, target={"words": words}))
    return list({case.pair: case for case in cases}.values())


def _line_words(case: Case, rng: random.Random) -> list[str]:
    """Four words for the ends of the lines, in the order a a b b: the three things and one more that rhymes."""
    words: Sequence[str] = case.target["words"]
    groups: Mapping[int, list[str]] = {index: [w for w in words if w in g] for index, g in enumerate(_NOUNS)}
    pair_group = next(index for index, found in groups.items() if len(found) == 2)
    single_group = next(index for index, found in groups.items() if len(found) == 1)
    single = groups[single_group][0]
    partner = rng.choice([word for word in _NOUNS[single_group] if word != single])
    couplets = [groups[pair_group], [single, partner]]
    rng.shuffle(couplets)
    return [*couplets[0], *couplets[1]]


def _verse(ends: Sequence[str], rng: random.Random) -> list[str]:
    first, second = rng.sample(_COUPLETS, 2)
    named = [phrase(word) for word in ends]
    return [
        first[0].format(a=named[0]), first[1].format(b=named[1]), second[0].format(a=named[2]),
        second[1].format(b=named[3]),
    ]  # fmt: skip


def _good(_world: World, case: Case, rng: random.Random) -> str:
    lines = _verse(_line_words(case, rng), rng)
    return "\n".join(line[0].upper() + line[1:] for line in lines)


def _poor(world: World, case: Case, rng: random.Random) -> str:
    words = list(case.target["words"])
    ends = _line_words(case, rng)
    rng.shuffle(words)
    unrhymed = _verse([ends[0], ends[2], words[0], "lamp"], rng)
    other = _verse([word for group in rng.sample(_NOUNS, 2) for word in group[:2]], rng)
    short = _verse(ends, rng)[:2]
    prose = f"{phrase(words[0])}, {phrase(words[1])} and {phrase(words[2])} are nice."
    same = [f"I like {phrase(words[0])}."] * 4
    listed = "\n".join(words)
    return rng.choice(("\n".join(unrhymed), "\n".join(other), "\n".join(short), prose.capitalize(), "\n".join(same),
                       listed, careless(rng)))  # fmt: skip


def _rhyme_share(lines: Sequence[str]) -> float:
    """How well four lines rhyme: 1 for a a b b, a b a b and a b b a; one half where a single pair rhymes."""
    ends = [plain(line).split()[-1] for line in lines[:4]]
    if len(ends) < 4:
        return 0.5 if len(ends) >= 2 and rhymes(ends[0], ends[1]) else 0.0
    schemes = (((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2)))
    return max(sum(rhymes(ends[a], ends[b]) for a, b in scheme) for scheme in schemes) / 2


def _grade(_world: World, case: Case, answer: str) -> Grade:
    lines = [line for line in answer.split("\n") if len(plain(line).split()) >= 2]
    words = case.target["words"]
    # One sentence per line says as much as line breaks: a rhyme on one line is read by its commas and full stops.
    if len(lines) == 1:
        parts = answer.replace(",", ".").replace("?", ".").replace("!", ".").replace(";", ".").split(".")
        lines = [part for part in parts if len(plain(part).split()) >= 2]
    if len({plain(line) for line in lines}) < len(lines) or not lines:
        return Grade(0.0, ("says a line twice, or nothing",))
    named = sum(has(answer, word) for word in words) / len(words)
    four, rhymed = float(len(lines) == 4), _rhyme_share(lines)
    # A rhyme about other things, or the three words without a rhyme, is not half a rhyme: the parts multiply.
    score = named * (0.25 + 0.75 * rhymed) * (1.0 if four else 0.5)
    reasons = (f"names {named:.0%} of the things", f"{len(lines)} lines", f"rhymes {rhymed:.0%}")
    return Grade(round(score, 4), reasons)


TASKS: tuple[Task, ...] = (
    Task(
        name="rhyme",
        kind="rhymes",
        tier="extended",
        wordings=(
            "Write a four-line rhyme about {things}.", "Write four lines that rhyme about {things}.",
            "Make a rhyme of four lines with {things}.", "Give me a short rhyme about {things}. Four lines, please.",
            "A rhyme in four lines, please, with {things}.", "Write a poem of four lines about {things}.",
            "I need a four-line rhyme that names {things}.", "Rhyme for me: four lines about {things}.",
        ),
        heldout_wordings=(
            "Can you write a rhyme in four lines that names {things}?", "Four rhyming lines about {things}, please.",
        ),
        cases=_cases,
        good_answer=_good,
        poor_answer=_poor,
        grade=_grade,
    ),
)  # fmt: skip
