"""The chat model: safety context distillation on top of Ghost Attention (section 4.2.4).

Adversarial prompts are answered with a safety preprompt, half of them with the answer template of their risk, and the
model learns those answers that the newest safety reward model prefers to its plain ones, without the preprompt. Its own
plain answers to harmless prompts and some of Ghost Attention's dialogues are among them, so that nothing else changes.
"""

import json
import random
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch

from minillama.alignment.context_data import DistillationData, context_prompts, distillation_data
from minillama.alignment.reward_model import RewardModel
from minillama.alignment.sft import train_sft
from minillama.chat import DialogTokens
from minillama.data.atomic import write_atomically
from minillama.evaluation.judged import dialog_of
from minillama.pipeline.alignment_prompts import alignment_prompts
from minillama.pipeline.artifact import save_model
from minillama.pipeline.examples import read_examples, write_examples
from minillama.pipeline.final_presets import DistillationStageSettings
from minillama.pipeline.measuring import measure_chat
from minillama.pipeline.obedience import measure_obedience
from minillama.pipeline.stage import BuildContext, Stage
from minillama.pipeline.stages.base import mean_of_last
from minillama.pipeline.stages.ghost_attention import EXAMPLES_FILE, GATT, check
from minillama.pipeline.stages.ghost_attention import MODULES as GATT_MODULES
from minillama.pipeline.stages.ppo import PPO


def build(context: BuildContext) -> dict[str, Any]:
    """Sample answers with preprompts, train on those that pass the gate; a killed build goes on from what it had."""
    settings: DistillationStageSettings = context.settings
    last = context.inputs[GATT.name]
    torch.manual_seed(context.seed)
    examples, sampled = _examples(context)
    model = deepcopy(last.model)
    sft = replace(settings.distillation.sft, seed=context.seed)
    trained = train_sft(model, examples, sft, run_dir=context.work / "run", description="context distillation")
    model.eval()
    save_model(model, last.tokenizer, context.out)
    return {
        **sampled,
        "examples": len(examples),
        "seconds": round(trained.seconds, 1),
        "final_loss": mean_of_last(trained.losses),
        "before": last.report["measured"],
        "measured": measure_chat(model, last.tokenizer, settings.measure),
        "obedience_before": last.report["obedience"],
        "obedience": measure_obedience(model, last.tokenizer, settings.obedience),
    }


def _examples(context: BuildContext) -> tuple[list[DialogTokens], dict[str, Any]]:
    """What is trained on, sampled once and kept, and how it came about."""
    settings: DistillationStageSettings = context.settings
    facts, mixed = context.work / "sampled.json", context.work / "examples.jsonl"
    if not facts.exists():
        data = _distilled(context)
        instructed = read_examples(context.inputs[GATT.name].folder / EXAMPLES_FILE)
        shown = min(round(settings.instructed * (len(data.pairs) + data.kept_plain)), len(instructed))
        again = random.Random(f"{context.seed}/instructed").sample(instructed, shown)
        write_examples([*(pair.student for pair in (*data.pairs, *data.replay)), *again], mixed)
        report = {
            "distilled": data.sampled,
            "usable": data.usable,
            "passed_gate": len(data.pairs),
            "kept_plain": data.kept_plain,
            "replayed": len(data.replay),
            "instructed_examples": len(again),
            "mean_score_plain": _mean(data.plain_scores),
            "mean_score_distilled": _mean(data.distilled_scores),
        }
        write_atomically(facts, json.dumps(report).encode())
    return read_examples(mixed), json.loads(facts.read_text("utf-8"))


def _distilled(context: BuildContext) -> DistillationData:
    """Answers with and without preprompts, scored by the safety reward model that PPO renewed last."""
    settings: DistillationStageSettings = context.settings
    last = context.inputs[GATT.name]
    prompts = alignment_prompts(settings.prompts, 1000 * context.seed + 800)
    distillation = replace(settings.distillation, seed=1000 * context.seed)
    safety = RewardModel.load(context.inputs[PPO.name].folder / "safety").to(last.model.device)
    return distillation_data(
        last.model,
        last.tokenizer,
        context_prompts(prompts, distillation),
        distillation,
        score=safety.score,
        harmless=[dialog_of(prompt) for prompt in prompts if prompt.risk is None],
    )


def _mean(scores: tuple[float, ...]) -> float:
    return round(sum(scores) / max(1, len(scores)), 4)


CHAT = Stage(
    name="chat",
    promise="learning safety preprompts by heart",
    inputs=(PPO.name, GATT.name),
    build=build,
    check=check,
    tries=2,
    modules=(
        *GATT_MODULES,
        "minillama.pipeline.stages.context_distillation",
        "minillama.alignment.reward_model",
        "minillama.alignment.safety_preprompts",
    ),
)
