"""Scores of quality and toxicity by logistic regression on hashed words, word pairs, letter triples and variety.

The paper measured toxicity with a classifier (HateBERT, section 4.1) and chose not to filter by it. Ours is small
enough to read: features are hashed into a table of fixed size, weights are fitted by some full-batch steps of Adam,
and nothing is random, so the same texts give the same scores everywhere.
"""

import functools
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from minillama.valley.corpus import Document, make_corpus
from minillama.valley.world import World

_WORDS = re.compile(r"[^\W\d_]+|\d+|[^\w\s]")
TABLE = 1 << 17
VALLEY_CHARACTERS = 2_000_000  # enough to learn from, in a fraction of the whole corpus's time


@dataclass(frozen=True)
class TextFeatures:
    """Indices into the hash table of the features of many texts, one text after the other."""

    indices: Int64[np.ndarray, " features"]
    borders: Int64[np.ndarray, " texts_and_end"]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "TextFeatures":
        """The different features of each text."""
        rows = [_features(text) for text in texts]
        borders = np.cumsum([0, *(len(row) for row in rows)])
        return cls(np.concatenate(rows) if rows else np.empty(0, np.int64), borders.astype(np.int64))

    @property
    def scale(self) -> Float64[np.ndarray, " texts"]:
        """1 / sqrt(number of features) of each text, so that long texts do not outweigh short ones."""
        return 1 / np.sqrt(np.diff(self.borders))


@dataclass(frozen=True)
class TextScorer:
    """A fitted classifier: ``score`` gives the probability of what it was trained to find."""

    weights: Float32[np.ndarray, " table"]
    bias: float

    @classmethod
    def train(
        cls,
        texts: Sequence[str] | TextFeatures,
        labels: Sequence[bool],
        steps: int = 150,
        lr: float = 0.05,
        l2: float = 1e-5,
    ) -> "TextScorer":
        """Fit by Adam on the whole set; both classes weigh the same however rare one is.

        Raises ValueError when one of the two classes has no text.
        """
        y = np.asarray(labels, bool)
        if not y.any() or y.all():
            raise ValueError(f"{int(y.sum())} of {len(y)} texts carry the label; give some with it and some without")
        features = texts if isinstance(texts, TextFeatures) else TextFeatures.of(texts)
        weights, bias = _fit(features, y, steps, lr, l2)
        return cls(weights.astype(np.float32), float(bias))

    def score(self, texts: Sequence[str] | TextFeatures) -> Float64[np.ndarray, " texts"]:
        """The probability of each text (its features will do), as if both classes were equally frequent."""
        features = texts if isinstance(texts, TextFeatures) else TextFeatures.of(texts)
        if len(features.borders) == 1:
            return np.empty(0)
        return _sigmoid(_logits(features, self.weights.astype(np.float64), self.bias))


@dataclass(frozen=True)
class Scorers:
    """The two scorers of cleaning: probability of being well written, and of being toxic."""

    low_quality: TextScorer
    toxicity: TextScorer

    @classmethod
    def train(cls, documents: Sequence[Document]) -> "Scorers":
        """Fit both on labelled documents."""
        features = TextFeatures.of([document.text for document in documents])
        return cls(
            TextScorer.train(features, ["low_quality" in document.labels for document in documents]),
            TextScorer.train(features, ["toxic" in document.labels for document in documents]),
        )


@functools.cache
def valley_scorers(seed: int = 1) -> Scorers:
    """Scorers trained on the labels of another Valley (other villagers, other texts) than the one of seed 0."""
    return Scorers.train(make_corpus(World.create(seed=seed), seed, characters=VALLEY_CHARACTERS))


def _hash(text: str) -> int:
    return zlib.crc32(text.encode())


@functools.lru_cache(maxsize=1 << 17)
def _word_features(word: str) -> Int64[np.ndarray, " features"]:
    """A word and its letter triples; the first entry stands for the word itself."""
    marked = f"<{word}>"
    pieces = [word, *(f"#{marked[i : i + 3]}" for i in range(len(marked) - 2))]
    return np.array([_hash(piece) for piece in pieces], np.int64)


def _features(text: str) -> Int64[np.ndarray, " features"]:
    words = _WORDS.findall(text.casefold())
    known = {word: _word_features(word) for word in words}
    first = np.array([known[word][0] for word in words], np.int64)
    pairs = (first[:-1] * 31 + first[1:]) * 0x9E3779B1 >> 7  # any fixed mixing of the two will do
    variety = round(10 * len(np.unique(pairs)) / max(1, len(pairs)))  # low where the same few words go round
    features = np.unique(np.concatenate([pairs, *known.values()]) % TABLE) if words else np.empty(0, np.int64)
    return np.append(features, _hash(f"?variety {variety}") % TABLE)


def _logits(
    features: TextFeatures, weights: Float64[np.ndarray, " table"], bias: float | np.float64
) -> Float64[np.ndarray, " texts"]:
    return np.add.reduceat(weights[features.indices], features.borders[:-1]) * features.scale + bias


def _sigmoid(x: Float64[np.ndarray, " texts"]) -> Float64[np.ndarray, " texts"]:
    return 0.5 * (1 + np.tanh(0.5 * x))


def _fit(
    features: TextFeatures, y: Bool[np.ndarray, " texts"], steps: int, lr: float, l2: float
) -> tuple[Float64[np.ndarray, " table"], float]:
    share = np.where(y, 0.5 / y.sum(), 0.5 / (~y).sum())
    counts = np.diff(features.borders)
    parameters = np.zeros(TABLE + 1)  # weights, then the bias
    first, second = np.zeros_like(parameters), np.zeros_like(parameters)
    for step in range(1, steps + 1):
        error = (_sigmoid(_logits(features, parameters[:-1], parameters[-1])) - y) * share
        spread = np.repeat(error * features.scale, counts)
        gradient = np.bincount(features.indices, spread, TABLE + 1).astype(np.float64)
        gradient[-1] = error.sum()
        gradient[:-1] += l2 * parameters[:-1]
        first += 0.1 * (gradient - first)
        second += 0.01 * (gradient**2 - second)
        parameters -= lr * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
    return parameters[:-1], float(parameters[-1])
