"""Ghost Attention on top of PPO: an instruction given once is kept in every later turn (section 3.3).

The paper applies it after its third round; here it comes after the last, since whatever is trained later on short
dialogues wears it off again. The other examples among the dialogues are answers that the aligned model itself gave:
demonstrations would take it back to where it was before reinforcement learning. What that wore off, obeying over many
turns an instruction that stands on each of them, is shown once more before anything is sampled.

The paper gives earlier turns no loss, and trains on the last answer of each dialogue. Every beginning of a dialogue is
such an example as well, and since a token sees only what comes before it, learning all beginnings is learning all
answers of the whole at once, which is what is done: each was sampled under the instruction, so none contradicts it.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from minillama.alignment.context_data import ContextDistillationSettings, is_usable, sample_answers
from minillama.alignment.dialog_sampler import DialogSampler
from minillama.alignment.gatt_data import plan_dialogs
from minillama.alignment.gatt_rollout import fits_context
from minillama.alignment.ghost_attention import SampledDialog, gatt_examples, sample_dialogs
from minillama.alignment.instruction_data import obeying_demonstrations
from minillama.alignment.sft import train_sft
from minillama.alignment.winners import winner_examples
from minillama.chat import DialogTokens, encode_dialog
from minillama.data.atomic import write_atomically
from minillama.evaluation.judged import dialog_of
from minillama.model import Transformer
from minillama.pipeline.alignment_prompts import alignment_prompts
from minillama.pipeline.artifact import Artifact, save_model
from minillama.pipeline.demonstrations import DEMONSTRATION_SEED, WORLD_SEED
from minillama.pipeline.examples import read_examples, write_examples
from minillama.pipeline.final_presets import DistillationStageSettings, GattStageSettings, ReminderSettings
from minillama.pipeline.measuring import measure_chat
from minillama.pipeline.obedience import measure_obedience, obedience_kept
from minillama.pipeline.stage import BuildContext, Stage
from minillama.pipeline.stages.base import mean_of_last
from minillama.pipeline.stages.ppo import PPO
from minillama.pipeline.stages.rejection_rounds import ROUNDS, read_winners
from minillama.pipeline.stages.rejection_rounds import check as check_answers
from minillama.pipeline.stages.sft import encoded
from minillama.tokenizer import Tokenizer
from minillama.valley.world import World

EXAMPLES_FILE = "instructed.jsonl"  # the dialogues under an instruction, which the next stage shows again
REMINDED_FOLDER = "reminded"  # the model before it sampled, beside which Ghost Attention's own effect is seen
LONGEST_ANSWER = 64  # tokens, in dialogues of up to 20 turns


def build(context: BuildContext) -> dict[str, Any]:
    """Show obeying, sample dialogues, train on them; a killed build goes on from what it had."""
    settings: GattStageSettings = context.settings
    last = context.inputs[PPO.name]
    torch.manual_seed(context.seed)
    ordinary = _kept(context.work / "ordinary.jsonl", lambda: _ordinary(context, last))
    model = _reminded(context, last, ordinary)
    save_model(model, last.tokenizer, context.out / REMINDED_FOLDER)
    examples, sampled = _examples(context, model, last.tokenizer, ordinary)
    obedience = {"obedience_before": measure_obedience(last.model, last.tokenizer, settings.obedience)}
    obedience["obedience_reminded"] = measure_obedience(model, last.tokenizer, settings.obedience)
    sft = replace(settings.gatt.sft, seed=context.seed)
    trained = train_sft(model, examples, sft, run_dir=context.work / "run", description="ghost attention")
    model.eval()
    save_model(model, last.tokenizer, context.out)
    write_examples(read_examples(context.work / EXAMPLES_FILE), context.out / EXAMPLES_FILE)
    return {
        **sampled,
        "examples": len(examples),
        "seconds": round(trained.seconds, 1),
        "final_loss": mean_of_last(trained.losses),
        "before": last.report["measured"],
        "measured": measure_chat(model, last.tokenizer, settings.measure),
        **obedience,
        "obedience": measure_obedience(model, last.tokenizer, settings.obedience),
    }


def _kept(path: Path, make: Callable[[], list[DialogTokens]]) -> list[DialogTokens]:
    """Examples that are made once and kept in a file."""
    if not path.exists():
        write_examples(make(), path)
    return read_examples(path)


def _reminded(context: BuildContext, last: Artifact, ordinary: Sequence[DialogTokens]) -> Transformer:
    """The last model, once more shown how an instruction is obeyed that stands on every turn, among its plain answers.

    That is what it is to sample next.
    """
    reminder: ReminderSettings = context.settings.reminder
    model = deepcopy(last.model)
    dialogs = obeying_demonstrations(World.create(WORLD_SEED), reminder.dialogues, DEMONSTRATION_SEED + 4, reminder.mix)
    shown = [*encoded(dialogs, last.tokenizer), *ordinary]
    sft = replace(reminder.sft, seed=context.seed)
    fitting = [example for example in shown if len(example) <= sft.seq_len]
    train_sft(model, fitting, sft, run_dir=context.work / "reminder", description="obeying on every turn, once more")
    return model.eval()


def _examples(
    context: BuildContext, model: Transformer, tokenizer: Tokenizer, ordinary: Sequence[DialogTokens]
) -> tuple[list[DialogTokens], dict[str, Any]]:
    """What is trained on, sampled once and kept, and how it came about."""
    settings: GattStageSettings = context.settings
    facts, mixed = context.work / "sampled.json", context.work / "examples.jsonl"
    if not facts.exists():
        dialogs = _instructed(settings, model, tokenizer, context.seed)
        gatt = replace(settings.gatt, seed=context.seed)
        bare = gatt_examples(dialogs, tokenizer, replace(gatt, replay_share=0.0))
        write_examples(bare, context.work / EXAMPLES_FILE)
        write_examples(gatt_examples(dialogs, tokenizer, gatt, ordinary), mixed)
        told = [dialog.last_obeys for dialog in dialogs if dialog.last_obeys is not None]
        report = {
            "dialogues": len(dialogs),
            "answers": sum(len(dialog.answers) for dialog in dialogs),
            "last_answers_obey": round(sum(told) / max(1, len(told)), 4),
            "instructed_examples": len(bare),
        }
        write_atomically(facts, json.dumps(report).encode())
    return read_examples(mixed), json.loads(facts.read_text("utf-8"))


def _instructed(
    settings: GattStageSettings, model: Transformer, tokenizer: Tokenizer, seed: int
) -> list[SampledDialog]:
    """Dialogues answered with the instruction before every question."""
    plans = plan_dialogs(World.create(WORLD_SEED), settings.dialogues, seed, settings.plans)
    longest = min(model.args.max_seq_len, settings.gatt.sft.seq_len)
    fits = fits_context(tokenizer, longest, LONGEST_ANSWER)
    return sample_dialogs(
        DialogSampler(model, tokenizer, LONGEST_ANSWER), plans, replace(settings.gatt, seed=1000 * seed), fits=fits
    )


def _ordinary(context: BuildContext, last: Artifact) -> list[DialogTokens]:
    """The last model's own answers to ordinary prompts, and some winners of all rounds."""
    settings: GattStageSettings = context.settings
    prompts = alignment_prompts(settings.replay, 1000 * context.seed + 700)
    asked = [encode_dialog(dialog_of(prompt), last.tokenizer).tokens for prompt in prompts]
    sampling = ContextDistillationSettings(temperature=settings.replay_temperature)
    answers = sample_answers(last.model, asked, sampling, context.seed)
    own = [
        DialogTokens((*prompt, *answer), (0,) * len(prompt) + (1,) * len(answer))
        for prompt, answer in zip(asked, answers, strict=True)
        if is_usable(answer, last.tokenizer)
    ]
    rounds = [winner for stage in ROUNDS for winner in read_winners(context.inputs[stage.name].folder)]
    winners = winner_examples(rounds)
    return [
        *own,
        *random.Random(f"{context.seed}/winners").sample(winners, min(settings.winners, len(winners))),
    ]


