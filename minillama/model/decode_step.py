"""One new token for every row, in as few operations as it takes.

A small model's time per token is mostly the cost of starting operations, not of arithmetic. This form of the
forward pass holds each layer's wq, wk, wv (and w1, w3) as one matrix, with the weights of the norm before them and
the scale of the scores multiplied in, and turns queries and keys in one go. It computes what
`Transformer.forward` computes (tested to be equal).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from minillama.model.kv_cache import KVCache
from minillama.model.transformer import Transformer, TransformerBlock

# Joined matrices are a second copy of the weights. Beyond this size arithmetic outweighs what they save.
MOST_PARAMETERS = 50_000_000


def suits(model: Transformer) -> bool:
    """Whether a model is small enough, and in float32 (half formats round where `RMSNorm` says)."""
    return model.n_parameters <= MOST_PARAMETERS and model.tok_embeddings.weight.dtype == torch.float32


class DecodeStep:
    """A model's forward pass for one token a row, on weights as they are when it is made.

    Use it under `torch.no_grad()`, and make a new one after the weights change. It computes in float32 under autocast
    too: bfloat16 gained nothing here, and rounding would make a row depend on the batch around it.
    """

    def __init__(self, model: Transformer) -> None:
        self.model = model
        self.layers = [_JoinedBlock(block) for block in model.layers]  # type: ignore[arg-type]
        self.output = _fold(model.norm.weight, model.output.weight)
        self.floor = _floor(model.norm.eps, model.norm.weight)
        cos, sin = model.rotary.to(model.device)[:, :, 1::2]
        self.turns = torch.complex(cos, sin)

    def __call__(self, tokens: Int[Tensor, " batch"], cache: KVCache) -> Float[Tensor, "batch vocab"]:
        """Logits after `tokens`, whose keys and values go into the next slot of `cache`.

        Raises:
            ValueError: the cache is full or the context used up.
        """
        slot, model = cache.length, self.model
        if slot >= cache.slots:
            raise ValueError(f"the cache has {cache.slots} slots and all are filled; reserve more")
        if cache.padding is None and slot >= model.args.max_seq_len:
            raise ValueError(f"position {slot} is past the model's context of {model.args.max_seq_len}")
        turn = self.turns[slot] if cache.padding is None else self.turns[slot - cache.padding][:, None]
        bias = cache.padding_bias()
        x = F.embedding(tokens, model.tok_embeddings.weight)
        with torch.autocast(x.device.type, enabled=False):
            for layer, keys, values in zip(self.layers, cache.keys, cache.values):
                x = layer.attend(x, turn, keys, values, slot, bias)
                x = layer.feed_forward(x)
            cache.advance(1)
            return torch.mm(_normalise(x, self.floor), self.output)


class _JoinedBlock:
    """The weights of one block, joined, and its two halves."""

    def __init__(self, block: TransformerBlock) -> None:
        attention, feed_forward = block.attention, block.feed_forward
        self.floor = _floor(block.attention_norm.eps, block.attention_norm.weight)
        wq = attention.wq.weight * attention.head_dim**-0.5
        self.qkv = _fold(block.attention_norm.weight, torch.cat((wq, attention.wk.weight, attention.wv.weight)))
        self.wo = attention.wo.weight.t().contiguous()
        self.w13 = _fold(block.ffn_norm.weight, torch.cat((feed_forward.w1.weight, feed_forward.w3.weight)))
        self.w2 = feed_forward.w2.weight.t().contiguous()

    def attend(
        self,
        x: Float[Tensor, "batch dim"],
        turn: Tensor,
        keys: Float[Tensor, "batch kv_heads slots head_dim"],
        values: Float[Tensor, "batch kv_heads slots head_dim"],
        slot: int,
        bias: Float[Tensor, "batch 1 slots"] | None,
    ) -> Float[Tensor, "batch dim"]:
        """Add attention to the stream; the new key and value go into `slot`."""
        batch, kv_heads, slots, head_dim = keys.shape
        heads = torch.mm(_normalise(x, self.floor), self.qkv).view(batch, -1, head_dim)
        torch.view_as_complex(heads[:, :-kv_heads].view(batch, -1, head_dim // 2, 2)).mul_(turn)
        keys[:, :, slot] = heads[:, -2 * kv_heads : -kv_heads]
        values[:, :, slot] = heads[:, -kv_heads:]
        q = heads[:, : -2 * kv_heads].reshape(batch * kv_heads, -1, head_dim)
        seen_keys = keys.view(-1, slots, head_dim)[:, : slot + 1]
        seen_values = values.view(-1, slots, head_dim)[:, : slot + 1]
        scores = torch.bmm(q, seen_keys.transpose(1, 2))
        if bias is not None:
            scores.view(batch, -1, slot + 1).add_(bias[:, :, : slot + 1])
        mixed = torch.bmm(torch.softmax(scores, dim=-1), seen_values)
        return torch.addmm(x, mixed.view(batch, -1), self.wo)

    def feed_forward(self, x: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch dim"]:
        """Add the feed-forward layer to the stream."""
        gate, up = torch.mm(_normalise(x, self.floor), self.w13).chunk(2, dim=-1)
        return torch.addmm(x, F.silu(gate).mul_(up), self.w2)


def _fold(norm: Float[Tensor, " dim"], matrix: Float[Tensor, "out dim"]) -> Float[Tensor, "dim out"]:
    """The matrix, turned, of a layer that reads vectors of `_normalise`, with the norm's weight multiplied in."""
    return (matrix * norm * norm.numel() ** 0.5).t().contiguous()


def _floor(eps: float, like: Float[Tensor, " dim"]) -> Float[Tensor, ""]:
    """The length below which RMSNorm's epsilon acts: sqrt(dim eps)."""
    return like.new_tensor((like.numel() * eps) ** 0.5)


def _normalise(x: Float[Tensor, "batch dim"], floor: Float[Tensor, ""]) -> Float[Tensor, "batch dim"]:
    """Vectors of length 1: RMSNorm without its weight and without sqrt(dim), which `_fold` adds.

    x / sqrt(mean(x^2) + eps) = sqrt(dim) x / sqrt(|x|^2 + dim eps): three operations where `F.rms_norm` takes seven.
    """
    return x / torch.hypot(torch.linalg.vector_norm(x, dim=-1, keepdim=True), floor)
