"""Context distillation on full distributions (Askell et al. 2021): the KL divergence from a teacher that sees more.

Teacher and student read the same answer behind different prompts, so the same token stands at different places. What
pairs them is their order: the n-th target of a row is the n-th answer token in both.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from minillama.chat import DialogTokens
from minillama.data.collate import IGNORE, Batch, pad_dialogs
from minillama.training.loss import LossFunction


@dataclass(frozen=True)
class ContextPair:
    """One answer behind the student's prompt and behind the teacher's, which has the preprompt.

    Raises:
        ValueError: The targets of the two are not the same tokens.
    """

    student: DialogTokens
    teacher: DialogTokens

    def __post_init__(self) -> None:
        if answer_of(self.student) != answer_of(self.teacher):
            raise ValueError("student and teacher must have the same answer tokens; only their prompts may differ")
        if not any(self.student.loss_mask):
            raise ValueError("the answer is empty: there is no token whose distribution could be learnt")


def answer_of(example: DialogTokens) -> list[int]:
    """The tokens that count in the loss."""
    return [token for token, counts in zip(example.tokens, example.loss_mask, strict=True) if counts]


@dataclass(frozen=True)
class ContextBatch(Batch):
    """The student's rows, with those of the teacher in the same order."""

    teacher: Batch | None = None

    def to(self, device: torch.device | str) -> "ContextBatch":
        """The same batch on another device."""
        own = super().to(device)
        teacher = None if self.teacher is None else self.teacher.to(device)
        return ContextBatch(own.tokens, own.targets, own.positions, own.document_ids, teacher)


def context_batch(pairs: Sequence[ContextPair]) -> ContextBatch:
    """One pair a row, students and teachers each filled up on the right."""
    student = pad_dialogs([pair.student for pair in pairs])
    return ContextBatch(student.tokens, student.targets, teacher=pad_dialogs([pair.teacher for pair in pairs]))


def context_batches(pairs: Sequence[ContextPair], batch_size: int, epochs: int, seed: int) -> list[ContextBatch]:
    """All batches of some epochs, each in a fresh order."""
    batches = []
    for epoch in range(epochs):
        order = list(pairs)
        random.Random(f"{seed}/{epoch}").shuffle(order)
        batches += [context_batch(order[at : at + batch_size]) for at in range(0, len(order), batch_size)]
    return batches


def context_kl(teacher: nn.Module) -> LossFunction:
    """The loss to train with: KL(teacher with preprompt || student without), summed over answer tokens, in nats.

    Args:
        teacher: A frozen copy of the model as it was. It gets no gradient.

    Returns:
        A function of model and :class:`ContextBatch` that gives the sum and the number of tokens.
    """

    def loss(model: nn.Module, batch: Batch) -> tuple[Tensor, int]:
        if not isinstance(batch, ContextBatch) or batch.teacher is None:
            raise ValueError(f"the KL form trains on ContextBatch with the teacher's rows, not {type(batch).__name__}")
        with torch.no_grad():
            goal = answer_logits(teacher, batch.teacher)
        return kl_to(goal, answer_logits(model, batch)), batch.n_targets

    return loss


def answer_logits(model: nn.Module, batch: Batch) -> Float[Tensor, "targets vocab"]:
    """Logits at the places from which answer tokens are predicted, row by row, in order; float32."""
    hidden = model.hidden(batch.tokens, positions=batch.positions, document_ids=batch.document_ids)  # type: ignore[operator]
    return model.output(hidden.flatten(0, 1)[target_places(batch)]).float()  # type: ignore[operator]


def target_places(batch: Batch) -> Int[Tensor, " targets"]:
    """Where targets stand in the flattened rows."""
    return (batch.targets.flatten() != IGNORE).nonzero().squeeze(1)


def kl_to(goal: Float[Tensor, "targets vocab"], logits: Float[Tensor, "targets vocab"]) -> Float[Tensor, ""]:
    """Sum over places of KL(softmax(goal) || softmax(logits)), in nats."""
    return F.kl_div(logits.log_softmax(-1), goal.log_softmax(-1), reduction="sum", log_target=True)