MODULES = (
    "minillama.pipeline.stages.ghost_attention",
    "minillama.pipeline.alignment_prompts",
    "minillama.pipeline.examples",
    "minillama.pipeline.measuring",
    "minillama.pipeline.obedience",
    "minillama.alignment.context_data",
    "minillama.alignment.dialog_sampler",
    "minillama.alignment.gatt_data",
    "minillama.alignment.gatt_evaluation",
    "minillama.alignment.gatt_rollout",
    "minillama.alignment.ghost_attention",
    "minillama.alignment.instruction_data",
    "minillama.alignment.sft",
    "minillama.alignment.winners",
    "minillama.answering",
    "minillama.chat",
    "minillama.data.collate",
    "minillama.data.dialog_loader",
    "minillama.generation",
    "minillama.sampling",
    "minillama.valley.dialogues",
    "minillama.valley.judge",
    "minillama.valley.judge_harm",
    "minillama.valley.judge_text",
    "minillama.valley.personas",
    "minillama.valley.tasks",
)


def check(settings: GattStageSettings | DistillationStageSettings, report: Mapping[str, Any]) -> list[str]:
    """Instructions are kept, and what was gained before is not lost."""
    return [*check_answers(settings, report), *obedience_kept(settings.lowest_obedience, report["obedience"])]


GATT = Stage(
    name="gatt",
    promise="keeping instructions over many turns",
    inputs=(*(stage.name for stage in ROUNDS), PPO.name),
    build=build,
    check=check,
    tries=2,
    modules=MODULES,
)
