"""One stage of one seed, measured: a value for every held-out prompt, so that stages can be compared pair by pair."""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from minillama.alignment.gatt_data import InstructedDialog, probe_dialogs
from minillama.alignment.gatt_evaluation import obedience
from minillama.alignment.gatt_rollout import Fits, fits_context
from minillama.alignment.ppo import PPOPrompt, PPOSettings
from minillama.alignment.ppo.answers import answer_logprobs, lay_out
from minillama.alignment.ppo.rewards import kl_estimates
from minillama.alignment.ppo.rollout import sample_rollouts
from minillama.answering import answer_dialogs
from minillama.chat import encode_dialog
from minillama.evaluation.judged import VIOLATION_BELOW, AnswerFunction, Dialog, dialog_of, judged_answers
from minillama.model import Transformer
from minillama.pipeline import Artifact
from minillama.pipeline.demonstrations import WORLD_SEED
from minillama.pipeline.obedience import LONG_BATCH
from minillama.tokenizer import Tokenizer
from minillama.valley.dialogues import heldout_prompts
from minillama.valley.judge import Judge, is_refusal
from minillama.valley.tasks.base import Prompt
from minillama.valley.world import World

TURNS = (2, 4, 6, 10, 20)  # at which obedience is looked at
PROBE_SEED = 5  # of the dialogues under an instruction
LONGEST_IN_DIALOGS = 64  # tokens of an answer, so that twenty turns fit the context


@dataclass(frozen=True, kw_only=True)
class ResultSettings:
    """How much is measured; at temperature 1 where nothing else is said.

    Attributes:
        helpful: Ordinary prompts of the core kinds.
        adversarial: Prompts that ask for harm.
        borderline: Prompts that only sound as if they did.
        extended: Prompts of the extended kinds, reported apart.
        dialogs: Dialogues under a persona or a language, of as many turns as ``TURNS`` goes to.
        divergence: Ordinary prompts whose answers the KL divergence is measured on.
        max_new_tokens: Longest answer.

    Raises:
        ValueError: A number is below 2, with which there is no interval.
    """

    helpful: int = 500
    adversarial: int = 300
    borderline: int = 100
    extended: int = 200
    dialogs: int = 60
    divergence: int = 200
    max_new_tokens: int = 96

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 2:
                raise ValueError(f"{name} is {value}; it must be at least 2")


@dataclass(frozen=True)
class HeldOut:
    """What every stage of every seed is asked; no training prompt is among it."""

    ordinary: Sequence[Prompt]
    adversarial: Sequence[Prompt]
    borderline: Sequence[Prompt]
    extended: Sequence[Prompt]
    dialogs: Sequence[InstructedDialog]

    @classmethod
    def draw(cls, settings: ResultSettings) -> "HeldOut":
        """The same prompts at every call. Raises ValueError where there are not as many different ones."""
        world = World.create(WORLD_SEED)
        return cls(
            ordinary=heldout_prompts(world, settings.helpful, adversarial=False, borderline=False),
            adversarial=heldout_prompts(world, settings.adversarial, adversarial=True),
            borderline=heldout_prompts(world, settings.borderline, borderline=True),
            extended=heldout_prompts(world, settings.extended, tier="extended", adversarial=False, borderline=False),
            dialogs=probe_dialogs(world, settings.dialogs, PROBE_SEED, turns=TURNS, kinds=("persona", "language")),
        )


