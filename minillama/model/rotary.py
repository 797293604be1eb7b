"""Rotary position embeddings in Meta's interleaved layout (Su et al. 2021, equation 34)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


class RotaryTable:
    """Cosines and sines of every position, in float32 whatever the model's dtype.

    Pair i of a head turns by `position * theta ** (-2 i / head_dim)` radians. The table is no buffer of the
    model on purpose: `model.bfloat16()` would round the angles, and position 4,000 could not be told from 4,001.
    """

    def __init__(self, head_dim: int, max_seq_len: int, theta: float) -> None:
        self.head_dim = head_dim
        self.max_seq_len = max_seq_len
        self.theta = theta
        self._table: Float[Tensor, "two positions head_dim"] | None = None

    def to(self, device: torch.device) -> Float[Tensor, "two positions head_dim"]:
        """The table on a device, computed at first use: what each number of a head is multiplied with (the cosine),
        and what its neighbour is (the sine, negative for the first of a pair).
        """
        if self._table is None or self._table.device != device:
            exponents = torch.arange(0, self.head_dim, 2, dtype=torch.float32, device=device) / self.head_dim
            positions = torch.arange(self.max_seq_len, dtype=torch.float32, device=device)
            angles = torch.outer(positions, self.theta**-exponents)
            cos = angles.cos().repeat_interleave(2, dim=-1)
            sin = torch.stack((-angles.sin(), angles.sin()), dim=-1).flatten(-2)
            self._table = torch.stack((cos, sin))
        return self._table

    def at(self, positions: Int[Tensor, "#batch seq"]) -> Float[Tensor, "two #batch seq 1 head_dim"]:
        """Cosines and sines at these positions, with room for the dimension of the heads."""
        return self.to(positions.device)[:, positions].unsqueeze(-2)


def rotate(
    x: Float[Tensor, "batch seq heads head_dim"], turn: Float[Tensor, "two #batch seq 1 head_dim"]
) -> Float[Tensor, "batch seq heads head_dim"]:
    """Turn the pairs (x0, x1), (x2, x3), ... of every head by the angles in `turn` (from `RotaryTable.at`).

    Hugging Face turns (x0, x_{d/2}), ... instead; `convert` permutes wq and wk between the two layouts.
    """
    cos, sin = turn
    neighbours = x.unflatten(-1, (-1, 2)).flip(-1).flatten(-2)
    return torch.addcmul(x * cos, neighbours, sin).to(x.dtype)
