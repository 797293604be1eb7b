"""What best-of-N gives for every N, from one large sample (Figure 7): order statistics instead of new draws."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class RewardCurves:
    """Expected values for N answers a prompt; rows are prompts, so that means and intervals can be taken over them.

    Attributes:
        ns: the numbers of answers, one for each column.
        maximum: score of the answer that best-of-N keeps.
        median: median score of the N answers.
        picked: value (a judge's, say) of the answer that best-of-N keeps; None where no values were given.
    """

    ns: tuple[int, ...]
    maximum: Float[Tensor, "prompts ns"]
    median: Float[Tensor, "prompts ns"]
    picked: Float[Tensor, "prompts ns"] | None = None


def reward_curves(
    scores: Float[Tensor, "prompts samples"],
    ns: Sequence[int],
    *,
    values: Float[Tensor, "prompts samples"] | None = None,
    usable: Bool[Tensor, "prompts samples"] | None = None,
) -> RewardCurves:
    """Expected maximum and median of the score among N answers, and the value of the answer that the score picks.

    Of the M answers sampled for a prompt, any N are as good a draw of N as any other. The mean over all C(M, N) of
    them needs no enumeration: sorted by score, the i-th of M is the j-th of N in C(i-1, j-1) C(M-i, N-j) of them. The
    result has no bias for any N up to M, and every N uses all answers, so that the curve is smooth.

    Args:
        scores: by which the best is picked, one row for each prompt.
        ns: numbers of answers, each from 1 to M.
        values: what the answers are worth by another measure, such as the judge's.
        usable: answers that were finished and say something: any of these is kept before one that is not, whatever
            the scores (:func:`minillama.alignment.best_of_n.best_of_n`). All are, where it is not given.

    Raises:
        ValueError: an N out of range, a score or value that is not finite, or shapes that differ.

    Source: Figure 7 of the paper.
    """
    samples = _check(scores, ns, values, usable)
    scores = scores.detach().double().cpu()
    ranks = _by_preference(scores, usable)
    weights = torch.stack([order_statistic_weights(samples, n, n) for n in ns])
    halves = torch.stack([median_weights(samples, n) for n in ns])
    return RewardCurves(
        ns=tuple(ns),
        maximum=scores.gather(1, ranks) @ weights.T,
        median=scores.sort(dim=1).values @ halves.T,
        picked=None if values is None else values.detach().double().cpu().gather(1, ranks) @ weights.T,
    )


def order_statistic_weights(samples: int, n: int, place: int) -> Float[Tensor, " samples"]:
    """How often each of the sorted ``samples`` values is at ``place`` (from 1, rising) in a subset of ``n`` of them.

    The counts are whole numbers far beyond a float's range and are divided as such.
    """
    subsets = math.comb(samples, n)
    counts = (math.comb(i, place - 1) * math.comb(samples - 1 - i, n - place) for i in range(samples))
    return torch.tensor([count / subsets for count in counts], dtype=torch.float64)


def median_weights(samples: int, n: int) -> Float[Tensor, " samples"]:
    """Weights of the sorted values in the expected median of ``n``: for an even number, of the middle two."""
    low, high = (n + 1) // 2, n // 2 + 1
    return (order_statistic_weights(samples, n, low) + order_statistic_weights(samples, n, high)) / 2


def _by_preference(scores: Tensor, usable: Bool[Tensor, "prompts samples"] | None) -> Tensor:
    """Columns from the least to the most preferred answer; of equal ones the first is preferred, as in best_of_n."""
    backwards = torch.arange(scores.shape[1] - 1, -1, -1)
    order = backwards[scores[:, backwards].sort(dim=1, stable=True).indices]
    if usable is None:
        return order
    return order.gather(1, usable.cpu().gather(1, order).int().sort(dim=1, stable=True).indices)


def _check(scores: Tensor, ns: Sequence[int], values: Tensor | None, usable: Tensor | None) -> int:
    prompts, samples = scores.shape
    if not ns or prompts == 0 or not all(1 <= n <= samples for n in ns):
        raise ValueError(
            f"ns is {list(ns)} with {prompts} prompts; each number must be from 1 to the {samples} answers"
        )
    for name, table in (("scores", scores), ("values", values), ("usable", usable)):
        if table is None:
            continue
        if table.shape != scores.shape:
            raise ValueError(f"{name} has shape {tuple(table.shape)}, but scores has {tuple(scores.shape)}")
        wrong = (~table.isfinite()).nonzero().tolist()
        if wrong:
            prompt, sample = wrong[0]
            raise ValueError(f"{name}[{prompt}, {sample}] is {float(table[prompt, sample])}; all must be finite")
    return samples
