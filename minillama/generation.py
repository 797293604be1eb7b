"""Batched generation with a KV cache: prompts of any lengths in, new tokens and their log-probabilities out."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from minillama.model import KVCache, Transformer
from minillama.model.decode_step import DecodeStep, suits
from minillama.sampling import SamplingSettings, choose_tokens, row_uniforms

# Finished rows are dropped from the batch once this share of it, or less, is still going: copying the cache for
# every row that ends would cost more than the row.
COMPACT_AT = 0.75
# Prompts are read in pieces of about so many tokens over all rows, which bounds the memory of the scores.
PREFILL_TOKENS = 8192

Step = Callable[[Int[Tensor, " batch"], KVCache], Float[Tensor, "batch vocab"]]


@dataclass(frozen=True, kw_only=True)
class Generation:
    """What `generate` returns: one entry a row, `n` rows a prompt, in the order of the prompts.

    Attributes:
        tokens: new tokens only; a stop token that ended the row is kept.
        logprobs: log-probability of each of them under the full distribution (before top-k and top-p) at the
            sampling temperature; at temperature 1 for greedy decoding.
        finished: whether the row ended with a stop token, not for want of `max_new_tokens`.
    """

    tokens: list[list[int]]
    logprobs: list[list[float]]
    finished: list[bool]


def generate(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float = 1.0,
    n: int = 1,
    stop_ids: Sequence[int] = (2,),
    seed: int | None = None,
) -> Generation:
    """Continue every prompt `n` times.

    Prompts of different lengths share a batch, each prompt is read once whatever `n` is, and rows that have finished
    leave the batch. A row's randomness depends on the seed, its prompt and the number of the sample alone, so a
    batch gives what its rows give one by one, in any order, up to the rounding of the arithmetic.

    Args:
        model: any `Transformer`, on any device; its weights and training mode are left as they are.
        prompts: token ids, at least one each; begin-of-sequence is not added.
        max_new_tokens: most tokens a row gets.
        temperature: divides the logits; 0 is greedy.
        top_k: sample from so many most likely tokens only; None means all.
        top_p: sample from the smallest set of most likely tokens with at least this probability.
        n: samples of each prompt.
        stop_ids: a row ends after one of these.
        seed: the same seed gives the same tokens; None takes one from torch's global generator.

    Raises:
        ValueError: no or an empty prompt, an id outside the vocabulary, a prompt and its new tokens longer than the
            context, or a setting out of its range.
    """
    settings = SamplingSettings(temperature=temperature, top_k=top_k, top_p=top_p)
    _check(model, prompts, max_new_tokens, n, stop_ids)
    if seed is None:
        seed = int(torch.randint(2**63 - 1, ()))
    unique = {prompt: index for index, prompt in enumerate(dict.fromkeys(tuple(prompt) for prompt in prompts))}
    rows = _number_samples(prompts, n)
    uniforms = torch.from_numpy(row_uniforms(seed, rows, max_new_tokens)).to(model.device)
    with _frozen(model):
        cache, logits = _read_prompts(model, list(unique), max_new_tokens)
        source = torch.tensor([unique[prompt] for prompt, _ in rows], device=model.device)
        if len(unique) < len(rows):
            cache = cache.select(source)
        step = DecodeStep(model) if suits(model) else _plain_step(model)
        return _decode(step, cache, logits[source], uniforms, settings, frozenset(stop_ids))


def _decode(
    step: Step,
    cache: KVCache,
    logits: Float[Tensor, "rows vocab"],
    uniforms: Float[Tensor, "rows new"],
    settings: SamplingSettings,
    stop_ids: frozenset[int],
) -> Generation:
    """Choose and feed tokens until every row has stopped or has used up its random numbers."""
    n_rows, max_new_tokens = uniforms.shape
    result = Generation(
        tokens=[[] for _ in range(n_rows)], logprobs=[[] for _ in range(n_rows)], finished=[False] * n_rows
    )
    batch = list(range(n_rows))  # the row of the result that each row of the batch writes to
    for time in range(max_new_tokens):
        tokens, logprobs = choose_tokens(logits, uniforms[:, time], settings)
        _record(result, batch, tokens.tolist(), logprobs.tolist(), stop_ids)
        going = [place for place, row in enumerate(batch) if not result.finished[row]]
        if not going or time + 1 == max_new_tokens:
            break
        if len(going) <= COMPACT_AT * len(batch):
            places = torch.tensor(going, device=tokens.device)
            cache, tokens, uniforms = cache.select(places), tokens[places], uniforms[places]
            batch = [batch[place] for place in going]
        logits = step(tokens, cache)
    return result


def _record(
    result: Generation, batch: list[int], tokens: list[int], logprobs: list[float], stop_ids: frozenset[int]
) -> None:
    for row, token, logprob in zip(batch, tokens, logprobs):
        if result.finished[row]:
            continue
        if logprob != logprob:
            raise ValueError("the model's logits are not numbers; its weights may hold NaN or infinity")
        result.tokens[row].append(token)
        result.logprobs[row].append(logprob)
        result.finished[row] = token in stop_ids


def _read_prompts(
    model: Transformer, prompts: Sequence[Sequence[int]], max_new_tokens: int
) -> tuple[KVCache, Float[Tensor, "batch vocab"]]:
    """Run the left-padded prompts through the model, piece by piece; return the cache and the last logits."""
    longest = max(len(prompt) for prompt in prompts)
    tokens = torch.tensor([[0] * (longest - len(prompt)) + list(prompt) for prompt in prompts], device=model.device)
    lengths = {len(prompt) for prompt in prompts}
    padding = None
    if len(lengths) > 1:
        padding = torch.tensor([longest - len(prompt) for prompt in prompts], device=model.device)
    cache = model.new_cache(len(prompts), longest + max_new_tokens - 1)
    for piece in tokens.split(max(1, PREFILL_TOKENS // len(prompts)), dim=1):
        states = model.hidden(piece, cache=cache, padding=padding if cache.length == 0 else None)
    return cache, model.output(states[:, -1]).float()


def _plain_step(model: Transformer) -> Step:
    """One token a row through the model's ordinary forward pass, for large models and half formats."""

    def step(tokens: Int[Tensor, " batch"], cache: KVCache) -> Float[Tensor, "batch vocab"]:
        return model(tokens[:, None], cache=cache)[:, -1]

    return step


