"""RMSNorm: scale a vector to root mean square 1, then by a learned weight (paper, section 2.2)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class RMSNorm(nn.Module):
    """Root-mean-square normalisation (Zhang and Sennrich 2019): no mean is taken off, no bias is added.

    The mean square is taken in float32 and the result cast back to the input's dtype *before* the weight
    multiplies it, as Meta's code does.
    """

    def __init__(self, dim: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        """Normalise the last dimension."""
        return F.rms_norm(x.float(), (x.shape[-1],), None, self.eps).to(x.dtype) * self.weight
