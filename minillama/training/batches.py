"""Draw batches from whatever gives them, and remember the place."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor


@runtime_checkable
class TrainBatch(Protocol):
    """What the loop asks of a batch, whatever its loss reads from it; ``minillama.data.Batch`` is one."""

    @property
    def tokens(self) -> Tensor:
        """Token ids, (rows, seq); their number is counted for the speed."""
        ...

    @property
    def n_targets(self) -> int:
        """By how much the summed loss is divided: tokens to predict, or pairs to rank."""
        ...

    def to(self, device: torch.device | str) -> "TrainBatch":
        """The same batch on another device."""
        ...


class BatchStream:
    """An endless row of batches that can stop and go on.

    A loader with ``state_dict`` and ``load_state_dict`` is asked for its place and put back there. One without (a list,
    for example) is run from its beginning again, and the batches already used are passed over.
    """

    def __init__(self, loader: Iterable[TrainBatch]) -> None:
        self.drawn = 0
        self._loader = loader
        self._iterator: Iterator[TrainBatch] | None = None

    def draw(self) -> TrainBatch:
        """Return the next batch; a loader that ends is begun again.

        Raises:
            ValueError: The loader has no (more) batches.
        """
        for _ in range(2):
            if self._iterator is None:
                self._iterator = iter(self._loader)
            try:
                batch = next(self._iterator)
            except StopIteration:
                self._iterator = None
                continue
            self.drawn += 1
            return batch
        raise ValueError(f"the loader gave {self.drawn} batches and has no more; give one that repeats, such as a list")

    def state_dict(self) -> dict[str, Any]:
        """Return the place in the row of batches, as plain JSON."""
        ask = getattr(self._loader, "state_dict", None)
        return {"drawn": self.drawn, "loader": None if ask is None else ask()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to the place that :meth:`state_dict` described."""
        if state["loader"] is not None:
            self._loader.load_state_dict(state["loader"])  # type: ignore[attr-defined]
        else:
            for _ in range(state["drawn"]):
                self.draw()
        self.drawn = state["drawn"]
