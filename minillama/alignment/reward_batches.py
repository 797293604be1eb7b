"""Batches of preference pairs: chosen and rejected answers in one block of rows, rows of about the same length."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from minillama.alignment.preferences import EncodedPair
from minillama.alignment.reward_losses import margins_of
from minillama.alignment.reward_model import pad_rows

POOL_BATCHES = 16  # batches' worth of pairs among which lengths are matched


@dataclass(frozen=True)
class PairBatch:
    """The first half of the rows are chosen answers, the second the rejected ones, in the same order.

    One forward pass over both is faster than two, and no batch-wise state could treat them differently.

    Attributes:
        tokens: filled up on the right.
        lengths: real tokens of each row.
        margins: of each pair.
        safe: whether each row's answer was found safe; meaningless where not ``labelled``.
        labelled: whether anybody said.
        starts: place of each answer's first token.
    """

    tokens: Int[Tensor, "rows seq"]
    lengths: Int[Tensor, " rows"]
    margins: Float[Tensor, " pairs"]
    safe: Bool[Tensor, " rows"]
    labelled: Bool[Tensor, " rows"]
    starts: Int[Tensor, " rows"]

    @property
    def n_targets(self) -> int:
        """Number of pairs, by which the summed loss is divided."""
        return len(self.margins)

    def to(self, device: torch.device | str) -> "PairBatch":
        """The same batch on another device."""
        parts = (self.tokens, self.lengths, self.margins, self.safe, self.labelled, self.starts)
        return PairBatch(*(part.to(device, non_blocking=True) for part in parts))


def collate_pairs(pairs: Sequence[EncodedPair], margin: str) -> PairBatch:
    """Lay out pairs as a batch, with the margins of one of Table 27's columns. Raises ValueError for no pairs."""
    if not pairs:
        raise ValueError("there are no pairs to put in a batch; give at least one")
    tokens, lengths = pad_rows(
        [
            [*pair.prompt, *answer]
            for side in ("chosen", "rejected")
            for pair in pairs
            for answer in [getattr(pair, side)]
        ]
    )
    labels = [pair.answers_safe for pair in pairs]
    return PairBatch(
        tokens,
        lengths,
        margins_of([pair.rating for pair in pairs], margin),
        torch.tensor([label is not None and label[side] for side in (0, 1) for label in labels]),
        torch.tensor([label is not None for _ in (0, 1) for label in labels]),
        torch.tensor([len(pair.prompt) for _ in (0, 1) for pair in pairs]),
    )


class PairLoader:
    """Gives the batches of ``epochs`` passes over pairs, each pass in a fresh order, and can stop and go on.

    Pairs of similar length share a batch. What an epoch's batches are depends on seed and epoch alone.
    """

    def __init__(
        self,
        pairs: Sequence[EncodedPair],
        batch_size: int,
        *,
        margin: str = "none",
        seed: int = 0,
        epochs: int = 1,
        recipe: Mapping[str, Any] | None = None,
    ) -> None:
        """``recipe`` is whatever else a run that goes on must have in common with the one that stopped (plain JSON).

        Raises ValueError for no pairs or sizes below 1.
        """
        if not pairs:
            raise ValueError("there are no preference pairs to train on; collect some first")
        for name, value in (("batch_size", batch_size), ("epochs", epochs)):
            if value < 1:
                raise ValueError(f"{name} is {value}; it must be at least 1")
        self.pairs, self.batch_size, self.margin, self.seed, self.epochs = pairs, batch_size, margin, seed, epochs
        self.recipe = dict(recipe or {})
        self._place = 0

    def __len__(self) -> int:
        """Batches of all epochs."""
        return self.epochs * -(-len(self.pairs) // self.batch_size)

    def __iter__(self) -> "PairLoader":
        return self

    def __next__(self) -> PairBatch:
        if self._place >= len(self):
            self._place = 0
            raise StopIteration
        epoch, place = divmod(self._place, len(self) // self.epochs)
        self._place += 1
        return collate_pairs([self.pairs[index] for index in self._batches(epoch)[place]], self.margin)

    def state_dict(self) -> dict[str, Any]:
        """Where the loader stands; plain numbers, so that a checkpoint can hold it as JSON."""
        return {"place": self._place, **self._identity()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another loader stood. Raises ValueError when its pairs, seed or recipe were others."""
        for name, value in self._identity().items():
            if state.get(name) != value:
                raise ValueError(f"the saved loader had {name} = {state.get(name)}, this one has {value}")
        self._place = int(state["place"])

    def _identity(self) -> dict[str, Any]:
        tokens = sum(len(pair.prompt) + len(pair.chosen) + len(pair.rejected) for pair in self.pairs)
        sizes = {"pairs": len(self.pairs), "tokens": tokens, "batch_size": self.batch_size}
        return {**sizes, "margin": self.margin, "seed": self.seed, "epochs": self.epochs, "recipe": self.recipe}

    def _batches(self, epoch: int) -> list[list[int]]:
        rng = random.Random(f"{self.seed}:{epoch}")
        order = list(range(len(self.pairs)))
        rng.shuffle(order)
        size, pool = self.batch_size, self.batch_size * POOL_BATCHES
        batches = []
        for start in range(0, len(order), pool):
            chunk = sorted(order[start : start + pool], key=lambda index: self.pairs[index].width)
            batches += [chunk[first : first + size] for first in range(0, len(chunk), size)]
        rng.shuffle(batches)
        return batches
