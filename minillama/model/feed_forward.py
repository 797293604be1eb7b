"""The feed-forward layer with a SwiGLU gate (paper, section 2.2)."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from minillama.model.config import ModelArgs
from minillama.model.mixed import as_factor


class FeedForward(nn.Module):
    """w2(silu(w1 x) * w3 x) (Shazeer 2020), of Meta's width `args.ffn_hidden_dim`."""

    def __init__(self, args: ModelArgs) -> None:
        super().__init__()
        self.w1 = nn.Linear(args.dim, args.ffn_hidden_dim, bias=False)
        self.w2 = nn.Linear(args.ffn_hidden_dim, args.dim, bias=False)
        self.w3 = nn.Linear(args.dim, args.ffn_hidden_dim, bias=False)

    def forward(self, x: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        """Apply the layer to every vector."""
        x = as_factor(x)
        return self.w2(F.silu(self.w1(x)) * self.w3(x))
