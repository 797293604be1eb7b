"""How alike several texts are: Self-BLEU (Zhu et al. 2018), the measure of the paper's Figure 21."""

import math
from collections import Counter
from collections.abc import Hashable, Sequence

Tokens = Sequence[Hashable]


def self_bleu(texts: Sequence[str] | Sequence[Tokens], n: int = 4, *, smooth: bool = False) -> float:
    """Mean BLEU of each text with all the others as its references, in [0, 1]; 1 says all texts are the same.

    BLEU is the geometric mean over orders 1 to ``n`` of the share of n-grams that some reference has as often, times
    exp(1 - r/c) for a text of c words that is shorter than r, the reference nearest in length. Orders that a text is
    too short for are left out, so that equal short texts give 1. Without smoothing one order without a match makes
    a text's BLEU 0, which for answers of one sentence happens often.

    Args:
        texts: Strings, cut at white space, or sequences of tokens. An empty text counts 1 where another is empty too,
            else 0.
        n: Longest n-gram.
        smooth: Add one to matches and totals of all orders but the first (Lin and Och 2004): texts that share
            words but no long n-gram then differ from texts that share nothing, which still give 0.

    Raises:
        ValueError: Fewer than two texts, or ``n`` < 1.
    """
    if len(texts) < 2 or isinstance(texts, str):
        raise ValueError(f"Self-BLEU compares a text with others: give a list of at least two, not {texts!r}")
    if n < 1:
        raise ValueError(f"n is the length of the longest n-gram, at least 1, not {n}")
    tokens = [tuple(text.split()) if isinstance(text, str) else tuple(text) for text in texts]
    matches = [_matches(tokens, order) for order in range(1, n + 1)]
    lengths = Counter(len(each) for each in tokens)
    scores = [
        _bleu([order[i] for order in matches], len(text), _nearest_length(lengths, len(text)), smooth)
        for i, text in enumerate(tokens)
    ]
    return sum(scores) / len(scores)


def _matches(tokens: list[tuple[Hashable, ...]], order: int) -> list[int]:
    """For each text: how many of its n-grams the other texts have, each counted at most as often as in one of them.

    The greatest count among the others is the greatest of all, or the second where the text holds the greatest
    itself; so one pass over all texts will do instead of one per pair.
    """
    counts = [Counter(text[i : i + order] for i in range(len(text) - order + 1)) for text in tokens]
    first: dict[Hashable, tuple[int, int]] = {}  # n-gram: (greatest count, text that has it)
    second: dict[Hashable, int] = {}
    for index, counter in enumerate(counts):
        for gram, count in counter.items():
            best = first.get(gram, (0, -1))
            if count > best[0]:
                first[gram], second[gram] = (count, index), best[0]
            else:
                second[gram] = max(second[gram], count)
    return [
        sum(min(count, second[gram] if first[gram][1] == index else first[gram][0]) for gram, count in counter.items())
        for index, counter in enumerate(counts)
    ]


def _nearest_length(lengths: Counter[int], own: int) -> int:
    """Length of the other text that is nearest in length, the shorter of two that are equally near."""
    others = (length for length, count in lengths.items() if length != own or count > 1)
    return min(others, key=lambda length: (abs(length - own), length))


def _bleu(matches: list[int], length: int, reference: int, smooth: bool) -> float:
    if length == 0:
        return float(reference == 0)
    logs = []
    for order, matched in enumerate(matches[:length]):
        extra = int(smooth and order > 0)
        if matched + extra == 0:
            return 0.0
        logs.append(math.log((matched + extra) / (length - order + extra)))
    brevity = min(0.0, 1 - reference / length)
    return math.exp(brevity + sum(logs) / len(logs)) if matches[0] else 0.0
