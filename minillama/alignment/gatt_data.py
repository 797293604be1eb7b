"""Dialogues under an instruction: who is to be played, which language is spoken, and what is asked turn by turn.

The paper combines hobbies, a language and public figures at random and shortens half of the instructions for training
("Figure: Napoleon"). Here personas and hobbies are combined. French with either is not: the Valley's test of French
counts a persona's English opening against it, and a hobby is named in English.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from minillama.valley.dialogues import cases, heldout_prompts, make_prompt, training_prompts
from minillama.valley.personas import HOBBY_QUESTIONS, Constraint, ConstraintKind, constraints
from minillama.valley.randomness import stream
from minillama.valley.tasks.base import Prompt
from minillama.valley.tasks.registry import task
from minillama.valley.world import World

POOL = 3000  # training questions to draw from
HOBBY_SHARE = 0.4  # of turns that ask about the hobby, where there is one


@runtime_checkable
class Rule(Protocol):
    """Anything whose obedience can be told, such as the Valley's ``Constraint``."""

    def obeyed_by(self, prompt: str, answer: str) -> bool | None:
        """Whether ``answer`` obeys; None where it cannot be told."""


@dataclass(frozen=True, kw_only=True)
class InstructedDialog:
    """What is asked under an instruction.

    Attributes:
        instruction: Its long form, said on every user turn when answers are sampled.
        system: The form for the system message of the first turn, in training and when obedience is measured.
        questions: One for each turn, without the instruction.
        rules: What the instruction is made of.
        prompts: The Valley's prompt behind each question, for its judge; None for a question about the hobby.
    """

    instruction: str
    system: str
    questions: tuple[str, ...]
    rules: tuple[Rule, ...]
    prompts: tuple[Prompt | None, ...] = ()

    def __post_init__(self) -> None:
        if not self.questions:
            raise ValueError("a dialogue without questions has no turn to answer; give at least one")

    def obeyed(self, question: str, answer: str) -> bool | None:
        """Whether an answer keeps every rule that can be told; None where none can."""
        found = [rule.obeyed_by(question, answer) for rule in self.rules]
        told = [each for each in found if each is not None]
        return all(told) if told else None


@dataclass(frozen=True, kw_only=True)
class PlanSettings:
    """Which dialogues are planned.

    Attributes:
        weights: How often each kind of constraint is drawn, in relation to the others.
        min_turns: Fewest questions.
        max_turns: Most questions (20 as in Table 30); lengths between are equally likely.
        short_share: Of instructions shortened for the system message (A.3.5: half of them).
        combine_share: Of personas that have a hobby, too. The paper combines at random, without a number.
        kinds: Of questions, where the language does not choose them. Texts to read are left out: with them 20 turns
            would not fit a context of 1,024 tokens.

    Raises:
        ValueError: A value is out of range.
    """

    weights: tuple[tuple[ConstraintKind, float | int], ...] = (("persona", 0.5), ("language", 0.25), ("hobby", 0.25))
    min_turns: int = 2
    max_turns: int = 20
    short_share: float = 0.5
    combine_share: float = 0.2
    kinds: tuple[str, ...] = ("facts", "sums", "lists", "descriptions")

    def __post_init__(self) -> None:
        if not 1 <= self.min_turns <= self.max_turns:
            raise ValueError(f"turns run from {self.min_turns} to {self.max_turns}; they must rise, from 1 on")
        for name in ("short_share", "combine_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it is a share from 0 to 1")
        if not self.weights or any(weight <= 0 for _, weight in self.weights):
            raise ValueError(f"weights are {self.weights}; give at least one kind of constraint, all above 0")

    @classmethod
    def paper(cls) -> "PlanSettings":
        """Half of the instructions shortened, up to 20 turns; kinds and combining are at random, here evenly."""
        return cls(weights=(("persona", 1), ("language", 1), ("hobby", 1)), combine_share=0.5)


@dataclass(frozen=True)
class QuestionPool:
    """Questions to draw from: ordinary ones, and those whose answers the Valley has in French."""

    plain: tuple[Prompt, ...]
    french: tuple[Prompt, ...]

    @classmethod
    def create(cls, world: World, seed: int, *, heldout: bool, kinds: Sequence[str]) -> "QuestionPool":
        """The training side's or the held-out questions, each once."""
        if heldout:
            plain = heldout_prompts(world, None, seed, kinds=kinds)
        else:
            plain = training_prompts(world, POOL, seed, kinds=kinds)
        of = task("french-fact")
        french = [make_prompt(of, case, "{question}") for case in cases(world, of, heldout)]
        return cls(tuple({each.text: each for each in plain}.values()), tuple(french))

    def draw(self, chosen: Sequence[Constraint], turns: int, rng: random.Random) -> list[Prompt]:
        """Different questions as long as there are enough, then some of them again."""
        pool = self.french if any(each.kind == "language" for each in chosen) else self.plain
        drawn: list[Prompt] = []
        while len(drawn) < turns:
            drawn += rng.sample(pool, min(len(pool), turns - len(drawn)))
        return drawn


