"""From raw texts to counted chunks: the only part of training that reads the whole corpus.

Every later step works on distinct chunks with their counts, so its cost depends on the vocabulary of the corpus
and not on its length. A chunk is a stretch of text inside which merges can happen: no Llama piece reaches from one
chunk to the next.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from minillama.tokenizer.scripts import INHERITED, is_digit, script_of

SPACE = "\u2581"  # SentencePiece writes a space as LOWER ONE EIGHTH BLOCK, so that pieces are visible
# Never part of a piece: newline (Llama keeps it a byte), NUL, and the sign SentencePiece reserves for "rare character".
NEVER_PIECES = frozenset("\n\0\u2585")
LONGEST_CHUNK = 200  # a merge costs time in proportion to the chunks it is found in, so a line of DNA must not be one
_WORD = re.compile(f"{SPACE}*[^{SPACE}\n]+|{SPACE}+")


def count_words(texts: Iterable[str]) -> Counter[str]:
    """Count the words of all texts; a word keeps the run of spaces before it, written as U+2581.

    Each text starts with one extra space (the dummy prefix), as it will when it is encoded.

    Raises:
        ValueError: a text is not a ``str``, or there is nothing to count.
    """
    if isinstance(texts, str):
        raise ValueError("texts is one string; pass a list of texts, for example [text]")
    words: Counter[str] = Counter()
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"text number {index} is a {type(text).__name__}; every text must be a str")
        if text:
            words.update(_WORD.findall(SPACE + text.replace(" ", SPACE)))
    if not any(word.strip(SPACE) for word in words):
        raise ValueError("the corpus is empty: give at least one text with characters other than spaces and newlines")
    return words


def choose_alphabet(words: Mapping[str, int], coverage: float) -> list[str]:
    """Return the most frequent characters that together make up ``coverage`` of the corpus, most frequent first.

    The rest are left to byte fallback. U+2581 is always in, since every encoded text starts with it.
    """
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for character in word:
            counts[character] += count
    for character in NEVER_PIECES:
        del counts[character]
    total = counts.total()
    covered, alphabet = 0, []
    for character, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if covered >= coverage * total:
            break
        if "\ud800" <= character <= "\udfff":
            raise ValueError(f"the corpus contains the lone surrogate {character!r}, which is not text; remove it")
        alphabet.append(character)
        covered += count
    return alphabet if SPACE in alphabet else [SPACE, *alphabet]


def split_chunks(words: Mapping[str, int], alphabet: Iterable[str]) -> Counter[str]:
    """Cut words where no piece can reach across, and add up equal chunks.

    Cuts are made between two scripts, around digits, and at characters outside the alphabet: ``▁can't5am`` gives
    ``▁can`` and ``am``, since chunks of one character have no pairs and are left out. Text without spaces is cut every
    `LONGEST_CHUNK` characters, which loses the pair at the cut.
    """
    pattern = re.compile(_chunk_pattern(alphabet))
    chunks: Counter[str] = Counter()
    for word, count in words.items():
        for chunk in pattern.findall(word):
            for start in range(0, len(chunk), LONGEST_CHUNK):
                chunks[chunk[start : start + LONGEST_CHUNK]] += count
    for single in [chunk for chunk in chunks if len(chunk) == 1]:
        del chunks[single]
    return chunks


def _chunk_pattern(alphabet: Iterable[str]) -> str:
    scripts: dict[str, str] = {}
    for character in alphabet:
        if character != SPACE and not is_digit(character):
            script = script_of(character)
            scripts[script] = scripts.get(script, "") + re.escape(character)
    marks = scripts.pop(INHERITED, "")
    run = "|".join(f"[{characters}]+" for characters in scripts.values()) or "(?!)"
    if not marks:
        return f"{SPACE}*(?:{run})|{SPACE}+"
    # A combining mark may go with the script on either side, so it ties both into one chunk.
    return f"{SPACE}*(?:{run})?(?:[{marks}]+(?:{run})?)+|{SPACE}*(?:{run})|{SPACE}+"
