"""Several answers to each prompt, and the best of them: the inner step of rejection sampling (section 3.2.3)."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from minillama.generation import Generation, generate
from minillama.model import Transformer
from minillama.tokenizer import Tokenizer

EOS_ID = 2


def blank_token_ids(tokenizer: Tokenizer) -> frozenset[int]:
    """Ids that print nothing: control ids, spaces and line breaks. An answer of these alone is empty."""
    return frozenset(token for token in range(tokenizer.vocab_size) if not tokenizer.decode([token]).strip())


def usable_answers(generation: Generation, blank_ids: Collection[int] = (EOS_ID,)) -> Bool[Tensor, " rows"]:
    """Which answers came to an end and say something.

    Args:
        generation: answers.
        blank_ids: tokens that say nothing; with a tokenizer at hand, :func:`blank_token_ids`.
    """
    blank = frozenset(blank_ids)
    rows = zip(generation.tokens, generation.finished, strict=True)
    return torch.tensor([done and not blank.issuperset(tokens) for tokens, done in rows], dtype=torch.bool)


def best_of_n(
    generation: Generation,
    scores: Float[Tensor, "..."],
    n: int,
    *,
    blank_ids: Collection[int] = (EOS_ID,),
) -> Int[Tensor, " prompts"]:
    """Choose the answer with the highest score for every prompt.

    Answers that were cut off (no EOS) or say nothing are no example to learn from, and a reward model that never saw
    such may score them high (silence is safe). So they are chosen only where a prompt has no other answer.

    Args:
        generation: ``n`` rows a prompt, one prompt behind the other, as `generate` gives them.
        scores: one for each row; only their order within a prompt counts, so equal scores throughout are fine.
        n: answers of each prompt.
        blank_ids: tokens that say nothing (see :func:`usable_answers`).

    Returns:
        The winner's row for each prompt, counted over all rows, so ``generation.tokens[row]`` is the answer. Of
        answers with equal scores the first wins.

    Raises:
        ValueError: a score is NaN, their number is not that of the rows, or the rows do not divide into groups of n.
    """
    rows = len(generation.tokens)
    if n < 1 or rows == 0 or rows % n:
        raise ValueError(f"there are {rows} answers and n is {n}; give n answers for each prompt, n at least 1")
    if scores.shape != (rows,):
        raise ValueError(f"the scores have shape {tuple(scores.shape)}; {rows} answers need shape ({rows},)")
    if wrong := scores.isnan().nonzero().flatten().tolist():
        raise ValueError(
            f"the score of row {wrong[0]} is NaN ({len(wrong)} of {rows} are); "
            "look at the reward model's weights and at that row's prompt and answer"
        )
    usable = usable_answers(generation, blank_ids).view(-1, n)
    allowed = usable | ~usable.any(dim=1, keepdim=True)
    grouped = scores.detach().cpu().view(-1, n)
    highest = grouped.masked_fill(~allowed, -torch.inf).amax(dim=1, keepdim=True)
    first = (allowed & (grouped == highest)).int().argmax(dim=1)
    return torch.arange(0, rows, n) + first


def sample_answers(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    n: int,
    *,
    max_new_tokens: int,
    temperature: float = 1.0,
    seed: int = 0,
    cache_megabytes: int = 256,
) -> Generation:
    """Sample ``n`` answers to every prompt, in pieces that fit into memory.

    A prompt is read once for all of its answers, and prompts of about the same length go together. The answers are
    those of one call of `generate` for everything, whatever the memory, as long as a piece holds ``n`` rows and no
    prompt comes twice; beyond that they are drawn from the same distribution with other random numbers.

    Args:
        model: the model to sample from.
        prompts: token ids.
        n: answers of each prompt.
        max_new_tokens: most tokens an answer gets.
        temperature: divides the logits.
        seed: the same seed gives the same answers.
        cache_megabytes: about what keys, values and scores of one piece may take, besides the model; a single row is
            always tried.

    Returns:
        ``n`` rows for each prompt, in the order of the prompts.

    Raises:
        ValueError: as `generate`; or no memory is allowed.
    """
    if not prompts or n < 1 or cache_megabytes < 1:
        raise ValueError(
            f"there are {len(prompts)} prompts, n is {n} and cache_megabytes {cache_megabytes}; each must be at least 1"
        )
    slots = max(len(prompt) for prompt in prompts) + max_new_tokens
    rows = max(1, cache_megabytes * 2**20 // bytes_of_row(model, slots))
    total = len(prompts) * n
    result = Generation(
        tokens=[[] for _ in range(total)], logprobs=[[] for _ in range(total)], finished=[False] * total
    )
    for chunk, first, count, call_seed in _calls(prompts, n, rows, seed):
        part = generate(
            model,
            [prompts[index] for index in chunk],
            max_new_tokens,
            temperature=temperature,
            n=count,
            seed=call_seed,
        )
        places = [index * n + first + sample for index in chunk for sample in range(count)]
        for row, place in enumerate(places):
            result.tokens[place] = part.tokens[row]
            result.logprobs[place] = part.logprobs[row]
            result.finished[place] = part.finished[row]
    return result


def bytes_of_row(model: Transformer, slots: int) -> int:
    """About the memory that one row takes while it is sampled, in bytes.

    Keys and values of every slot, twice since dropping finished rows copies them, and next to them what choosing a
    token needs: logits and log-probabilities in float32, cumulated probabilities in float64.
    """
    args = model.args
    cache = 2 * args.n_layers * args.kv_heads * args.head_dim * slots * model.tok_embeddings.weight.element_size()
    return 2 * cache + args.vocab_size * 16


def _calls(prompts: Sequence[Sequence[int]], n: int, rows: int, seed: int) -> Iterator[tuple[list[int], int, int, int]]:
    """The calls of `generate` that make up the work: indices of prompts, first sample, number of samples, seed.

    Rows with equal prompt, sample number and seed are equal. Since each call counts its samples from 0, one that goes
    on with a prompt (for want of memory, or since the prompt comes twice) needs a seed of its own.
    """
    seen: Counter[tuple[int, ...]] = Counter()
    passes: dict[int, list[int]] = {}
    for index, prompt in enumerate(map(tuple, prompts)):
        passes.setdefault(seen[prompt], []).append(index)
        seen[prompt] += 1
    at_once = min(n, rows)
    width = rows // at_once
    for before, indices in passes.items():
        order = sorted(indices, key=lambda index: len(prompts[index]))
        for start in range(0, len(order), width):
            for first in range(0, n, at_once):
                call_seed = _mix_seed(seed, before * n + first)
                yield order[start : start + width], first, min(at_once, n - first), call_seed


def _mix_seed(seed: int, samples_before: int) -> int:
    """The seed itself for a prompt's first samples, and an unrelated one for later ones."""
    if samples_before == 0:
        return seed
    digest = hashlib.blake2b(f"{seed}/{samples_before}".encode(), digest_size=7).digest()
    return int.from_bytes(digest, "little")
