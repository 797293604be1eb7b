"""Where the last turn looks (Figure 10), and what a system message costs.

Attention weights are computed beside the model's forward pass, from what each attention layer receives and from its own
projections, so the forward pass itself stays the fast one.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from minillama.chat import B_INST, B_SYS, Message, check_dialog, encode_dialog
from minillama.model import ModelArgs, Transformer
from minillama.model.rotary import rotate
from minillama.tokenizer import Tokenizer

Span = tuple[int, int]  # first token, and the one after the last


@torch.no_grad()
def attention_weights(
    model: Transformer, tokens: Sequence[int], queries: Span | None = None
) -> Float[Tensor, "layers heads queries seq"]:
    """How much each head of each layer attends from some tokens to every token; each row sums to 1.

    Args:
        model: Left in the mode in which it came; no weight is changed.
        tokens: One dialogue.
        queries: The tokens that look, as a half-open range; all where not given.

    Raises:
        ValueError: There are no tokens, or the range does not lie within them.
    """
    first, last = _check_span("queries", queries or (0, len(tokens)), len(tokens))
    found: list[Tensor] = []

    def watch(attention: nn.Module, inputs: tuple[Any, ...]) -> None:
        found.append(_weights(attention, inputs[0], inputs[1], first, last))

    was_training = model.training
    handles = [layer.attention.register_forward_pre_hook(watch) for layer in model.layers]  # type: ignore[union-attr, operator]
    model.eval()
    try:
        model.hidden(torch.tensor([list(tokens)], device=model.device))
    finally:
        for handle in handles:
            handle.remove()
        model.train(was_training)
    return torch.stack(found)


def _weights(
    attention: nn.Module,
    x: Float[Tensor, "1 seq dim"],
    turn: Float[Tensor, "two #batch seq 1 head_dim"],
    first: int,
    last: int,
) -> Float[Tensor, "heads queries seq"]:
    """softmax(q k^T / sqrt(head_dim)) of one layer for the queries from ``first`` to before ``last``."""
    width: int = attention.head_dim  # type: ignore[assignment]
    q = rotate(attention.wq(x).unflatten(-1, (-1, width)), turn)[0, first:last].transpose(0, 1).float()  # type: ignore[operator]
    k = rotate(attention.wk(x).unflatten(-1, (-1, width)), turn)[0].transpose(0, 1).float()  # type: ignore[operator]
    k = k.repeat_interleave(q.shape[0] // k.shape[0], dim=0)
    places = torch.arange(x.shape[1], device=x.device)
    future = places > places[first:last, None]
    return torch.softmax((q @ k.transpose(1, 2) / math.sqrt(width)).masked_fill(future, -math.inf), dim=-1)


def attention_on_system(
    model: Transformer, tokens: Sequence[int], span: Span, queries: Span | None = None, *, bos_id: int = 1
) -> Float[Tensor, "layers heads"]:
    """Share of its attention that each head puts on the system message, averaged over the tokens of the last turn.

    Args:
        model: A chat model.
        tokens: A dialogue from :func:`minillama.chat.encode_dialog`, of two turns or more.
        span: The tokens of the system message; see :func:`system_span`.
        queries: The tokens that look; the last turn (from the last BOS on) where not given.
        bos_id: By which turns are told apart.

    Returns:
        Shares from 0 to 1. Figure 10 shows maxima: take ``.amax()`` over heads, or ``.amax(dim=(0, 1))`` of
        :func:`attention_weights` to see each token.

    Raises:
        ValueError: A range does not lie within the tokens, or the looking tokens stand before the system message's end.
    """
    first, last = _check_span("span", span, len(tokens))
    looks = queries or (max(index for index, token in enumerate(tokens) if token == bos_id or index == 0), len(tokens))
    if looks[0] < last:
        raise ValueError(f"queries begin at {looks[0]}, before the system message ends at {last}; use a later turn")
    return attention_weights(model, tokens, looks)[..., first:last].sum(-1).mean(-1)


def system_span(dialog: Sequence[Message], tokenizer: Tokenizer) -> Span:
    """Which tokens of ``encode_dialog(dialog, tokenizer)`` are the text of the system message.

    Raises:
        ValueError: The dialogue has no system message, or the tokenizer joins it to the marks around it.
    """
    check_dialog(dialog)
    if dialog[0]["role"] != "system":
        raise ValueError("the dialog has no system message; put one in front")
    before = tokenizer.encode(f"{B_INST} {B_SYS}", bos=True)
    through = tokenizer.encode(f"{B_INST} {B_SYS}{dialog[0]['content']}", bos=True)
    whole = list(encode_dialog(dialog, tokenizer).tokens)
    if whole[: len(through)] != through or through[: len(before)] != before:
        raise ValueError("this tokenizer joins the system message to the marks around it; train it with byte newlines")
    return len(before), len(through)


def _check_span(name: str, span: Span, length: int) -> Span:
    if not 0 <= span[0] < span[1] <= length:
        raise ValueError(f"{name} is {span}; it must be a range (first, last + 1) within the {length} tokens")
    return span


@dataclass(frozen=True, kw_only=True)
class SystemCost:
    """What a system message adds to reading the prompt.

    Attributes:
        system_tokens: Tokens the prompt would be shorter without it, its marks included.
        prompt_tokens: Tokens of the whole prompt.
        prefill_share: Share of the operations for reading the prompt that it causes.
        cache_bytes: Keys and values kept for it, for each dialogue.
    """

    system_tokens: int
    prompt_tokens: int
    prefill_share: float
    cache_bytes: int


def system_cost(
    dialog: Sequence[Message], tokenizer: Tokenizer, args: ModelArgs, *, bytes_per_number: int = 2
) -> SystemCost:
    """Count what the system message of a dialogue costs a model of this shape, every time the dialogue is read.

    Raises:
        ValueError: The dialogue has no system message.
    """
    system_span(dialog, tokenizer)  # checks that there is one
    whole = len(encode_dialog(dialog, tokenizer))
    without = len(encode_dialog(dialog[1:], tokenizer))
    return SystemCost(
        system_tokens=whole - without,
        prompt_tokens=whole,
        prefill_share=1 - prefill_operations(args, without) / prefill_operations(args, whole),
        cache_bytes=(whole - without) * 2 * args.n_layers * args.kv_heads * args.head_dim * bytes_per_number,
    )


def prefill_operations(args: ModelArgs, tokens: int) -> int:
    """Multiplications and additions for reading so many tokens: two for each weight, and attention's own products.

    The embedding is looked up, not multiplied, and the output layer is applied to the last token alone.
    """
    weights = args.n_parameters - 2 * args.vocab_size * args.dim
    attended = tokens * (tokens + 1) // 2  # pairs of query and key
    return 2 * weights * tokens + 4 * args.n_layers * args.dim * attended + 2 * args.vocab_size * args.dim


@torch.no_grad()
def prefill_seconds(model: Transformer, tokens: int, *, batch: int = 1, repeats: int = 5) -> float:
    """Seconds to read a prompt of so many tokens; the fastest of some repeats, the first of which only warms up."""
    prompt = torch.full((batch, tokens), 1, device=model.device)
    seconds = []
    for _ in range(repeats + 1):
        _wait(model.device)
        began = time.perf_counter()
        states = model.hidden(prompt, cache=model.new_cache(batch, tokens))
        model.output(states[:, -1])
        _wait(model.device)
        seconds.append(time.perf_counter() - began)
    return min(seconds[1:])


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