def _number_samples(prompts: Sequence[Sequence[int]], n: int) -> list[tuple[tuple[int, ...], int]]:
    """Rows as (prompt, number of the sample); a prompt that comes twice goes on counting, so that it differs."""
    seen: Counter[tuple[int, ...]] = Counter()
    rows = []
    for prompt in map(tuple, prompts):
        rows += [(prompt, seen[prompt] + sample) for sample in range(n)]
        seen[prompt] += n
    return rows


@contextmanager
def _frozen(model: Transformer) -> Iterator[None]:
    """Evaluation mode without gradients, and the mode it was in again afterwards."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


def _check(
    model: Transformer, prompts: Sequence[Sequence[int]], max_new_tokens: int, n: int, stop_ids: Sequence[int]
) -> None:
    vocab, context = model.args.vocab_size, model.args.max_seq_len
    if not prompts:
        raise ValueError("prompts is empty; give at least one list of token ids")
    for name, value in (("max_new_tokens", max_new_tokens), ("n", n)):
        if value < 1:
            raise ValueError(f"{name} is {value}; it has to be at least 1")
    for index, prompt in enumerate(prompts):
        if not prompt:
            raise ValueError(f"prompt {index} is empty; it needs at least one token, for example the begin token 1")
        if min(prompt) < 0 or max(prompt) >= vocab:
            wrong = min(prompt) if min(prompt) < 0 else max(prompt)
            raise ValueError(f"prompt {index} holds the id {wrong}; the vocabulary has ids 0 to {vocab - 1}")
        if len(prompt) + max_new_tokens > context:
            raise ValueError(
                f"prompt {index} has {len(prompt)} tokens and max_new_tokens is {max_new_tokens}, together "
                f"{len(prompt) + max_new_tokens}; the model's context is {context}"
            )
    if wrong_stops := [token for token in stop_ids if not 0 <= token < vocab]:
        raise ValueError(f"stop_ids holds {wrong_stops}; the vocabulary has ids 0 to {vocab - 1}")
