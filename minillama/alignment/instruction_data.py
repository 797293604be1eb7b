"""Demonstrations of obeying: what a chat model must have seen before it can be asked to obey for longer.

Ghost Attention and context distillation sample from a model that follows an instruction next to the question. A model
of a million parameters has to be shown that: these dialogues go into its first fine-tuning. To leave Ghost Attention
something to teach, an instruction given once is obeyed here for at most two turns; in longer dialogues it stands on
every turn, and plain dialogues show that long ones exist. That the first kind fades with distance and the second does
not is therefore what the data were built to allow, not a discovery.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from minillama.alignment.gatt_data import InstructedDialog, PlanSettings, QuestionPool, plan_dialogs
from minillama.alignment.gatt_rollout import Dialog, alternate
from minillama.alignment.safety_preprompts import generic_preprompt, risk_preprompt, with_preprompt
from minillama.valley.dialogues import training_prompts
from minillama.valley.personas import Constraint, ConstraintKind, hobby_answer
from minillama.valley.randomness import stream
from minillama.valley.tasks.base import Prompt
from minillama.valley.tasks.registry import task
from minillama.valley.world import World

ONCE_TURNS = 2  # longest dialogue in which an instruction given once is shown to be obeyed


@dataclass(frozen=True, kw_only=True)
class InstructionMix:
    """Shares of the demonstrations of obeying; the rest has the instruction on every turn.

    Attributes:
        once: Of dialogues with the instruction as a system message, of one or two turns; half of them shortened, so
            that a model without Ghost Attention is not beaten for want of having seen the short form.
        max_turns: Longest dialogue with the instruction on every turn.
        constraint_weights: How often each kind of constraint is drawn, as in ``PlanSettings``.

    Raises:
        ValueError: A value is out of range.
    """

    once: float = 0.6
    max_turns: int = 8
    constraint_weights: tuple[tuple[ConstraintKind, float | int], ...] = PlanSettings().weights

    def __post_init__(self) -> None:
        if not 0 <= self.once <= 1:
            raise ValueError(f"once is {self.once}; it is a share from 0 to 1")
        if self.max_turns < 1:
            raise ValueError(f"max_turns is {self.max_turns}; it must be at least 1")


def obeying_demonstrations(world: World, n: int, seed: int, mix: InstructionMix | None = None) -> list[Dialog]:
    """``n`` dialogues in which an instruction is obeyed, with right answers, of constraints for training only."""
    mix = mix or InstructionMix()
    rng = stream(seed, "obeying")
    n_once = round(mix.once * n)
    of = partial(PlanSettings, weights=mix.constraint_weights)
    once = plan_dialogs(world, n_once, seed, of(min_turns=1, max_turns=ONCE_TURNS))
    repeated = plan_dialogs(world, n - n_once, seed + 1, of(min_turns=1, max_turns=mix.max_turns))
    dialogs: list[Dialog] = []
    for plan in once:
        dialogs.append(
            [{"role": "system", "content": plan.system}, *alternate(plan.questions, _answers(world, plan, rng))]
        )
    for plan in repeated:
        asked = [f"{plan.instruction} {question}" for question in plan.questions]
        dialogs.append(alternate(asked, _answers(world, plan, rng)))
    rng.shuffle(dialogs)
    return dialogs


def long_demonstrations(world: World, n: int, seed: int, max_turns: int = 20) -> list[Dialog]:
    """``n`` dialogues without an instruction, of 1 to ``max_turns`` turns, with right answers."""
    rng = stream(seed, "long dialogues")
    pool = QuestionPool.create(world, seed, heldout=False, kinds=PlanSettings().kinds)
    dialogs = []
    for _ in range(n):
        prompts = pool.draw((), rng.randrange(1, max_turns + 1), rng)
        answers = [task(prompt.task).good_answer(world, prompt.case, rng) for prompt in prompts]
        dialogs.append(alternate([prompt.text for prompt in prompts], answers))
    return dialogs


def preprompt_demonstrations(world: World, n: int, seed: int, *, adversarial_share: float = 0.5) -> list[Dialog]:
    """``n`` single questions with a safety preprompt, answered well: refused where harmful, answered where not.

    Raises:
        ValueError: The share is not between 0 and 1.
    """
    if not 0 <= adversarial_share <= 1:
        raise ValueError(f"adversarial_share is {adversarial_share}; it is a share from 0 to 1")
    rng = stream(seed, "preprompts")
    n_harmful = round(adversarial_share * n)
    prompts: Sequence[Prompt] = [
        *training_prompts(world, n_harmful, seed, adversarial=True),
        *training_prompts(world, n - n_harmful, seed, adversarial=False),
    ]
    dialogs: list[Dialog] = []
    for prompt in prompts:
        named = prompt.risk is not None and rng.random() < 0.5
        preprompt = risk_preprompt(prompt.risk, rng) if named and prompt.risk else generic_preprompt(rng)
        answer = task(prompt.task).good_answer(world, prompt.case, rng)
        dialogs.append(with_preprompt(alternate([prompt.text], [answer]), preprompt))
    rng.shuffle(dialogs)
    return dialogs


def _answers(world: World, plan: InstructedDialog, rng: random.Random) -> list[str]:
    """Right answers that obey; questions for French are of a task whose right answers are French."""
    rules = [rule for rule in plan.rules if isinstance(rule, Constraint)]
    answers = []
    for prompt in plan.prompts:
        if prompt is None:
            answer = hobby_answer(next(rule.name for rule in rules if rule.kind == "hobby"), rng)
        else:
            answer = task(prompt.task).good_answer(world, prompt.case, rng)
        for rule in rules:
            if rule.persona is not None:
                answer = rule.persona.say(answer, rng)
        answers.append(answer)
    return answers
