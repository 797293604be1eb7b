"""Llama 2: token embeddings, pre-normalised blocks, a final norm and an output layer (paper, section 2.2)."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from minillama.model.attention import Attention, attention_bias, prefers_matmul
from minillama.model.config import ModelArgs
from minillama.model.feed_forward import FeedForward
from minillama.model.kv_cache import KVCache
from minillama.model.rms_norm import RMSNorm
from minillama.model.rotary import RotaryTable

EMBEDDING_STD = 1.0


class TransformerBlock(nn.Module):
    """Attention, then the feed-forward layer, each on the normalised stream and added back to it."""

    def __init__(self, args: ModelArgs) -> None:
        super().__init__()
        self.attention = Attention(args)
        self.feed_forward = FeedForward(args)
        self.attention_norm = RMSNorm(args.dim, args.norm_eps)
        self.ffn_norm = RMSNorm(args.dim, args.norm_eps)

    def forward(
        self,
        x: Float[Tensor, "batch seq dim"],
        turn: Float[Tensor, "two #batch seq 1 head_dim"],
        bias: Float[Tensor, "#batch 1 seq keys"] | None,
        cache: KVCache | None = None,
        layer: int = 0,
    ) -> Float[Tensor, "batch seq dim"]:
        """Run the block; `turn`, `bias` and `cache` are those of `Attention.forward`."""
        x = x + self.attention(self.attention_norm(x), turn, bias, cache, layer)
        return x + self.feed_forward(self.ffn_norm(x))


class Transformer(nn.Module):
    """A Llama 2 model with Meta's parameter names, so that Meta's files load as they are.

    The paper does not state its initialisation. Here embeddings are normal with standard deviation 1, matrices with
    1 / sqrt(3 * inputs), which are the sizes that PyTorch gives them, and the two matrices that write to the residual
    stream (wo, w2) are divided by sqrt(2 n_layers), so that depth does not blow it up. With the usual 0.02 for all of
    them, narrow models like ours learn later to look up what a name was said with.
    """

    def __init__(self, args: ModelArgs) -> None:
        super().__init__()
        self.args = args
        self.tok_embeddings = nn.Embedding(args.vocab_size, args.dim)
        self.layers = nn.ModuleList(TransformerBlock(args) for _ in range(args.n_layers))
        self.norm = RMSNorm(args.dim, args.norm_eps)
        self.output = nn.Linear(args.dim, args.vocab_size, bias=False)
        self.rotary = RotaryTable(args.head_dim, args.max_seq_len, args.rope_theta)
        self.rotary.to(self.device)
        self._initialise()

    def _initialise(self) -> None:
        nn.init.normal_(self.tok_embeddings.weight, std=EMBEDDING_STD)
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear):
                writes_to_residual = name.endswith(("wo", "w2"))
                nn.init.normal_(module.weight, std=linear_std(module.in_features, self.args, writes_to_residual))

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> "Transformer":
        """Move the rotary table along with the parameters (it is no buffer), before a compiler looks at it."""
        super()._apply(fn, recurse)
        self.rotary.to(self.device)
        return self

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return self.tok_embeddings.weight.device

    @property
    def n_parameters(self) -> int:
        """Number of parameters."""
        return sum(parameter.numel() for parameter in self.parameters())

    def forward(
        self,
        tokens: Int[Tensor, "batch seq"],
        *,
        positions: Int[Tensor, "#batch seq"] | None = None,
        document_ids: Int[Tensor, "batch seq"] | None = None,
        cache: KVCache | None = None,
        padding: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch seq vocab"]:
        """Logits of the token after each token, in float32; the arguments are those of `hidden`."""
        states = self.hidden(tokens, positions=positions, document_ids=document_ids, cache=cache, padding=padding)
        return self.output(states).float()

    def hidden(
        self,
        tokens: Int[Tensor, "batch seq"],
        *,
        positions: Int[Tensor, "#batch seq"] | None = None,
        document_ids: Int[Tensor, "batch seq"] | None = None,
        cache: KVCache | None = None,
        padding: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch seq dim"]:
        """States after the final norm; whoever needs few logits applies `output` to few of them.

        Args:
            tokens: ids below `vocab_size`.
            positions: absolute positions; by default they count from 0, or go on where the cache ends.
            document_ids: a token sees only earlier tokens with its own id (several documents packed in a row).
            cache: keys and values of earlier tokens; those of `tokens` are added to it.
            padding: number of left-pad tokens of each row: no one sees them, and positions count after them.
                With a cache it is given with the first tokens and remembered.

        Raises:
            ValueError: no tokens, positions past `max_seq_len`, a full cache, or arguments that exclude each other.
        """
        seq = tokens.shape[1]
        start = 0 if cache is None else cache.length
        if cache is not None:
            padding = _padding_of(cache, padding, document_ids, seq)
        if positions is None:
            positions = self._count_positions(start, seq, padding, tokens.device)
        self._check_positions(positions, seq)
        turn = self.rotary.at(positions)
        bias = attention_bias(
            start,
            seq,
            tokens.device,
            document_ids=document_ids,
            padding=padding,
            explicit=prefers_matmul(tokens.device, self.args.head_dim, seq),
        )
        x = self.tok_embeddings(tokens)
        for index, layer in enumerate(self.layers):
            x = layer(x, turn, bias, cache, index)
        if cache is not None:
            cache.advance(seq)
        return self.norm(x)

    def new_cache(self, batch: int, slots: int) -> KVCache:
        """An empty cache for `batch` rows of up to `slots` tokens, on the model's device and in its dtype."""
        return KVCache(self.args, batch, slots, device=self.device, dtype=self.tok_embeddings.weight.dtype)

    def _count_positions(
        self, start: int, seq: int, padding: Int[Tensor, " batch"] | None, device: torch.device
    ) -> Int[Tensor, "#batch seq"]:
        if padding is None and start + seq > self.args.max_seq_len:
            raise ValueError(
                f"{start + seq} tokens are more than the model's context of {self.args.max_seq_len}; "
                "shorten the text or raise max_seq_len"
            )
        slots = torch.arange(start, start + seq, device=device)[None]
        return slots if padding is None else (slots - padding[:, None]).clamp(min=0)

    def _check_positions(self, positions: Int[Tensor, "#batch seq"], seq: int) -> None:
        if seq == 0:
            raise ValueError("there are no tokens; a forward pass needs at least one")
        if torch.compiler.is_compiling() or positions.is_meta:
            return  # reading values would break the graph; an index out of range still fails, less politely
        low, high = (int(bound) for bound in torch.aminmax(positions))
        if low < 0 or high >= self.args.max_seq_len:
            raise ValueError(
                f"positions run from {low} to {high}; the model's context allows 0 to {self.args.max_seq_len - 1}"
            )


def linear_std(inputs: int, args: ModelArgs, writes_to_residual: bool) -> float:
    """Standard deviation of a fresh matrix with so many inputs; see :class:`Transformer`."""
    std = (3 * inputs) ** -0.5
    return std / (2 * args.n_layers) ** 0.5 if writes_to_residual else std


def _padding_of(
    cache: KVCache, padding: Int[Tensor, " batch"] | None, document_ids: Int[Tensor, "batch seq"] | None, seq: int
) -> Int[Tensor, " batch"] | None:
    """The padding a cache remembers, taken over from the first call; checks what a cache cannot do."""
    if document_ids is not None:
        raise ValueError("document_ids and cache exclude each other: packed rows are for training")
    if padding is not None:
        if cache.length:
            raise ValueError(f"padding comes with the first tokens; this cache already holds {cache.length}")
        cache.padding = padding
    if cache.length + seq > cache.slots:
        raise ValueError(f"the cache has {cache.slots} slots and holds {cache.length}; {seq} more do not fit")
    return cache.padding
