"""Batches of dialogues for fine-tuning, in a fresh order every epoch, that can stop and go on."""

import random
from collections.abc import Iterator, Sequence

from minillama.data.collate import Batch, MaskedTokens, best_fit_decreasing, check_dialogs, pack_rows, pad_dialogs

POOL = 1024  # examples among which lengths are matched: enough to waste little, few enough to keep the order random

Row = list[int]  # indices of the examples in one row


class DialogLoader:
    """Gives the batches of ``epochs`` passes over dialogues (or of endless ones).

    Three layouts: with ``seq_len`` rows of that length hold as many dialogues as fit and a batch has ``batch_size``
    rows (section 3.1 of the paper); without it a batch holds ``batch_size`` dialogues of about the same length, or as
    many as fit ``tokens_per_batch`` with their filling. What an epoch's batches are depends on seed and epoch alone,
    so the state is two numbers. Of several ranks each takes every ``world_size``-th batch; all give as many.
    """

    def __init__(
        self,
        examples: Sequence[MaskedTokens],
        batch_size: int | None = None,
        *,
        seq_len: int | None = None,
        tokens_per_batch: int | None = None,
        seed: int = 0,
        epochs: int | None = None,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        """Raises ValueError for sizes below 1, no example, one that does not fit, or neither or both batch sizes."""
        if (batch_size is None) == (tokens_per_batch is None):
            raise ValueError("give either batch_size or tokens_per_batch, not both")
        if seq_len is not None and batch_size is None:
            raise ValueError("rows of seq_len are counted: give batch_size, not tokens_per_batch")
        sizes = {"batch_size": batch_size, "seq_len": seq_len, "tokens_per_batch": tokens_per_batch, "epochs": epochs}
        for name, value in {**sizes, "world_size": world_size}.items():
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}; it must be at least 1")
        if not 0 <= rank < world_size:
            raise ValueError(f"rank is {rank}; with world_size {world_size} it must be 0 to {world_size - 1}")
        self.lengths = [len(example.tokens) for example in examples]
        check_dialogs(examples, seq_len or tokens_per_batch or max(self.lengths, default=0))
        self.examples, self.batch_size, self.seq_len = examples, batch_size, seq_len
        self.tokens_per_batch, self.seed, self.epochs = tokens_per_batch, seed, epochs
        self.rank, self.world_size = rank, world_size
        self._epoch, self._next = 0, 0
        self._plan: tuple[int, list[list[Row]]] | None = None
        if not self._batches(0):
            raise ValueError(f"{len(examples)} examples make fewer batches than there are ranks ({world_size})")

    def __iter__(self) -> "DialogLoader":
        return self

    def __next__(self) -> Batch:
        if self._next >= len(self._batches(self._epoch)):
            self._epoch, self._next = self._epoch + 1, 0
        if self.epochs is not None and self._epoch >= self.epochs:
            self._epoch, self._next = self.epochs, 0
            raise StopIteration
        rows = self._batches(self._epoch)[self._next]
        self._next += 1
        if self.seq_len is None:
            return pad_dialogs([self.examples[index] for row in rows for index in row])
        return pack_rows([[self.examples[index] for index in row] for row in rows], self.seq_len)

    def __len__(self) -> int:
        """How many batches all epochs give together; TypeError when they never end."""
        if self.epochs is None:
            raise TypeError("a loader without epochs never ends; give epochs to know how many batches there are")
        return sum(len(self._batches(epoch)) for epoch in range(self.epochs))

    def state_dict(self) -> dict[str, int]:
        """Where the loader stands; plain numbers, so that a checkpoint can hold it as JSON."""
        return {"epoch": self._epoch, "next": self._next, **self._identity()}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on where another loader stood. Raises ValueError when its examples, seed or sizes were others."""
        for name, value in self._identity().items():
            if state.get(name) != value:
                raise ValueError(f"the saved loader had {name} = {state.get(name)}, this one has {value}")
        self._epoch, self._next = int(state["epoch"]), int(state["next"])

    def _identity(self) -> dict[str, int]:
        return {
            "seed": self.seed,
            "examples": len(self.examples),
            "tokens": sum(self.lengths),
            "batch_size": self.batch_size or 0,
            "seq_len": self.seq_len or 0,
            "tokens_per_batch": self.tokens_per_batch or 0,
            "world_size": self.world_size,
        }

    def _batches(self, epoch: int) -> list[list[Row]]:
        """This rank's batches of an epoch."""
        if self._plan is None or self._plan[0] != epoch:
            rng = random.Random(f"{self.seed}:{epoch}")
            batches = self._packed(rng) if self.seq_len is not None else list(self._bucketed(rng))
            if self.seq_len is None:
                rng.shuffle(batches)  # within a pool they come sorted by length
            even = len(batches) // self.world_size * self.world_size
            self._plan = epoch, batches[self.rank : even : self.world_size]
        return self._plan[1]

    def _pools(self, rng: random.Random) -> Iterator[list[int]]:
        order = list(range(len(self.examples)))
        rng.shuffle(order)
        return (order[start : start + POOL] for start in range(0, len(order), POOL))

    def _packed(self, rng: random.Random) -> list[list[Row]]:
        assert self.seq_len is not None
        assert self.batch_size is not None
        rows: list[Row] = []
        for pool in self._pools(rng):
            plan = best_fit_decreasing([self.lengths[index] for index in pool], self.seq_len)
            rows.extend([pool[place] for place in row] for row in plan)
        rng.shuffle(rows)
        return [rows[start : start + self.batch_size] for start in range(0, len(rows), self.batch_size)]

    def _bucketed(self, rng: random.Random) -> Iterator[list[Row]]:
        for pool in self._pools(rng):
            batch: list[Row] = []
            for index in sorted(pool, key=self.lengths.__getitem__):
                # Lengths only grow here, so the newcomer is the longest and sets the width of all rows.
                width, rows = self.lengths[index], len(batch) + 1
                if rows > (self.batch_size or rows) or (self.tokens_per_batch and rows * width > self.tokens_per_batch):
                    yield batch
                    batch = []
                batch.append([index])
            yield batch
