"""Safety context distillation (section 4.2.4): learn to answer as with a safety preprompt, without it.

An adversarial prompt is answered with a preprompt before it, and the model is fine-tuned on prompt and answer without
the preprompt. On ordinary prompts this makes answers vaguer and refuses without need, so the paper does it for
adversarial prompts only, and keeps an answer only where the safety reward model prefers it to the plain one (its
Figure 16).
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from minillama.alignment.context_data import (
    ContextDistillationSettings,
    ContextPrompt,
    Dialog,
    DistillationData,
    Scorer,
    distillation_data,
)
from minillama.alignment.context_kl import ContextPair, context_batches, context_kl
from minillama.alignment.sft import SFTSettings, train_sft
from minillama.model import Transformer
from minillama.tokenizer import Tokenizer
from minillama.training.precision import Precision
from minillama.training.trainer import TrainReport, train


@dataclass(frozen=True)
class DistillationReport:
    """The data and the training on them."""

    data: DistillationData
    training: TrainReport


def distill_context(
    model: Transformer,
    tokenizer: Tokenizer,
    prompts: Sequence[ContextPrompt],
    settings: ContextDistillationSettings,
    *,
    score: Scorer | None = None,
    harmless: Sequence[Dialog] = (),
    precision: Precision | None = None,
    run_dir: Path | str | None = None,
) -> DistillationReport:
    """Teach a model, in place, to answer without a preprompt as it does with one.

    Arguments and errors are those of :func:`distillation_data`, and of training.
    """
    precision = precision or Precision.detect()
    model.to(precision.device)  # sampling, too, belongs there
    data = distillation_data(model, tokenizer, prompts, settings, score=score, harmless=harmless)
    pairs = [*data.pairs, *data.replay]
    return DistillationReport(data, train_on_pairs(model, pairs, settings, precision=precision, run_dir=run_dir))


def train_on_pairs(
    model: Transformer,
    pairs: Sequence[ContextPair],
    settings: ContextDistillationSettings,
    *,
    precision: Precision | None = None,
    run_dir: Path | str | None = None,
) -> TrainReport:
    """Fine-tune a model, in place, on answers that were chosen already, in the form that the settings name.

    Raises:
        ValueError: There are no pairs, or one does not fit a row.
    """
    precision = precision or Precision.detect()
    if settings.form == "kl":
        return _train_kl(model, pairs, settings.sft, precision, run_dir)
    examples = [pair.student for pair in pairs]
    title = "context distillation"
    return train_sft(model, examples, settings.sft, precision=precision, run_dir=run_dir, description=title)


def _train_kl(
    model: Transformer,
    pairs: Sequence[ContextPair],
    settings: SFTSettings,
    precision: Precision,
    run_dir: Path | str | None,
) -> TrainReport:
    """Train on the KL divergence from the model as it comes, each pair once in every epoch.

    A run that goes on from its folder has the same teacher, since only training puts the saved weights into the model.
    """
    teacher = copy.deepcopy(model).to(precision.device).eval().requires_grad_(False)
    batches = context_batches(pairs, settings.batch_size, settings.epochs, settings.seed)
    return train(
        model,
        batches,
        settings.of_run(len(batches), run_dir),
        loss=context_kl(teacher),
        precision=precision,
        run_dir=run_dir,
        description="context distillation",
    )
