"""Exact duplicates by a hash, near duplicates by MinHash and locality-sensitive hashing.

Two texts are near duplicates when the sets of their word n-grams ("shingles") overlap: Jaccard similarity
|A and B| / |A or B|. The smallest hash of a set is the same for two sets with exactly that probability, so the share of
equal minima under many hash functions estimates it (Broder, 1997). Cutting these minima into bands and comparing
only texts that agree on a whole band avoids looking at all pairs.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import UInt32, UInt64

_WORDS = re.compile(r"\w+|[^\w\s]")
_MIX = np.uint64(0x9E3779B97F4A7C15)
_CHUNK = 1000  # texts whose shingles are in memory at once


def exact_duplicates(texts: Sequence[str]) -> list[int | None]:
    """For each text the index of the first one equal to it but for case and white space, or None."""
    first: dict[bytes, int] = {}
    result: list[int | None] = []
    for index, text in enumerate(texts):
        digest = hashlib.blake2b(" ".join(text.casefold().split()).encode(), digest_size=16).digest()
        earlier = first.setdefault(digest, index)
        result.append(None if earlier == index else earlier)
    return result


def near_duplicates(
    texts: Sequence[str],
    threshold: float = 0.7,
    permutations: int = 128,
    bands: int = 32,
    shingle_words: int = 3,
    seed: int = 0,
) -> list[int | None]:
    """For each text the index of an earlier, kept one whose estimated similarity is at least ``threshold``, or None.

    Texts that agree on one of the ``bands`` are compared; with r = permutations / bands minima a band, a pair of
    similarity s is found with probability 1 - (1 - s^r)^bands (0.9999 at s = 0.7 for the defaults).
    Raises ValueError for a threshold outside (0, 1] or bands that do not divide the permutations.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold}; a Jaccard similarity lies above 0 and at most at 1")
    if bands < 1 or permutations % bands:
        raise ValueError(f"{bands} bands do not divide {permutations} permutations; choose a divisor")
    signatures = minhash(texts, permutations, shingle_words, seed)
    keys = [[row[start:stop].tobytes() for start, stop in _cuts(permutations, bands)] for row in signatures]
    kept: list[defaultdict[bytes, list[int]]] = [defaultdict(list) for _ in range(bands)]
    result: list[int | None] = []
    for index, bands_of_text in enumerate(keys):
        candidates = sorted({other for band, key in zip(kept, bands_of_text) for other in band.get(key, ())})
        result.append(_most_similar(signatures, index, candidates, threshold))
        if result[-1] is None:
            for band, key in zip(kept, bands_of_text):
                band[key].append(index)
    return result


def minhash(
    texts: Sequence[str], permutations: int = 128, shingle_words: int = 3, seed: int = 0
) -> UInt32[np.ndarray, "texts permutations"]:
    """The smallest hash of each text's shingles under each of ``permutations`` hash functions."""
    rng = np.random.default_rng(seed)
    factors = rng.integers(1 << 63, size=permutations, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    offsets = rng.integers(1 << 63, size=permutations, dtype=np.uint64)
    signatures = np.empty((len(texts), permutations), np.uint32)
    word_hashes: dict[str, int] = {}
    for start in range(0, len(texts), _CHUNK):
        sets = [shingles(text, shingle_words, word_hashes) for text in texts[start : start + _CHUNK]]
        borders = np.cumsum([0, *(len(one) for one in sets[:-1])])
        everything = np.concatenate(sets)
        for column in range(permutations):
            # Multiply-shift: the high half of a 64-bit product is a fresh, nearly independent hash of the low half.
            hashed = ((everything * factors[column] + offsets[column]) >> np.uint64(32)).astype(np.uint32)
            signatures[start : start + len(sets), column] = np.minimum.reduceat(hashed, borders)
    return signatures


def shingles(
    text: str, shingle_words: int = 3, word_hashes: dict[str, int] | None = None
) -> UInt64[np.ndarray, " shingles"]:
    """32-bit hashes of the text's runs of ``shingle_words`` words; a shorter text is one run.

    ``word_hashes`` remembers the hashes of words from call to call.
    """
    known = {} if word_hashes is None else word_hashes
    words = _WORDS.findall(text.casefold())
    for word in words:
        if word not in known:
            known[word] = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
    hashes = np.array([known[word] for word in words] or [0], np.uint64)
    width = min(shingle_words, len(hashes))
    runs = np.zeros(len(hashes) - width + 1, np.uint64)
    for place in range(width):
        runs = (runs ^ hashes[place : place + len(runs)]) * _MIX
        runs ^= runs >> np.uint64(29)
    return runs >> np.uint64(32)


def _cuts(permutations: int, bands: int) -> Iterator[tuple[int, int]]:
    return pairwise(range(0, permutations + 1, permutations // bands))


def _most_similar(
    signatures: UInt32[np.ndarray, "texts permutations"], index: int, candidates: Sequence[int], threshold: float
) -> int | None:
    if not candidates:
        return None
    similarity = (signatures[list(candidates)] == signatures[index]).mean(axis=1)
    best = int(similarity.argmax())
    return candidates[best] if similarity[best] >= threshold else None
