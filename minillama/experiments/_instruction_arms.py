"""Shared by the claims about Ghost Attention: sampling under an instruction, training on it, and who still obeys.

Obedience is told by a program, the Valley's: a persona by the first words of an answer, French by its words. That a
fine-tuned model obeys an instruction given once for a turn or two, and forgets it later, is what its demonstrations
were built to allow (see :mod:`minillama.alignment.instruction_data`); what Ghost Attention does to that is measured.
"""

import random
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch

from minillama.alignment.dialog_sampler import DialogSampler
from minillama.alignment.gatt_data import InstructedDialog, PlanSettings, plan_dialogs, probe_dialogs
from minillama.alignment.gatt_evaluation import Obedience, obedience
from minillama.alignment.gatt_rollout import Fits, alternate, fits_context, roll_out
from minillama.alignment.ghost_attention import GattSettings, SampledDialog, SampleFunction, sample_dialogs
from minillama.alignment.sft import SFTSettings, train_sft
from minillama.chat import DialogTokens, encode_dialog
from minillama.experiments.claim import Row
from minillama.model import Transformer
from minillama.pipeline import Artifact
from minillama.pipeline.artifact import load_model
from minillama.pipeline.demonstrations import WORLD_SEED
from minillama.pipeline.stages.ghost_attention import REMINDED_FOLDER
from minillama.tokenizer import Tokenizer
from minillama.valley.personas import Constraint, ConstraintKind
from minillama.valley.world import World

PAPER_TURNS = (2, 4, 6, 20)
LONGEST_ANSWER = 64  # tokens
TRAIN = SFTSettings(epochs=1, peak_lr=5e-4, batch_size=1, seq_len=1024)
WEIGHTS: tuple[tuple[ConstraintKind, float | int], ...] = (("persona", 0.75), ("language", 0.25))
MODULES = (
    "minillama.experiments._instruction_arms",
    "minillama.alignment.dialog_sampler",
    "minillama.alignment.gatt_data",
    "minillama.alignment.gatt_evaluation",
    "minillama.alignment.gatt_rollout",
    "minillama.alignment.ghost_attention",
    "minillama.valley.personas",
    "minillama.valley.french",
)


def the_world() -> World:
    """The book's Valley."""
    return World.create(WORLD_SEED)


def answering(model: Transformer, tokenizer: Tokenizer) -> SampleFunction:
    """The model as a function of dialogues, temperature and seed."""
    return DialogSampler(model, tokenizer, LONGEST_ANSWER)


def reminded_model(gatt: Artifact) -> Transformer:
    """The model as the stage "gatt" had it before it sampled: shown again how to obey, without Ghost Attention."""
    return load_model(gatt.folder / REMINDED_FOLDER)


def fitting(model: Transformer, tokenizer: Tokenizer) -> Fits:
    """Ends dialogues that no longer fit the model's context."""
    return fits_context(tokenizer, model.args.max_seq_len, LONGEST_ANSWER)


def probes(
    n: int, turns: Sequence[int], kinds: Sequence[ConstraintKind] = ("persona", "language"), heldout: bool = False
) -> list[InstructedDialog]:
    """Dialogues to measure with: held-out questions; every seed and every model gets the same ones."""
    return probe_dialogs(the_world(), n, 0, turns=turns, kinds=kinds, heldout_constraints=heldout)


def probed(
    model: Transformer, tokenizer: Tokenizer, dialogs: Sequence[InstructedDialog], turns: Sequence[int], seed: int
) -> Obedience:
    """Who obeys at which turn, sampled at temperature 1; the instruction is said once, as the system message."""
    answer = answering(model, tokenizer)
    return obedience(lambda batch: answer(batch, 1.0, 1000 + seed), dialogs, turns, fits=fitting(model, tokenizer))


def instructed(
    model: Transformer, tokenizer: Tokenizer, n: int, seed: int, settings: GattSettings
) -> list[SampledDialog]:
    """Dialogues of 2 to 20 turns for training, sampled as ``settings`` say."""
    plans = plan_dialogs(the_world(), n, seed, PlanSettings(weights=WEIGHTS))
    chosen = replace(settings, seed=1000 * seed)
    return sample_dialogs(answering(model, tokenizer), plans, chosen, fits=fitting(model, tokenizer))


def uninstructed(model: Transformer, tokenizer: Tokenizer, n: int, seed: int, temperature: float) -> list[DialogTokens]:
    """Dialogues with the same questions and no instruction at all, with the loss on all answers, as in the stage."""
    plans = plan_dialogs(the_world(), n, seed, PlanSettings(weights=WEIGHTS))
    answer = answering(model, tokenizer)
    rows = roll_out(
        plans,
        lambda plan, answers: alternate(plan.questions, answers),
        lambda dialogs, turn: answer(dialogs, temperature, 1000 * seed + turn),
        fitting(model, tokenizer),
    )
    return [
        encode_dialog(alternate(plan.questions, answers), tokenizer)
        for plan, answers in zip(plans, rows, strict=True)
        if len(answers) == len(plan.questions)
    ]


def tuned(model: Transformer, examples: Sequence[DialogTokens], seed: int) -> Transformer:
    """A copy of a model, fine-tuned on some examples."""
    torch.manual_seed(seed)
    copy = deepcopy(model)
    mixed = list(examples)
    random.Random(f"{seed}/order").shuffle(mixed)
    train_sft(copy, mixed, replace(TRAIN, seed=seed), description="instructions")
    return copy.eval()


def kind_of(dialog: InstructedDialog) -> ConstraintKind | None:
    """Of its first constraint; None for a rule that is none of the Valley's."""
    rule = dialog.rules[0]
    return rule.kind if isinstance(rule, Constraint) else None


def by_turn(found: Obedience, suffix: str = "") -> dict[str, float]:
    """Shares as numbers of a row."""
    return {f"turn {turn}{suffix}": share for turn, share in found.shares.items()}


def by_seed(rows: Sequence[Row], arms: Sequence[str]) -> list[Mapping[str, Mapping[str, Any]]]:
    """Each seed's numbers by arm. Raises ValueError where a seed lacks one of the arms."""
    seeds = dict.fromkeys(row.seed for row in rows)
    found: list[Mapping[str, Mapping[str, Any]]] = [
        {row.arm: row.numbers for row in rows if row.seed == seed} for seed in seeds
    ]
    if not found or any(not set(arms) <= numbers.keys() for numbers in found):
        raise ValueError(f"the rows lack an arm; each seed needs {', '.join(arms)}")
    return found


def lowest(seeds: Sequence[Mapping[str, Mapping[str, Any]]], arm: str, name: str) -> float:
    """Of all seeds."""
    return min(float(numbers[arm][name]) for numbers in seeds)


def highest(seeds: Sequence[Mapping[str, Mapping[str, Any]]], arm: str, name: str) -> float:
    """Of all seeds."""
    return max(float(numbers[arm][name]) for numbers in seeds)
