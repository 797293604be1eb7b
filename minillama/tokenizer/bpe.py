"""Byte-pair encoding, the training half: which pairs of symbols become pieces, and in which order.

Count all adjacent pairs, merge the most frequent one everywhere, repeat (Sennrich et al. 2016, arXiv 1508.07909),
within the limits of Llama's SentencePiece settings (Llama 2 paper, section 2.2.2).
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import add

from minillama.tokenizer.scripts import INHERITED, is_digit, script_of
from minillama.tokenizer.words import NEVER_PIECES, SPACE, choose_alphabet, count_words, split_chunks

N_RESERVED = 3 + 256  # <unk>, <s>, </s> and one piece for each byte


@dataclass(frozen=True, kw_only=True)
class BPESettings:
    """What a reader may change about training; the defaults are those of the released Llama tokenizer.

    Raises:
        ValueError: a value is out of range.
    """

    vocab_size: int = 1024
    character_coverage: float = 0.99995
    max_piece_length: int = 16

    def __post_init__(self) -> None:
        if self.vocab_size <= N_RESERVED:
            raise ValueError(
                f"vocab_size={self.vocab_size} is too small: 3 specials and 256 bytes come first, so use 260 or more"
            )
        if not 0 < self.character_coverage <= 1:
            raise ValueError(f"character_coverage={self.character_coverage} must lie in (0, 1]; Llama uses 0.99995")
        if self.max_piece_length < 1:
            raise ValueError(f"max_piece_length={self.max_piece_length} must be 1 or more; Llama uses 16")


def train_bpe(texts: Iterable[str], settings: BPESettings) -> list[str]:
    """Learn the pieces that follow the specials and bytes: merges in the order found, then single characters.

    Returns:
        ``vocab_size - 259`` pieces. The score of the i-th is -i, so that encoding prefers early merges.

    Raises:
        ValueError: an empty corpus, a text that is no ``str``, or a ``vocab_size`` that is too small for the characters
            or too large for the corpus.
    """
    words = count_words(texts)
    alphabet = choose_alphabet(words, settings.character_coverage)
    least = N_RESERVED + len(alphabet)
    n_merges = settings.vocab_size - least
    if n_merges < 0:
        raise ValueError(
            f"vocab_size={settings.vocab_size} is too small: 3 specials, 256 bytes and {len(alphabet)} characters need "
            f"at least {least} (or lower character_coverage={settings.character_coverage})"
        )
    merges = learn_merges(split_chunks(words, alphabet), n_merges, settings.max_piece_length)
    if len(merges) < n_merges:
        raise ValueError(
            f"vocab_size={settings.vocab_size} is too large: this corpus has pairs for {least + len(merges)} pieces "
            f"at most; use a smaller vocab_size or more text"
        )
    return merges + alphabet


def is_valid_piece(text: str, max_length: int = 16) -> bool:
    """Return whether Llama's settings allow a piece of several characters to read ``text``.

    At most ``max_length`` characters, no digit, one script; U+2581 only in front, or alone in any number.

    >>> [is_valid_piece(text) for text in ("▁the", "▁▁▁▁", "▁▁the", "the▁", "a1", "d'", "e\\u0301")]
    [True, True, False, False, False, False, True]
    """
    if not 0 < len(text) <= max_length:
        return False
    body = text.removeprefix(SPACE)
    if SPACE in body:
        return not body.strip(SPACE)
    if not NEVER_PIECES.isdisjoint(text) or (len(text) > 1 and any(map(is_digit, text))):
        return False
    scripts = {script_of(character) for character in body}
    return len(scripts - {INHERITED}) <= 1


def learn_merges(chunks: Mapping[str, int], n_merges: int, max_length: int = 16) -> list[str]:
    """Return up to ``n_merges`` merged pieces, most frequent pair first.

    Ties go to the shorter piece, then to the smaller in code-point order, as in SentencePiece. In a run of one
    character a pair counts as often as it can be merged: twice in ``aaaa`` (SentencePiece 0.2.3 says three times).

    Args:
        chunks: distinct chunks with their counts, see `words.split_chunks`.
        n_merges: how many pieces to learn.
        max_length: longest piece, in characters.
    """
    state = _MergeState(chunks, max_length)
    pieces: list[str] = []
    while len(pieces) < n_merges and (best := state.pop_best()) is not None:
        pieces.append(state.text_of(best))
        state.merge(best)
    return pieces


class _MergeState:
    """Chunks as strings of symbols, with pair counts that follow every merge instead of being taken anew.

    A symbol is one character of a Python string, whatever it spells, so that ``str.replace`` and ``str.count`` merge
    and count without overlap (``aaa`` holds ``aa`` once) at the speed of C. `where` may name chunks that have lost
    their pair; `heap` may hold counts that have changed since. Both are put right when they are met.
    """

    def __init__(self, chunks: Mapping[str, int], max_length: int) -> None:
        self.max_length = max_length
        self.spelling: list[str] = sorted(set("".join(chunks)))
        symbol_of = str.maketrans({text: chr(index) for index, text in enumerate(self.spelling)})
        self.chunks = [chunk.translate(symbol_of) for chunk in chunks]
        self.frequency = list(chunks.values())
        self.counts: Counter[str] = Counter()
        self.where: defaultdict[str, set[int]] = defaultdict(set)
        for index, (chunk, frequency) in enumerate(zip(self.chunks, self.frequency)):
            for pair in set(map(add, chunk, chunk[1:])):
                self.counts[pair] += chunk.count(pair) * frequency
                self.where[pair].add(index)
        self.heap: list[tuple[int, int, str, str]] = []
        self._push(self.counts)

    def text_of(self, pair: str) -> str:
        return self.spelling[ord(pair[0])] + self.spelling[ord(pair[1])]

    def _push(self, pairs: Iterable[str]) -> None:
        for pair in pairs:
            text = self.text_of(pair)
            if self.counts[pair] > 0 and is_valid_piece(text, self.max_length):
                heapq.heappush(self.heap, (-self.counts[pair], len(text), text, pair))

    def pop_best(self) -> str | None:
        """Return the most frequent pair, or None when no pair is left."""
        while self.heap:
            negative_count, _, _, pair = heapq.heappop(self.heap)
            if -negative_count == self.counts[pair]:
                return pair
            self._push([pair])  # the count has changed since: queue the pair again under the true one
        return None

    def merge(self, pair: str) -> None:
        """Replace ``pair`` by a new symbol in all chunks and correct the counts of the pairs around it."""
        symbol = chr(len(self.spelling))
        self.spelling.append(self.text_of(pair))
        grown: set[str] = set()
        for index in self.where.pop(pair):
            old = self.chunks[index]
            new = old.replace(pair, symbol)
            if len(new) == len(old):
                continue
            self.chunks[index] = new
            for touched in _pairs_around(new, symbol, pair):
                change = new.count(touched) - old.count(touched)
                self.counts[touched] += change * self.frequency[index]
                if change > 0:
                    self.where[touched].add(index)
                    grown.add(touched)
        del self.counts[pair]
        self._push(grown)


def _pairs_around(new: str, symbol: str, pair: str) -> set[str]:
    """Return every pair, before or after the merge, that an occurrence of ``symbol`` in ``new`` takes part in.

    Two occurrences side by side (``abab``) were joined by ``ba``; the left one reports that.
    """
    left, right = pair[0], pair[1]
    touched = set()
    at = new.find(symbol)
    while at >= 0:
        if at > 0:
            before = new[at - 1]
            touched.add(before + symbol)
            touched.add(before + left)
        if at + 1 < len(new):
            after = new[at + 1]
            touched.add(symbol + after)
            touched.add(right + (left if after == symbol else after))
        at = new.find(symbol, at + 1)
    touched.discard(pair)
    return touched
