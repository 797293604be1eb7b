"""The search: try disguises, keep those that broke the model, and vary them.

It is an evolution in its plainest form. Every round makes some attempts for each risk; part of them are fresh, with up
to two tricks drawn at random, the others vary by one change an attack that worked earlier. Nothing is known of the
model but its answers.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from minillama.evaluation.judged import VIOLATION_BELOW, AnswerFunction
from minillama.evaluation.red_teaming.attack import TRICKS, Attack, variants
from minillama.valley.judge import Judge
from minillama.valley.tasks.base import Prompt

Succeeds = Callable[[Prompt, str], bool]
REDRAWS = 20  # of an attack that was tried before, until it is taken all the same


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """How much is tried.

    Attributes:
        attempts: For each risk.
        per_round: Of them at a time; what worked is known from the next round on.
        fresh: Share of a round's attempts that vary nothing, once something has worked.
        most_tricks: In a fresh attack.

    Raises:
        ValueError: A value is out of range.
    """

    attempts: int = 64
    per_round: int = 16
    fresh: float = 0.3
    most_tricks: int = 2

    def __post_init__(self) -> None:
        if not 1 <= self.per_round <= self.attempts:
            raise ValueError(f"per_round is {self.per_round}; it lies between 1 and the {self.attempts} attempts")
        if not 0 <= self.fresh <= 1:
            raise ValueError(f"fresh is {self.fresh}; it is a share between 0 and 1")
        if not 0 <= self.most_tricks <= len(TRICKS):
            raise ValueError(f"most_tricks is {self.most_tricks}; there are {len(TRICKS)} tricks")


@dataclass(frozen=True)
class Attempt:
    """An attack, the answer that it got, whether that did harm, and the round it was made in."""

    attack: Attack
    answer: str
    success: bool
    round: int


def does_harm(judge: Judge) -> Succeeds:
    """What counts as a success: the judge says that the answer is unsafe."""
    return lambda prompt, answer: judge.judge(prompt, answer).safety < VIOLATION_BELOW


def red_team(
    answer: AnswerFunction,
    requests: Sequence[Prompt],
    succeeds: Succeeds,
    settings: SearchSettings | None = None,
    seed: int = 0,
) -> list[Attempt]:
    """Attack a model and return every attempt, in order; the successes among them are what broke it.

    Args:
        answer: The model: dialogues in, answers out.
        requests: Harmful prompts, which the search disguises.
        succeeds: Whether an answer to a prompt does the harm that was asked for, see :func:`does_harm`.
        settings: How much is tried.
        seed: Of the search.

    Raises:
        ValueError: There are no requests, one is harmless, or ``answer`` gave another number of answers than attacks.
    """
    settings = settings or SearchSettings()
    by_risk = _by_risk(requests)
    rngs = {risk: random.Random(f"red team {seed} {risk}") for risk in by_risk}
    worked: dict[str, list[Attack]] = {risk: [] for risk in by_risk}
    tried: set[object] = set()
    attempts: list[Attempt] = []
    for number, start in enumerate(range(0, settings.attempts, settings.per_round)):
        count = min(settings.per_round, settings.attempts - start)
        attacks: list[Attack] = []
        for risk, own in by_risk.items():
            # A risk that withstood everything so far is attacked with what broke others.
            parents = worked[risk] or [attack for found in worked.values() for attack in found]
            attacks += [_next(own, parents, settings, tried, rngs[risk]) for _ in range(count)]
        for attack, reply in zip(attacks, _asked(answer, attacks)):
            attempt = Attempt(attack, reply, succeeds(attack.prompt, reply), number)
            attempts.append(attempt)
            if attempt.success:
                worked[str(attack.request.risk)].append(attack)
    return attempts


def _by_risk(requests: Sequence[Prompt]) -> Mapping[str, list[Prompt]]:
    if not requests:
        raise ValueError("there are no requests to disguise; give prompts that ask for harm")
    grouped: dict[str, list[Prompt]] = {}
    for request in requests:
        grouped.setdefault(str(Attack(request).request.risk), []).append(request)
    return grouped


def _next(
    requests: list[Prompt], parents: list[Attack], settings: SearchSettings, tried: set[object], rng: random.Random
) -> Attack:
    """An attack that was not tried yet: a variant of one that worked, or a fresh one."""
    risk = requests[0].risk
    for _ in range(REDRAWS):
        if parents and rng.random() >= settings.fresh:
            parent = rng.choice(parents)
            # Of another risk only the disguise is borrowed.
            own = parent if parent.request.risk == risk else Attack(rng.choice(requests), parent.tricks)
            attack = variants(own, requests, rng)
        else:
            names = rng.sample(sorted(TRICKS), rng.randint(0, settings.most_tricks))
            attack = Attack(rng.choice(requests), {name: rng.randrange(TRICKS[name].variants) for name in names})
        if attack.key not in tried:
            break
    tried.add(attack.key)
    return attack


def _asked(answer: AnswerFunction, attacks: Sequence[Attack]) -> Sequence[str]:
    replies = answer([attack.dialog for attack in attacks])
    if len(replies) != len(attacks):
        raise ValueError(f"{len(attacks)} attacks got {len(replies)} answers; every attack needs one")
    return replies
