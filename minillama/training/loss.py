"""Next-token cross entropy, with the output head applied only where it is needed."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from minillama.data.collate import IGNORE, Batch

# (model, batch on its device) -> the summed loss and what to divide it by; it reads the kind of batch it is made for.
LossFunction = Callable[[nn.Module, Any], tuple[Tensor, int]]

# Below this share of targets, picking them out first is cheaper than computing logits that nobody reads.
SPARSE_BELOW = 0.75


def token_loss(model: nn.Module, batch: Batch) -> tuple[Float[Tensor, ""], int]:
    """Return the summed cross entropy of a batch's targets and their number.

    Sum and number come apart so that batches, micro-batches and processes can be added up before dividing: a mean of
    means would weigh the tokens of a sparse batch more than those of a full one. Where few places have a target, as in
    fine-tuning on answers (loss masking, section 3.1), logits are computed for those places only.

    Args:
        model: With ``hidden(tokens, positions=, document_ids=)`` -> (batch, seq, dim) and ``output``, the head.
        batch: On the model's device; targets of ``IGNORE`` do not count.

    Returns:
        The sum in nats, float32 and differentiable, and the number of targets.
    """
    count = batch.n_targets
    if count >= SPARSE_BELOW * batch.targets.numel():
        return dense_loss(model, batch.tokens, batch.targets, batch.positions, batch.document_ids), count
    hidden = model.hidden(batch.tokens, positions=batch.positions, document_ids=batch.document_ids)  # type: ignore[operator]
    chosen = (batch.targets.flatten() != IGNORE).nonzero().squeeze(1)
    logits = model.output(hidden.flatten(0, 1)[chosen])  # type: ignore[operator]
    return F.cross_entropy(logits.float(), batch.targets.flatten()[chosen], reduction="sum"), count


def dense_loss(
    model: nn.Module,
    tokens: Int[Tensor, "batch seq"],
    targets: Int[Tensor, "batch seq"],
    positions: Int[Tensor, "batch seq"] | None,
    document_ids: Int[Tensor, "batch seq"] | None,
) -> Float[Tensor, ""]:
    """Return the summed cross entropy, computed at every place: one shape for all batches, as a compiler wants it."""
    hidden = model.hidden(tokens, positions=positions, document_ids=document_ids)  # type: ignore[operator]
    logits = model.output(hidden.flatten(0, 1))  # type: ignore[operator]
    return F.cross_entropy(logits.float(), targets.flatten(), ignore_index=IGNORE, reduction="sum")


def compiled_token_loss() -> LossFunction:
    """Return :func:`token_loss` with model and loss compiled together, once for each shape of batch that comes."""
    compiled = torch.compile(dense_loss, dynamic=False)

    def loss(model: nn.Module, batch: Batch) -> tuple[Tensor, int]:
        return compiled(model, batch.tokens, batch.targets, batch.positions, batch.document_ids), batch.n_targets

    return loss
