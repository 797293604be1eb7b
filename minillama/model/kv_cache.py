"""The keys and values of tokens already read, so that each new token costs one token's work."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from minillama.model.config import ModelArgs


class KVCache:
    """Keys and values of every layer for a batch, in memory reserved once.

    All rows fill the same slots at the same time: a shorter prompt is padded on the left, and `padding` says
    how many of a row's first slots hold nothing. Slot s of a row is therefore position s - padding.

    Attributes:
        keys, values: (layers, batch, kv_heads, slots, head_dim), meaningful up to `length`.
        length: number of slots filled.
        padding: (batch,) number of empty slots on the left of each row, or None if there are none.
    """

    def __init__(
        self, args: ModelArgs, batch: int, slots: int, *, device: torch.device | None = None, dtype: torch.dtype
    ) -> None:
        shape = (args.n_layers, batch, args.kv_heads, slots, args.head_dim)
        self.keys = torch.empty(shape, device=device, dtype=dtype)
        self.values = torch.empty(shape, device=device, dtype=dtype)
        self.length = 0
        self.padding: Int[Tensor, " batch"] | None = None
        self._padding_bias: Float[Tensor, "batch 1 slots"] | None = None

    @property
    def slots(self) -> int:
        """Number of slots reserved."""
        return self.keys.shape[3]

    @property
    def batch(self) -> int:
        """Number of rows."""
        return self.keys.shape[1]

    def update(
        self, layer: int, keys: Float[Tensor, "batch kv_heads seq head_dim"], values: Float[Tensor, "..."]
    ) -> tuple[Float[Tensor, "batch kv_heads keys head_dim"], Float[Tensor, "batch kv_heads keys head_dim"]]:
        """Store the keys and values of new tokens in one layer; return all of that layer, old and new.

        `length` moves on once per forward pass, by `advance`, not here.
        """
        end = self.length + keys.shape[2]
        self.keys[layer, :, :, self.length : end] = keys
        self.values[layer, :, :, self.length : end] = values
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]

    def advance(self, seq: int) -> None:
        """Count `seq` new slots as filled, after every layer has stored them."""
        self.length += seq

    def padding_bias(self) -> Float[Tensor, "batch 1 slots"] | None:
        """What single queries add to their scores: minus infinity at slots that are padding; None without padding."""
        if self.padding is not None and self._padding_bias is None:
            empty = torch.arange(self.slots, device=self.keys.device) < self.padding[:, None]
            self._padding_bias = torch.zeros(empty.shape, device=self.keys.device).masked_fill(empty, -math.inf)[
                :, None
            ]
        return self._padding_bias

    def select(self, rows: Int[Tensor, " rows"]) -> "KVCache":
        """A cache of these rows (repeated ones too), without the slots that are padding in all of them.

        This is how finished rows stop costing, and how one prefill serves n samples of a prompt.
        """
        padding = None if self.padding is None else self.padding[rows]
        first = 0 if padding is None else int(padding.min())
        chosen = object.__new__(KVCache)
        chosen._padding_bias = None
        chosen.length = self.length - first
        chosen.padding = None if padding is None or int(padding.max()) == first else padding - first
        chosen.keys = self._copy_rows(self.keys, rows, first)
        chosen.values = self._copy_rows(self.values, rows, first)
        return chosen

    def _copy_rows(self, old: Float[Tensor, "..."], rows: Int[Tensor, " rows"], first: int) -> Float[Tensor, "..."]:
        layers, _, kv_heads, slots, head_dim = old.shape
        new = old.new_empty((layers, len(rows), kv_heads, slots - first, head_dim))
        new[:, :, :, : self.length - first] = old[:, :, :, first : self.length].index_select(1, rows)
        return new
