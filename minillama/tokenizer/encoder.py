"""Byte-pair encoding, the applying half: from text to ids by merging the best-scoring pair, again and again."""

import heapq
import re
from itertools import chain

from minillama.tokenizer.sentencepiece_model import Vocabulary
from minillama.tokenizer.words import SPACE

# Ways to cut a text into independent parts, finest first. Each cuts or keeps two neighbours by looking at these two
# characters alone; so where no piece is cut by a pattern, no merge can cross its cuts in any text.
_CUTS = (
    re.compile(rf"{SPACE}*(?:[^\W0-9_]+|[0-9]|(?:[^\w{SPACE}]|_)+)|{SPACE}+"),
    re.compile(rf"{SPACE}*[^{SPACE}]+|{SPACE}+"),
)
_CACHE_ENTRIES = 200_000
_CACHED_LENGTH = 64  # longer parts hardly ever come twice


class Encoder(dict[str, list[int]]):
    """Text to ids for one vocabulary. As a dict it is the cache: part of a text -> its ids, filled on demand.

    SentencePiece merges over the whole string at once. The result is the same part by part as long as no piece reaches
    across a cut, which is checked against all pieces here; for other models the whole text is one part.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.prefix = SPACE if vocabulary.add_dummy_prefix else ""
        self.byte_ids = vocabulary.byte_ids
        self.ids = vocabulary.mergeable
        scores = vocabulary.scores
        self.cost = {piece: -scores[index] for piece, index in self.ids.items()}
        self.cut = next((cut for cut in _CUTS if all(len(cut.findall(piece)) == 1 for piece in self.ids)), None)

    def encode(self, text: str) -> list[int]:
        """Return the ids of ``text``, with U+2581 for each space and the dummy prefix put in front."""
        if not text:
            return []
        text = self.prefix + text.replace(" ", SPACE)
        parts = self.cut.findall(text) if self.cut else [text]
        return list(chain.from_iterable(map(self.__getitem__, parts)))

    def __missing__(self, part: str) -> list[int]:
        ids = list(chain.from_iterable(map(self._ids_of_symbol, self.merge(part))))
        if len(part) <= _CACHED_LENGTH:
            if len(self) >= _CACHE_ENTRIES:
                self.clear()
            self[part] = ids
        return ids

    def _ids_of_symbol(self, symbol: str) -> list[int]:
        if symbol in self.ids:
            return [self.ids[symbol]]
        return [self.byte_ids[byte] for byte in symbol.encode("utf-8")]

    def merge(self, text: str) -> list[str]:
        """Split ``text`` into symbols: start from characters, merge the pair with the highest score, leftmost first.

        A heap holds the candidates, so that n characters take O(n log n) steps. Candidates that an earlier merge has
        made impossible are dropped when they come up.
        """
        symbols = list(text)  # "" marks a symbol that was merged into the one on its left
        after = list(range(1, len(symbols) + 1))
        before = list(range(-1, len(symbols) - 1))
        heap = []
        for left, pair in enumerate(map(str.__add__, symbols, symbols[1:])):
            if pair in self.cost:
                heap.append((self.cost[pair], left, pair))
        heapq.heapify(heap)
        while heap:
            _, left, piece = heapq.heappop(heap)
            right = after[left]
            if not symbols[left] or right == len(symbols) or len(symbols[left]) + len(symbols[right]) != len(piece):
                continue
            symbols[left], symbols[right] = piece, ""
            after[left] = after[right]
            if after[left] < len(symbols):
                before[after[left]] = left
                self._propose(heap, left, piece + symbols[after[left]])
            if before[left] >= 0:
                self._propose(heap, before[left], symbols[before[left]] + piece)
        return [symbol for symbol in symbols if symbol]

    def _propose(self, heap: list[tuple[float, int, str]], left: int, pair: str) -> None:
        if pair in self.cost:
            heapq.heappush(heap, (self.cost[pair], left, pair))
