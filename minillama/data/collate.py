"""Batches for training: rows of token ids with targets already shifted, and the two ways to lay dialogues out in rows.

Section 3.1 of the paper: loss is zero on prompt tokens, and prompts and answers are put one after the other so that
sequences are filled. Filling (``pack_dialogs``) costs no padding; ``pad_dialogs`` is the plain layout to compare with.
"""

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Int
from torch import Tensor

IGNORE = -100  # what torch's cross entropy skips by default
FILL_ID = 0  # Llama's tokenizer has no pad id; id 0 (unknown) fills rows and never counts


@runtime_checkable
class MaskedTokens(Protocol):
    """Token ids with a loss mask, as ``minillama.chat.DialogTokens``: mask 1 where the token is to be predicted."""

    @property
    def tokens(self) -> Sequence[int]:
        """Ids of the whole example, BOS and EOS included."""
        ...

    @property
    def loss_mask(self) -> Sequence[int]:
        """0 or 1 for each token."""
        ...


@dataclass(frozen=True)
class Batch:
    """Rows of a training step. ``targets[t]`` is the token to predict at place ``t``, or ``IGNORE``.

    ``positions`` and ``document_ids`` are there when a row holds several documents: positions start again at 0 in each,
    and a token attends only to tokens with its own document id.
    """

    tokens: Int[Tensor, "batch seq"]
    targets: Int[Tensor, "batch seq"]
    positions: Int[Tensor, "batch seq"] | None = None
    document_ids: Int[Tensor, "batch seq"] | None = None

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device, copied without waiting where the memory allows it."""

        def move(part: Tensor | None) -> Tensor | None:
            return None if part is None else part.to(device, non_blocking=True)

        return Batch(
            self.tokens.to(device, non_blocking=True),
            self.targets.to(device, non_blocking=True),
            move(self.positions),
            move(self.document_ids),
        )

    @property
    def n_targets(self) -> int:
        """How many tokens of the batch count in the loss."""
        return int((self.targets != IGNORE).sum())


def shifted_targets(tokens: Sequence[int], loss_mask: Sequence[int]) -> list[int]:
    """Targets of one document: the next token where the mask counts it, ``IGNORE`` elsewhere and at the end."""
    return [token if counts else IGNORE for token, counts in zip(tokens[1:], loss_mask[1:])] + [IGNORE]


def best_fit_decreasing(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Put items into few rows of ``capacity``: longest first, each into the fullest row that has room.

    Returns the item indices of each row. Beside first-fit decreasing it fills as well, and with the rows sorted by
    their room an item costs one binary search instead of a walk along all rows.
    """
    rows: list[list[int]] = []
    room: list[tuple[int, int]] = []  # (free tokens, row), sorted
    for item in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        at = bisect.bisect_left(room, (lengths[item], -1))
        if at == len(room):
            rows.append([])
            free, row = capacity, len(rows) - 1
        else:
            free, row = room.pop(at)
        rows[row].append(item)
        bisect.insort(room, (free - lengths[item], row))
    return rows


def pad_dialogs(examples: Sequence[MaskedTokens], seq_len: int | None = None) -> Batch:
    """One example a row, filled up on the right to the longest one (or to ``seq_len``).

    A causal model never looks right, so the filling needs no mask: its targets are ``IGNORE``.
    Raises ValueError for no examples, or one that is empty or longer than ``seq_len``.
    """
    width = max((len(example.tokens) for example in examples), default=0) if seq_len is None else seq_len
    check_dialogs(examples, width)
    tokens, targets, _, _ = _empty_rows(len(examples), width)
    for row, example in enumerate(examples):
        _write(tokens, row, 0, example.tokens)
        _write(targets, row, 0, shifted_targets(example.tokens, example.loss_mask))
    return Batch(tokens, targets)


def pack_dialogs(examples: Sequence[MaskedTokens], seq_len: int) -> Batch:
    """Several examples a row, in as few rows of ``seq_len`` as best-fit decreasing finds.

    Raises ValueError for no examples, or one that is empty or longer than ``seq_len``.
    """
    check_dialogs(examples, seq_len)
    plan = best_fit_decreasing([len(example.tokens) for example in examples], seq_len)
    return pack_rows([[examples[index] for index in row] for row in plan], seq_len)


def pack_rows(rows: Sequence[Sequence[MaskedTokens]], seq_len: int) -> Batch:
    """Lay out rows whose examples are already chosen; each row's examples must fit ``seq_len`` together.

    Documents of a row are numbered from 0; the filling behind them is a document of its own, so nothing attends to it.
    """
    tokens, targets, positions, document_ids = _empty_rows(len(rows), seq_len)
    for row, examples in enumerate(rows):
        start = 0
        for number, example in enumerate(examples):
            end = start + len(example.tokens)
            _write(tokens, row, start, example.tokens)
            _write(targets, row, start, shifted_targets(example.tokens, example.loss_mask))
            positions[row, start:end] = torch.arange(end - start)
            document_ids[row, start:end] = number
            start = end
        positions[row, start:] = torch.arange(seq_len - start)
        document_ids[row, start:] = len(examples)
    return Batch(tokens, targets, positions, document_ids)


def check_dialogs(examples: Sequence[MaskedTokens], seq_len: int) -> None:
    """Raise ValueError unless there are examples and each has 1 to ``seq_len`` tokens and a mask of the same length."""
    if not examples:
        raise ValueError("there are no examples to put in a batch; give at least one")
    for index, example in enumerate(examples):
        n_tokens, n_mask = len(example.tokens), len(example.loss_mask)
        if n_tokens != n_mask:
            raise ValueError(f"example {index} has {n_tokens} tokens but a loss mask of {n_mask}; they must be as long")
        if not 1 <= n_tokens <= seq_len:
            raise ValueError(
                f"example {index} has {n_tokens} tokens, a row holds 1 to {seq_len}; shorten it or raise seq_len"
            )


def _empty_rows(n_rows: int, seq_len: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    shape = (n_rows, seq_len)
    tokens = torch.full(shape, FILL_ID, dtype=torch.long)
    targets = torch.full(shape, IGNORE, dtype=torch.long)
    return tokens, targets, torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)


def _write(rows: Int[Tensor, "batch seq"], row: int, start: int, values: Iterable[int]) -> None:
    piece = torch.tensor(list(values), dtype=torch.long)
    rows[row, start : start + len(piece)] = piece