def measure_stage(
    artifact: Artifact,
    held_out: HeldOut,
    settings: ResultSettings,
    *,
    greedy: bool = False,
    dialogs: bool = False,
    references: Mapping[str, Artifact] | None = None,
) -> dict[str, Any]:
    """All values of a finished stage, as JSON.

    Args:
        artifact: Of a chat stage; its seed is also that of the samples.
        held_out: What is asked.
        settings: How much.
        greedy: Also answer greedily.
        dialogs: Also measure how long an instruction is obeyed.
        references: Stages by name that the KL divergence is measured from.
    """
    began = time.perf_counter()
    model, tokenizer = artifact.model, artifact.tokenizer
    judge = Judge(World.create(WORLD_SEED))

    def answering(temperature: float, longest: int = settings.max_new_tokens, at_once: int = 256) -> AnswerFunction:
        def answer(asked: Sequence[Dialog]) -> list[str]:
            return answer_dialogs(
                model,
                tokenizer,
                asked,
                max_new_tokens=longest,
                temperature=temperature,
                seed=artifact.seed,
                batch_size=at_once,
            )

        return answer

    sampled = answering(1.0)
    found: dict[str, Any] = {"values": judged_values(sampled, held_out, judge)}
    if greedy:
        found["greedy"] = judged_values(answering(0.0), held_out, judge)
    if dialogs:
        fits = fits_context(tokenizer, model.args.max_seq_len, LONGEST_IN_DIALOGS)
        in_turn = answering(1.0, LONGEST_IN_DIALOGS, LONG_BATCH)
        found["obedience"] = obedience_values(in_turn, held_out, fits)
    asked = held_out.ordinary[: settings.divergence]
    for name, reference in (references or {}).items():
        values = divergence(model, reference.model, tokenizer, asked, settings.max_new_tokens, artifact.seed)
        found.setdefault("divergence", {})[name] = values
    return {**found, "seconds": round(time.perf_counter() - began, 1)}


def judged_values(answer: AnswerFunction, held_out: HeldOut, judge: Judge) -> dict[str, list[float]]:
    """The judge's values of all answers, one for each prompt, in [0, 1]; shares as 0 and 1."""
    ordinary, adversarial, borderline, extended = (
        judged_answers(answer, prompts, judge)
        for prompts in (held_out.ordinary, held_out.adversarial, held_out.borderline, held_out.extended)
    )
    return {
        "helpfulness": [item.verdict.helpfulness for item in ordinary],
        "violations": [float(item.verdict.safety < VIOLATION_BELOW) for item in adversarial],
        "false_refusals": [float(is_refusal(item.answer)) for item in ordinary],
        "borderline_refusals": [float(is_refusal(item.answer)) for item in borderline],
        "borderline_helpfulness": [item.verdict.helpfulness for item in borderline],
        "extended_helpfulness": [item.verdict.helpfulness for item in extended],
    }


def obedience_values(answer: AnswerFunction, held_out: HeldOut, fits: Fits) -> dict[str, Any]:
    """For each turn and dialogue 1 where the persona or language was kept, 0 where not, None where none can tell."""
    found = obedience(answer, held_out.dialogs, TURNS, fits=fits)
    kept = {
        str(turn): [None if row.get(turn) is None else float(bool(row[turn])) for row in found.kept] for turn in TURNS
    }
    return {"kept": kept, "broken": found.broken}


def divergence(
    model: Transformer,
    reference: Transformer,
    tokenizer: Tokenizer,
    prompts: Sequence[Prompt],
    max_new_tokens: int,
    seed: int,
) -> dict[str, list[float]]:
    """Estimates of KL(model || reference) for whole answers that the model samples at temperature 1, in nats.

    k1 is the difference of log-probabilities, k3 the estimate that is never negative; see
    :func:`minillama.alignment.ppo.rewards.kl_estimates`.
    """
    settings = PPOSettings(max_new_tokens=max_new_tokens)
    longest = model.args.max_seq_len - max_new_tokens
    encoded = [encode_dialog(dialog_of(prompt), tokenizer, max_seq_len=longest).tokens for prompt in prompts]
    rollouts = sample_rollouts(model, [PPOPrompt(tokens=tokens) for tokens in encoded], settings, seed)
    found = {"k1": torch.zeros(len(prompts)), "k3": torch.zeros(len(prompts))}
    with torch.no_grad():
        for minibatch in lay_out(rollouts, settings, random.Random(seed), model.device):
            for batch in minibatch:
                own, other = (answer_logprobs(each, batch, settings.temperature) for each in (model, reference))
                k1, k3 = kl_estimates(own, other, batch.mask)
                rows = batch.rows.cpu()
                found["k1"][rows], found["k3"][rows] = k1.sum(dim=1).cpu(), k3.sum(dim=1).cpu()
    return {name: [round(value, 5) for value in values.tolist()] for name, values in found.items()}
