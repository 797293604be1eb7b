"""Choosing the next token: temperature, top-k, top-p, and random numbers that belong to a row."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

# Sampling from the nucleus looks at so many tokens first, and sorts the whole vocabulary only if they do not do.
FIRST_LOOK = 64
# Colder than this is greedy to float32, and dividing by less could overflow.
COLDEST = 1e-6


@dataclass(frozen=True, kw_only=True)
class SamplingSettings:
    """How the next token is chosen.

    Attributes:
        temperature: divides the logits; 0 takes the most likely token.
        top_k: sample only from so many most likely tokens; None means from all.
        top_p: sample only from the smallest set of most likely tokens whose probabilities add up to this
            (nucleus sampling, Holtzman et al. 2020), taken after `top_k`.

    Raises:
        ValueError: a value is out of its range.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            raise ValueError(f"temperature is {self.temperature}; it has to be 0 (greedy) or a number above")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k is {self.top_k}; it has to be at least 1, or None for all tokens")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is {self.top_p}; it has to be above 0 and at most 1")


def choose_tokens(
    logits: Float[Tensor, "rows vocab"], uniforms: Float[Tensor, " rows"], settings: SamplingSettings
) -> tuple[Int[Tensor, " rows"], Float[Tensor, " rows"]]:
    """Choose one token for every row.

    Args:
        logits: of the next token.
        uniforms: one number in [0, 1) for every row, float64; it falls into some token's piece of the unit interval.
        settings: temperature, top-k and top-p.

    Returns:
        The tokens, and their log-probabilities under the whole distribution at the temperature (at 1 where it is 0).
    """
    scale = 1.0 if settings.temperature == 0 else max(settings.temperature, COLDEST)
    logprobs = torch.log_softmax(logits if scale == 1.0 else logits / scale, dim=-1)
    if settings.temperature == 0:
        tokens = logprobs.max(dim=-1).indices  # several times as fast as argmax on a CPU
    elif settings.top_k is None and settings.top_p == 1:
        tokens = _invert_cdf(logprobs.exp(), uniforms)
    else:
        probs, ids = _likeliest(logprobs, settings)
        tokens = ids.gather(-1, _invert_cdf(probs, uniforms)[:, None]).squeeze(-1)
    return tokens, logprobs.gather(-1, tokens[:, None]).squeeze(-1)


def _invert_cdf(probs: Float[Tensor, "rows choices"], uniforms: Float[Tensor, " rows"]) -> Int[Tensor, " rows"]:
    """The choice whose piece of [0, sum of probs) holds `uniforms * sum`; never one of probability 0."""
    edges = probs.cumsum(dim=-1, dtype=torch.float64)
    targets = uniforms[:, None] * edges[:, -1:]
    return torch.searchsorted(edges, targets, right=True).squeeze(-1).clamp_(max=probs.shape[-1] - 1)


def _likeliest(
    logprobs: Float[Tensor, "rows vocab"], settings: SamplingSettings
) -> tuple[Float[Tensor, "rows choices"], Int[Tensor, "rows choices"]]:
    """Probabilities (0 outside the nucleus) and ids of the most likely tokens, in falling order."""
    vocab = logprobs.shape[-1]
    if settings.top_k is not None:
        values, ids = logprobs.topk(min(settings.top_k, vocab), dim=-1)
        probs = torch.softmax(values, dim=-1)
    else:
        values, ids = logprobs.topk(min(FIRST_LOOK, vocab), dim=-1)
        probs = values.exp()
        if bool((probs.sum(dim=-1) < settings.top_p).any()):
            values, ids = logprobs.sort(dim=-1, descending=True)
            probs = values.exp()
    before = probs.cumsum(dim=-1) - probs
    return probs.masked_fill(before >= settings.top_p, 0), ids


def row_uniforms(seed: int, rows: Sequence[tuple[Sequence[int], int]], count: int) -> Float[np.ndarray, "rows count"]:
    """Random numbers in [0, 1) that depend on the seed and a row alone, not on its neighbours or its place.

    A row is a prompt and the number of its sample. Their hash is the key of a counter-based generator (SplitMix64,
    Steele et al. 2014): number t is a function of key and t, so all of them come from a few array operations.

    Args:
        seed: any whole number.
        rows: (prompt, number of the sample).
        count: how many numbers each row gets.

    Returns:
        (rows, count) float64.
    """
    keys = np.array([_row_key(seed, prompt, sample) for prompt, sample in rows], dtype=np.uint64)
    steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    bits = keys[:, None] + steps
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    bits ^= bits >> np.uint64(31)
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _row_key(seed: int, prompt: Sequence[int], sample: int) -> int:
    text = f"{seed}/{sample}/{','.join(map(str, prompt))}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
