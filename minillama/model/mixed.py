"""Mixed precision where several matrix products share a factor."""

import torch
from jaxtyping import Float
from torch import Tensor


def as_factor(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """`x` in the format that autocast multiplies in, converted once where autocast would for every product."""
    device = x.device.type
    return x.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else x
