"""The base model: the corpus as token shards, then pretraining in phases."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from minillama.data.packing import TokenShards
from minillama.data.preparing import prepare_corpus
from minillama.model import Transformer
from minillama.pipeline.artifact import save_model
from minillama.pipeline.documents import CORPUS_FILE
from minillama.pipeline.phases import PhasedLoader
from minillama.pipeline.presets import BaseSettings
from minillama.pipeline.stage import BuildContext, Stage
from minillama.tokenizer import Tokenizer
from minillama.training import Precision, TrainSettings, train

LAST_STEPS = 20


def build(context: BuildContext) -> dict[str, Any]:
    """Pretrain; a killed build goes on from its shards and its last checkpoint."""
    settings: BaseSettings = context.settings
    tokenizer = context.inputs["tokenizer"].tokenizer
    shards = token_shards(context, tokenizer)
    torch.manual_seed(context.seed)
    model = Transformer(replace(settings.model, vocab_size=tokenizer.vocab_size))
    precision = Precision.detect()
    report = train(
        model,
        PhasedLoader(shards, settings.phases, context.seed),
        TrainSettings(
            steps=settings.steps,
            peak_lr=settings.peak_lr,
            warmup_steps=settings.warmup_steps,
            checkpoint_every=settings.checkpoint_every,
        ),
        precision=precision,
        run_dir=context.work / "run",
        description="base",
    )
    save_model(model, tokenizer, context.out)
    return {
        "parameters": model.args.n_parameters,
        "corpus_tokens": shards.n_tokens,
        "trained_tokens": report.tokens,
        "seconds": round(report.seconds, 1),
        "tokens_per_second": round(report.tokens_per_second),
        "precision": str(precision),
        "final_loss": mean_of_last(report.losses),
        "losses": [round(loss, 4) for loss in report.losses],
    }


def token_shards(context: BuildContext, tokenizer: Tokenizer) -> TokenShards:
    """The corpus as tokens; a stopped build goes on where it was. Raises ValueError where they fill no row."""
    shards = prepare_corpus(context.inputs["corpus"].folder / CORPUS_FILE, context.work / "shards", tokenizer)
    longest = max(phase.seq_len for phase in context.settings.phases)
    if shards.n_tokens <= longest:
        raise ValueError(
            f"{context.corpus or 'the corpus'} makes {shards.n_tokens} tokens, fewer than one row of {longest} and "
            "its last target; give more text or a preset with shorter rows"
        )
    return shards


def mean_of_last(losses: tuple[float, ...]) -> float:
    """Mean loss of the last steps, rounded for a report."""
    last = losses[-LAST_STEPS:]
    return round(sum(last) / len(last), 4)


def check(settings: BaseSettings, report: Mapping[str, Any]) -> list[str]:
    """A base model must have learnt: its last losses lie below the bound."""
    return loss_below(settings.highest_loss, report["final_loss"])


def loss_below(bound: float | int, loss: float) -> list[str]:
    """What is wrong with a final loss; written so that NaN is wrong, too."""
    return [] if loss < bound else [f"check 'final loss below {bound}' failed with {loss}"]


BASE = Stage(
    name="base",
    promise="pretraining on the corpus",
    inputs=("corpus", "tokenizer"),
    build=build,
    check=check,
    modules=(
        "minillama.pipeline.stages.base",
        "minillama.pipeline.phases",
        "minillama.data.packing",
        "minillama.data.preparing",
        "minillama.model.transformer",
        "minillama.model.attention",
        "minillama.model.feed_forward",
        "minillama.model.rms_norm",
        "minillama.model.rotary",
        "minillama.training.loss",
        "minillama.training.optimizer",
        "minillama.training.schedule",
        "minillama.training.update",
    ),
)
