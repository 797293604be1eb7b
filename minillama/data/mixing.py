"""How often each source is seen: the paper up-samples the most factual sources (section 2.1) for more knowledge."""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from minillama.valley.corpus import Document

FACTUAL = {"encyclopedia": 2.0}  # an encyclopedia page is read twice an epoch


def mix(
    documents: Sequence[Document], weights: Mapping[str, int | float] | None = None, seed: int = 0
) -> list[Document]:
    """Documents in a random order, those of a source repeated ``weights[source]`` times (1 where none is given).

    A weight of 2.3 gives every document twice and three tenths of them a third time; 0 leaves a source out. The order
    depends on ``seed`` alone. Raises ValueError for a negative or infinite weight or a source that no document has.
    """
    weights = FACTUAL if weights is None else weights
    by_source: defaultdict[str, list[Document]] = defaultdict(list)
    for document in documents:
        by_source[document.source].append(document)
    for source, weight in weights.items():
        if not (math.isfinite(weight) and weight >= 0):
            raise ValueError(f"the weight of source {source!r} is {weight}; it must be 0 or more")
        if source not in by_source:
            raise ValueError(f"no document has source {source!r}; there are {sorted(by_source)}")
    rng = random.Random(seed)
    mixed: list[Document] = []
    for source in sorted(by_source):
        whole, part = divmod(weights.get(source, 1.0), 1)
        mixed += by_source[source] * int(whole)
        mixed += rng.sample(by_source[source], round(part * len(by_source[source])))
    rng.shuffle(mixed)
    return mixed


def shares(documents: Sequence[Document]) -> dict[str, float]:
    """Each source's share of the characters, the largest first."""
    characters: Counter[str] = Counter()
    for document in documents:
        characters[document.source] += len(document.text)
    total = sum(characters.values())
    return {source: count / total for source, count in characters.most_common()}
