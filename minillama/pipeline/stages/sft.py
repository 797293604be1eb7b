"""The chat model: supervised fine-tuning of the base model on demonstrations."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch

from minillama.alignment.sft import document_examples, train_sft
from minillama.chat import encode_dialog
from minillama.pipeline.artifact import save_model
from minillama.pipeline.demonstrations import training_dialogs
from minillama.pipeline.documents import replayed
from minillama.pipeline.presets import ChatSettings
from minillama.pipeline.stage import BuildContext, Stage
from minillama.pipeline.stages.base import loss_below, mean_of_last


def build(context: BuildContext) -> dict[str, Any]:
    """Fine-tune; a killed build goes on from its last checkpoint."""
    settings: ChatSettings = context.settings
    base = context.inputs["base"]
    torch.manual_seed(context.seed)
    model = deepcopy(base.model)
    dialogs = training_dialogs(settings.dialogues, settings.vendors, settings.mix)
    examples = [encode_dialog(dialog, base.tokenizer) for dialog in dialogs]
    examples = [example for example in examples if len(example) <= settings.sft.seq_len]
    kept = len(examples)
    corpus = context.inputs["corpus"].folder
    texts = replayed(corpus, settings.replay_sources, settings.replay, f"replay {context.seed}")
    examples += document_examples(texts, base.tokenizer, settings.sft.seq_len)
    report = train_sft(
        model, examples, replace(settings.sft, seed=context.seed), run_dir=context.work / "run", description="sft"
    )
    save_model(model, base.tokenizer, context.out)
    return {
        "dialogues": kept,
        "left_out_too_long": len(dialogs) - kept,
        "replayed_documents": len(examples) - kept,
        "seconds": round(report.seconds, 1),
        "tokens_per_second": round(report.tokens_per_second),
        "final_loss": mean_of_last(report.losses),
        "losses": [round(loss, 4) for loss in report.losses],
    }


def check(settings: ChatSettings, report: Mapping[str, Any]) -> list[str]:
    """A chat model must have learnt to answer: its last losses lie below the bound."""
    return loss_below(settings.highest_loss, report["final_loss"])


SFT = Stage(
    name="sft",
    promise="fine-tuning on demonstrations",
    inputs=("corpus", "base"),
    build=build,
    check=check,
    modules=(
        "minillama.pipeline.stages.sft",
        "minillama.pipeline.demonstrations",
        "minillama.pipeline.documents",
        "minillama.valley.dialogues",
        "minillama.valley.tasks",
        "minillama.alignment.sft",
        "minillama.chat",
        "minillama.data.collate",
        "minillama.data.dialog_loader",
        "minillama.training.loss",
        "minillama.training.optimizer",
        "minillama.training.schedule",
        "minillama.training.update",
    ),
)
