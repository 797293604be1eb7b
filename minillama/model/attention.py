"""Grouped-query attention with rotary positions (paper, section 2.2 and appendix A.2.1)."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from minillama.model.config import ModelArgs
from minillama.model.kv_cache import KVCache
from minillama.model.mixed import as_factor
from minillama.model.rotary import rotate

QUERY_BLOCK = 128


def prefers_matmul(device: torch.device, head_dim: int, seq: int) -> bool:
    """Whether attention is computed as two plain matrix products instead of by PyTorch's fused kernel.

    The one place where this is decided. On a CPU the fused kernel is slower for small heads (about half as
    fast at a width of 32), and autocast and compilation do more for plain products; they hold seq x keys
    numbers per head in memory, so long sequences go to the fused kernel, as does every GPU.
    """
    return device.type == "cpu" and head_dim <= 64 and seq <= 1024


def attention_bias(
    start: int,
    seq: int,
    device: torch.device,
    *,
    document_ids: Int[Tensor, "batch seq"] | None = None,
    padding: Int[Tensor, " batch"] | None = None,
    explicit: bool = True,
) -> Float[Tensor, "#batch 1 seq keys"] | None:
    """What is added to the scores: 0 where a query may see a key, minus infinity where not.

    Query i stands in slot `start + i`, keys in slots 0 .. start + seq - 1. A query sees itself and what comes
    before it, in its own document and past the padding. Padding sees itself, so that no row of a softmax is empty.

    Args:
        start: number of slots filled before this call (by a cache).
        seq: number of queries.
        device: where the bias lives.
        document_ids: document of each token; only without a cache.
        padding: number of slots on the left of each row that hold nothing.
        explicit: False allows None for plain causal attention, which fused kernels know without a mask.

    Returns:
        The bias, or None where a causal kernel needs none (a single query sees everything).
    """
    if document_ids is None and padding is None and (seq == 1 or (start == 0 and not explicit)):
        return None
    slots = torch.arange(start + seq, device=device)
    queries = slots[start:, None]
    visible = (slots <= queries)[None]
    if document_ids is not None:
        visible = visible & (document_ids[:, :, None] == document_ids[:, None, :])
    if padding is not None:
        visible = visible & ((slots >= padding[:, None, None]) | (slots == queries))
    return torch.zeros(visible.shape, device=device).masked_fill(~visible, -math.inf)[:, None]


def attend(
    q: Float[Tensor, "batch heads seq head_dim"],
    k: Float[Tensor, "batch kv_heads keys head_dim"],
    v: Float[Tensor, "batch kv_heads keys head_dim"],
    bias: Float[Tensor, "#batch 1 seq keys"] | None,
) -> Float[Tensor, "batch heads seq head_dim"]:
    """softmax(q k^T / sqrt(head_dim) + bias) v; query heads share key heads in order, `heads / kv_heads` each.

    Without a bias the attention is causal, which for a single query means that it sees every key.
    """
    heads, seq, head_dim = q.shape[1:]
    kv_heads = k.shape[1]
    if (bias is None and seq > 1) or not prefers_matmul(q.device, head_dim, seq):
        mask = None if bias is None else bias.to(q.dtype)
        causal = bias is None and seq > 1
        return F.scaled_dot_product_attention(q, k, v, mask, is_causal=causal, enable_gqa=heads != kv_heads)
    if bias is None:
        return _attend_by_matmul(q, k, v, None)
    # Queries go in blocks, and each block meets the keys up to its own end only: what causality forbids anyway is
    # not computed, which saves almost half of a long row.
    before = k.shape[2] - seq
    blocks = []
    for first in range(0, seq, QUERY_BLOCK):
        last = min(first + QUERY_BLOCK, seq)
        end = before + last
        block_bias = bias[:, :, first:last, :end].to(q.dtype)
        blocks.append(_attend_by_matmul(q[:, :, first:last], k[:, :, :end], v[:, :, :end], block_bias))
    return blocks[0] if len(blocks) == 1 else torch.cat(blocks, dim=2)


def _attend_by_matmul(
    q: Float[Tensor, "batch heads seq head_dim"],
    k: Float[Tensor, "batch kv_heads keys head_dim"],
    v: Float[Tensor, "batch kv_heads keys head_dim"],
    bias: Float[Tensor, "#batch 1 seq keys"] | None,
) -> Float[Tensor, "batch heads seq head_dim"]:
    batch, heads, seq, head_dim = q.shape
    kv_heads = k.shape[1]
    # The queries of a group stand under one another, so that no key is copied for them.
    scores = (q * head_dim**-0.5).reshape(batch, kv_heads, -1, head_dim) @ k.transpose(-2, -1)
    if bias is not None:
        # In place, and in the scores' own format, where adding 0 or minus infinity is exact: each further pass over
        # the scores costs as much as a matrix product.
        scores.view(batch, heads, seq, -1).add_(bias)
    # Softmax sums in float32 whatever the format; naming it keeps autocast from making copies.
    weights = torch.softmax(scores, dim=-1, dtype=scores.dtype)
    return (weights @ v).view(batch, heads, seq, head_dim)


class Attention(nn.Module):
    """Self-attention whose query heads share fewer key and value heads (Ainslie et al. 2023).

    `n_kv_heads == n_heads` is ordinary multi-head attention, 1 is multi-query attention.
    """

    def __init__(self, args: ModelArgs) -> None:
        super().__init__()
        self.head_dim = args.head_dim
        self.wq = nn.Linear(args.dim, args.n_heads * args.head_dim, bias=False)
        self.wk = nn.Linear(args.dim, args.kv_heads * args.head_dim, bias=False)
        self.wv = nn.Linear(args.dim, args.kv_heads * args.head_dim, bias=False)
        self.wo = nn.Linear(args.n_heads * args.head_dim, args.dim, bias=False)

    def forward(
        self,
        x: Float[Tensor, "batch seq dim"],
        turn: Float[Tensor, "two #batch seq 1 head_dim"],
        bias: Float[Tensor, "#batch 1 seq keys"] | None,
        cache: KVCache | None = None,
        layer: int = 0,
    ) -> Float[Tensor, "batch seq dim"]:
        """Attend within `x`, and to what the cache holds of this layer."""
        x = as_factor(x)
        q = rotate(self.wq(x).unflatten(-1, (-1, self.head_dim)), turn).transpose(1, 2)
        k = rotate(self.wk(x).unflatten(-1, (-1, self.head_dim)), turn).transpose(1, 2)
        v = self.wv(x).unflatten(-1, (-1, self.head_dim)).transpose(1, 2)
        if cache is not None:
            k, v = cache.update(layer, k, v)
            k, v = k.to(q.dtype), v.to(q.dtype)
        return self.wo(attend(q, k, v, bias).transpose(1, 2).flatten(-2))