def plan_dialogs(
    world: World, n: int, seed: int, settings: PlanSettings | None = None, *, heldout: bool = False
) -> list[InstructedDialog]:
    """Plan ``n`` dialogues for training data.

    Args:
        world: Whose facts are asked.
        n: How many.
        seed: Of all draws.
        settings: Lengths, kinds and shares.
        heldout: Take constraints and questions that training never sees.
    """
    settings = settings or PlanSettings()
    rng = stream(seed, "ghost attention", int(heldout))
    pool = QuestionPool.create(world, seed, heldout=heldout, kinds=settings.kinds)
    plans = []
    for _ in range(n):
        chosen = draw_constraints(settings, heldout, rng)
        turns = rng.randrange(settings.min_turns, settings.max_turns + 1)
        hobby_at = {turn for turn in range(turns) if rng.random() < HOBBY_SHARE} | {turns - 1}
        plans.append(_plan(pool, chosen, turns, hobby_at, settings.short_share, rng))
    return plans


def probe_dialogs(
    world: World,
    n: int,
    seed: int,
    *,
    turns: Sequence[int] = (1, 2, 4, 6, 10, 20),
    kinds: Sequence[ConstraintKind] = ("persona", "language"),
    heldout_constraints: bool = False,
    short_share: float = 0.5,
) -> list[InstructedDialog]:
    """Plan ``n`` dialogues to measure obedience with: held-out questions, constraints in turn, none combined.

    Where the constraint is a hobby, it is asked about at the ``turns`` that are measured.

    Raises:
        ValueError: No constraint of these kinds is kept from training (there is only one language).
    """
    rng = stream(seed, "obedience", int(heldout_constraints))
    pool = QuestionPool.create(world, seed, heldout=True, kinds=("facts", "sums", "lists"))
    found = [each for each in constraints(heldout=heldout_constraints) if each.kind in kinds]
    by_kind = [[each for each in found if each.kind == kind] for kind in kinds]
    if not all(by_kind):
        raise ValueError(f"there is no constraint of each of the kinds {kinds} with heldout={heldout_constraints}")
    probes = []
    for index in range(n):
        same = by_kind[index % len(by_kind)]
        chosen = [same[(index // len(by_kind)) % len(same)]]
        probes.append(_plan(pool, chosen, max(turns), {turn - 1 for turn in turns}, short_share, rng))
    return probes


def draw_constraints(settings: PlanSettings, heldout: bool, rng: random.Random) -> list[Constraint]:
    """One constraint, or now and then a persona with a hobby."""
    there = constraints(heldout=heldout)
    weights = [(kind, weight) for kind, weight in settings.weights if any(each.kind == kind for each in there)]
    point = rng.random() * sum(weight for _, weight in weights)
    chosen = weights[-1][0]
    for kind, weight in weights:
        point -= weight
        if point < 0:
            chosen = kind
            break
    first = rng.choice([each for each in there if each.kind == chosen])
    if chosen == "persona" and rng.random() < settings.combine_share:
        return [first, rng.choice([each for each in there if each.kind == "hobby"])]
    return [first]


def _plan(
    pool: QuestionPool,
    chosen: Sequence[Constraint],
    turns: int,
    hobby_at: set[int],
    short_share: float,
    rng: random.Random,
) -> InstructedDialog:
    prompts: list[Prompt | None] = list(pool.draw(chosen, turns, rng))
    questions = [prompt.text for prompt in prompts if prompt is not None]
    if any(each.kind == "hobby" for each in chosen):
        for turn in sorted(hobby_at):
            prompts[turn], questions[turn] = None, rng.choice(HOBBY_QUESTIONS)
    instruction = " ".join(each.instruction(rng) for each in chosen)
    short = rng.random() < short_share
    system = ". ".join(each.short for each in chosen) if short else instruction
    return InstructedDialog(
        instruction=instruction,
        system=system,
        questions=tuple(questions),
        rules=tuple(chosen),
        prompts=tuple(prompts),
    )
