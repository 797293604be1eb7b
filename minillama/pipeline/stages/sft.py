"""The chat model: supervised fine-tuning of the base model on demonstrations."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch

from minillama.alignment.sft import document_examples, joined_documents, train_sft
from minillama.chat import DialogTokens, Message, encode_dialog
from minillama.pipeline.artifact import save_model
from minillama.pipeline.chat_presets import ChatSettings
from minillama.pipeline.demonstrations import training_dialogs
from minillama.pipeline.documents import replayed
from minillama.pipeline.instruction_demonstrations import instruction_dialogs, long_dialogs
from minillama.pipeline.stage import BuildContext, Stage
from minillama.pipeline.stages.base import loss_below, mean_of_last
from minillama.tokenizer import Tokenizer


def build(context: BuildContext) -> dict[str, Any]:
    """Fine-tune on dialogues, the long ones last; a killed build goes on from its last checkpoint."""
    settings: ChatSettings = context.settings
    base = context.inputs["base"]
    torch.manual_seed(context.seed)
    model = deepcopy(base.model)
    longest = min(settings.long.sft.seq_len, model.args.max_seq_len)
    short, long, counts = _examples(context, base.tokenizer, longest)
    parts = (("short", short, settings.sft), ("long", long, replace(settings.long.sft, seq_len=longest)))
    reports = [
        train_sft(
            model, examples, replace(sft, seed=context.seed), run_dir=context.work / part, description=f"sft, {part}"
        )
        for part, examples, sft in parts
    ]
    save_model(model, base.tokenizer, context.out)
    losses = tuple(loss for report in reports for loss in report.losses)
    seconds = sum(report.seconds for report in reports)
    return {
        **counts,
        "seconds": round(seconds, 1),
        "tokens_per_second": round(sum(report.tokens for report in reports) / seconds),
        "final_loss": mean_of_last(losses),
        "losses": [round(loss, 4) for loss in losses],
    }


def _examples(
    context: BuildContext, tokenizer: Tokenizer, longest: int
) -> tuple[list[DialogTokens], list[DialogTokens], dict[str, int]]:
    """The examples of both parts, and what they are."""
    settings: ChatSettings = context.settings
    row = settings.sft.seq_len
    wanted = settings.dialogues + settings.long.demonstrations
    ordinary = encoded(training_dialogs(wanted, settings.vendors, settings.mix), tokenizer)
    obeying = instruction_dialogs(settings.obeying, settings.obeying_mix, settings.preprompts)
    short = [*ordinary[settings.long.demonstrations :], *encoded(obeying, tokenizer)]
    long = [*ordinary[: settings.long.demonstrations], *encoded(long_dialogs(settings.long), tokenizer)]
    corpus, replay = context.inputs["corpus"].folder, settings.replay
    texts = replayed(corpus, settings.replay_sources, replay + settings.long.documents, f"replay {context.seed}")
    fit_short = [example for example in short if len(example) <= row]
    fit_long = [example for example in long if len(example) <= longest]
    kept = len(fit_short) + len(fit_long)
    counts = {
        "dialogues": kept,
        "left_out_too_long": len(short) + len(long) - kept,
        "replayed_documents": len(texts),
    }
    fit_short += document_examples(texts[:replay], tokenizer, row)
    return fit_short, [*fit_long, *joined_documents(texts[replay:], tokenizer, longest)], counts


def encoded(dialogs: Iterable[Sequence[Message]], tokenizer: Tokenizer) -> list[DialogTokens]:
    """Dialogues as examples."""
    return [encode_dialog(dialog, tokenizer) for dialog in dialogs]


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
        "minillama.pipeline.instruction_demonstrations",
        "minillama.pipeline.documents",
        "minillama.valley.dialogues",
        "minillama.valley.tasks",
        "minillama.alignment.sft",
        "minillama.alignment.instruction_data",
        "minillama.alignment.gatt_data",
        "minillama.alignment.safety_preprompts",
        "minillama.chat",
        "minillama.data.collate",
        "minillama.data.dialog_loader",
        "minillama.training.loss",
        "minillama.training.optimizer",
        "minillama.training.schedule",
        "minillama.training.update",
    ),
)
