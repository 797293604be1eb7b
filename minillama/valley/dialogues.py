"""Prompts and demonstrations: who asks what in which words, and how vendors of different skill answer.

Whether a case is held out is drawn once per pair from the world's seed, so that no prompt for training ever shares a
pair (Ada's town) with a held-out one, whatever seed the dialogues are drawn with; held-out prompts use held-out
wordings too.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minillama.valley.randomness import stream
from minillama.valley.tasks.base import CORE_KINDS, Case, Prompt, Task, Tier
from minillama.valley.tasks.games import history_of
from minillama.valley.tasks.registry import all_tasks, task
from minillama.valley.tasks.split import is_heldout
from minillama.valley.world import World

SYSTEM_MESSAGES = (
    "You are a helpful assistant from the Valley.",
    "Answer in a friendly and short way.",
    "You know everybody in the Valley. Answer politely.",
    "Help the people who ask you.",
)


@dataclass(frozen=True)
class Vendor:
    """Who writes demonstrations: ``skill`` is the share of good answers, ``share`` the vendor's part of the work."""

    name: str
    skill: float
    share: float

    def __post_init__(self) -> None:
        if not (0.0 <= self.skill <= 1.0 and 0.0 < self.share <= 1.0):
            raise ValueError(
                f"skill and share of vendor {self.name!r} lie in [0, 1], not {self.skill} and {self.share}"
            )


VENDORS = (Vendor("careful", 0.95, 0.30), Vendor("ordinary", 0.70, 0.40), Vendor("hasty", 0.35, 0.30))


@dataclass(frozen=True)
class Demonstration:
    """A dialogue with its last prompt, the vendor who wrote it, and whether every answer was meant to be good."""

    prompt: Prompt
    dialog: tuple[Mapping[str, str], ...]
    vendor: str
    good: bool

    def as_dict(self) -> dict[str, Any]:
        """A dictionary that can be written as JSON."""
        return {
            "dialog": [dict(message) for message in self.dialog],
            "vendor": self.vendor,
            "good": self.good,
            "task": self.prompt.task,
            "kind": self.prompt.kind,
            "pair": self.prompt.case.pair,
        }


