"""How well a model predicts text: loss, perplexity and bits per byte."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from minillama.data.collate import Batch
from minillama.training.loss import token_loss


@dataclass(frozen=True)
class Perplexity:
    """The summed loss of some text, and what it is divided by.

    Attributes:
        nats: Summed cross entropy of all targets.
        targets: Number of target tokens.
        n_bytes: Length of the text in UTF-8 bytes, where known.
    """

    nats: float
    targets: int
    n_bytes: int | None = None

    @property
    def loss(self) -> float:
        """Mean cross entropy per token, in nats."""
        return self.nats / self.targets

    @property
    def perplexity(self) -> float:
        """exp(loss): among how many equally likely tokens the model hesitates. Comparable for one tokenizer only."""
        return math.exp(self.loss)

    @property
    def bits_per_byte(self) -> float:
        """Cross entropy in bits per byte of text, which does not depend on how the tokenizer cuts the text."""
        if self.n_bytes is None:
            raise ValueError("bits per byte need the length of the text: pass n_bytes to perplexity()")
        return self.nats / math.log(2) / self.n_bytes


@torch.inference_mode()
def perplexity(model: nn.Module, batches: Iterable[Batch], n_bytes: int | None = None) -> Perplexity:
    """Measure a model on batches of held-out text, in float32 and evaluation mode.

    Args:
        model: A :class:`minillama.model.Transformer` or anything with its ``hidden`` and ``output``.
        batches: Only targets other than ``IGNORE`` count.
        n_bytes: UTF-8 bytes of the text behind the targets, for ``bits_per_byte``.

    Raises:
        ValueError: There is no target in all the batches.
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    nats, targets = 0.0, 0
    try:
        for batch in batches:
            loss, count = token_loss(model, batch.to(device))
            nats, targets = nats + float(loss), targets + count
    finally:
        model.train(was_training)
    if not targets:
        raise ValueError("the batches hold no target token: give text of at least two tokens")
    return Perplexity(nats, targets, n_bytes)