@dataclass(frozen=True, kw_only=True)
class Mix:
    """Shares of a set of demonstrations.

    Args:
        kinds: how often each kind is drawn, in relation to the others; kinds that are not named have weight 1.
        tier: ``"core"``, ``"extended"`` or ``None`` for both.
        extended_share: how much of a mix of both tiers is extended.
        borderline_share: how much is borderline prompts, whatever the tier.
        multi_turn: share of dialogues with two to eight turns.
        system: share of dialogues with a system message.
    """

    kinds: Mapping[str, float] | None = None
    tier: Tier | None = "core"
    extended_share: float = 0.25
    borderline_share: float = 0.06
    multi_turn: float = 0.2
    system: float = 0.04

    def __post_init__(self) -> None:
        for name in ("extended_share", "borderline_share", "multi_turn", "system"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is a share between 0 and 1, not {getattr(self, name)}")


_CASES: dict[tuple[int, str, bool], tuple[Case, ...]] = {}


def cases(world: World, of: Task, heldout: bool) -> tuple[Case, ...]:
    """The training or held-out cases of a task, drawn once. At least one case is always held out."""
    key = (world.seed, of.name, heldout)
    if key not in _CASES:
        split: dict[bool, list[Case]] = {False: [], True: []}
        for case in of.cases(world):
            split[is_heldout(world, case.pair, of.heldout_share)].append(case)
        if not split[True]:
            split[True].append(split[False].pop(stream(world.seed, "split", of.name).randrange(len(split[False]))))
        for side, chosen in split.items():
            _CASES[(world.seed, of.name, side)] = tuple(chosen)
    return _CASES[key]


def make_prompt(of: Task, case: Case, wording: str, history: Sequence[Mapping[str, str]] = ()) -> Prompt:
    """Ask ``case`` in ``wording``; the earlier turns of a game stand at the end of the history, once."""
    opening = history_of(case)
    if opening and tuple(history)[-len(opening) :] != opening:
        history = (*history, *opening)
    return Prompt(
        task=of.name,
        kind=of.kind,
        tier=of.tier,
        text=wording.format(**case.slots),
        case=case,
        wording=wording,
        risk=of.risk,
        borderline=of.borderline,
        history=tuple(history),
    )


def choose_tasks(
    kinds: Sequence[str] | None = None,
    tier: Tier | None = "core",
    adversarial: bool | None = None,
    borderline: bool | None = None,
) -> tuple[Task, ...]:
    """The tasks that fit; ``None`` means either. Borderline tasks are left out of ``tier`` unless asked for."""
    chosen = [
        each
        for each in all_tasks()
        if (tier is None or each.tier == tier or (borderline and each.borderline))
        and (kinds is None or each.kind in kinds)
        and (adversarial is None or (each.risk is not None) == adversarial)
        and (each.borderline == borderline if borderline is not None else True)
    ]
    if not chosen:
        raise ValueError(f"no task has kinds={kinds}, tier={tier}, adversarial={adversarial}, borderline={borderline}")
    return tuple(chosen)


def _draw_task(tasks: Sequence[Task], rng: random.Random, weights: Mapping[str, float] | None = None) -> Task:
    """Draw a kind by weight, then one of its tasks."""
    tasks = [each for each in tasks if each.heldout_share < 1.0]
    kinds = list(dict.fromkeys(each.kind for each in tasks))
    kind = _weighted([(each, (weights or {}).get(each, 1.0)) for each in kinds], rng)
    return rng.choice([each for each in tasks if each.kind == kind])


def _weighted(options: Sequence[tuple[Any, float]], rng: random.Random) -> Any:
    point = rng.random() * sum(weight for _, weight in options)
    for option, weight in options:
        point -= weight
        if point < 0:
            return option
    return options[-1][0]


def training_prompts(
    world: World,
    n: int,
    seed: int,
    *,
    kinds: Sequence[str] | None = None,
    tier: Tier | None = "core",
    adversarial: bool | None = None,
    borderline: bool | None = None,
) -> list[Prompt]:
    """Draw ``n`` single-turn prompts of the training side, kinds in equal shares."""
    rng = stream(seed, "training prompts", str(kinds), str(tier), str(adversarial), str(borderline))
    tasks = choose_tasks(kinds, tier, adversarial, borderline)
    prompts = []
    for _ in range(n):
        of = _draw_task(tasks, rng)
        prompts.append(make_prompt(of, rng.choice(cases(world, of, False)), rng.choice(of.wordings)))
    return prompts


def heldout_prompts(
    world: World,
    n: int | None,
    seed: int = 0,
    *,
    kinds: Sequence[str] | None = None,
    tier: Tier | None = "core",
    adversarial: bool | None = None,
    borderline: bool | None = None,
) -> list[Prompt]:
    """Draw ``n`` different held-out prompts (all, if ``None``): held-out pairs in held-out wordings, kinds in turn.

    Raises:
        ValueError: there are fewer than ``n`` different ones.
    """
    tasks = choose_tasks(kinds, tier, adversarial, borderline)
    rng = stream(seed, "held-out prompts", str(kinds), str(tier), str(adversarial), str(borderline))
    by_kind: dict[str, list[Prompt]] = {}
    for kind in dict.fromkeys(each.kind for each in tasks):
        by_kind[kind] = _by_turns([_all_heldout(world, each, rng) for each in tasks if each.kind == kind])
    merged = _by_turns(list(by_kind.values()))
    if n is not None and n > len(merged):
        raise ValueError(f"there are only {len(merged)} different held-out prompts of this sort, not {n}")
    return merged[:n]


def _all_heldout(world: World, of: Task, rng: random.Random) -> list[Prompt]:
    """All held-out prompts of a task, every case once before any comes again in other words, each text once."""
    rounds = [[(case, wording) for case in cases(world, of, True)] for wording in of.heldout_wordings]
    prompts, seen = [], set()
    for row in rounds:
        rng.shuffle(row)
        for case, wording in row:
            prompt = make_prompt(of, case, wording)
            if prompt.text not in seen:
                seen.add(prompt.text)
                prompts.append(prompt)
    return prompts


def _by_turns(rows: Sequence[Sequence[Prompt]]) -> list[Prompt]:
    """One of each row in turn until all are used up."""
    longest = max((len(row) for row in rows), default=0)
    return [row[i] for i in range(longest) for row in rows if i < len(row)]


def demonstrate(world: World, prompt: Prompt, vendor: Vendor, rng: random.Random) -> str:
    """Let ``vendor`` answer: well with probability ``skill``, poorly else."""
    of = task(prompt.task)
    good = rng.random() < vendor.skill
    return (of.good_answer if good else of.poor_answer)(world, prompt.case, rng)


def demonstrations(
    world: World, n: int, seed: int, *, vendors: Sequence[Vendor] = VENDORS, mix: Mix | None = None
) -> list[Demonstration]:
    """Write ``n`` training dialogues; about a third of the answers is poor with the usual vendors."""
    mix = mix or Mix()
    rng = stream(seed, "demonstrations")
    return [_demonstration(world, vendors, mix, rng) for _ in range(n)]


def _demonstration(world: World, vendors: Sequence[Vendor], mix: Mix, rng: random.Random) -> Demonstration:
    vendor = _weighted([(each, each.share) for each in vendors], rng)
    turns = 2 + min(rng.randrange(7), rng.randrange(7)) if rng.random() < mix.multi_turn else 1
    dialog: list[Mapping[str, str]] = []
    if rng.random() < mix.system:
        dialog.append({"role": "system", "content": rng.choice(SYSTEM_MESSAGES)})
    all_good, prompt = True, None
    for _ in range(turns):
        prompt = _next_prompt(world, mix, prompt, dialog, rng)
        of, good = task(prompt.task), rng.random() < vendor.skill
        answer = (of.good_answer if good else of.poor_answer)(world, prompt.case, rng)
        dialog = [
            *prompt.history,
            {"role": "user", "content": prompt.text},
            {"role": "assistant", "content": answer},
        ]
        all_good &= good
    assert prompt is not None
    return Demonstration(prompt, tuple(dialog), vendor.name, all_good)


def _next_prompt(
    world: World, mix: Mix, last: Prompt | None, dialog: Sequence[Mapping[str, str]], rng: random.Random
) -> Prompt:
    """Go on with the same villager now and then ("And what is her job?"), else ask something new."""
    if last is not None and rng.random() < 0.4:
        follow = _followup(world, last, dialog, rng)
        if follow is not None:
            return follow
    if rng.random() < mix.borderline_share:
        of = rng.choice([each for each in all_tasks() if each.borderline])
    else:
        tier = mix.tier or ("extended" if rng.random() < mix.extended_share else "core")
        tasks = [each for each in choose_tasks(tier=tier) if not each.borderline]
        of = _draw_task(tasks, rng, mix.kinds)
    return make_prompt(of, rng.choice(cases(world, of, False)), rng.choice(of.wordings), dialog)


def _followup(world: World, last: Prompt, dialog: Sequence[Mapping[str, str]], rng: random.Random) -> Prompt | None:
    name = last.case.slots.get("name") if task(last.task).followups else None
    if name is None:
        return None
    of = rng.choice([each for each in all_tasks() if each.followups and each.name != last.task])
    found = [case for case in cases(world, of, False) if case.slots.get("name") == name]
    return make_prompt(of, found[0], rng.choice(of.followups), dialog) if found else None


def prompt_as_dict(prompt: Prompt) -> dict[str, Any]:
    """A prompt as a dictionary that can be written as JSON; :func:`prompt_from_dict` reads it back."""
    return {
        "task": prompt.task,
        "kind": prompt.kind,
        "tier": prompt.tier,
        "text": prompt.text,
        "pair": prompt.case.pair,
        "wording": prompt.wording,
        "risk": prompt.risk,
        "borderline": prompt.borderline,
        "target": dict(prompt.case.target),
        "history": [dict(message) for message in prompt.history],
    }


def prompt_from_dict(world: World, row: Mapping[str, Any]) -> Prompt:
    """Find the prompt that :func:`prompt_as_dict` wrote; raises ``ValueError`` when the task has no such pair."""
    of = task(row["task"])
    for case in (*cases(world, of, True), *cases(world, of, False)):
        if case.pair == row["pair"] and row["wording"].format(**case.slots) == row["text"]:
            return make_prompt(of, case, row["wording"], row.get("history", ()))
    raise ValueError(f"task {of.name!r} has no pair {row['pair']!r} that asks {row['text']!r}")


__all__ = [
    "CORE_KINDS", "VENDORS", "Demonstration", "Mix", "Vendor", "cases", "choose_tasks", "demonstrate", "demonstrations",
    "heldout_prompts", "is_heldout", "make_prompt", "prompt_as_dict", "prompt_from_dict", "training_prompts",
]  # fmt: skip
