"""Boilerplate: lines that stand in many documents and say nothing about any of them (menus, footers, notices).

Nothing is known beforehand about their wording; three signs are counted instead. Such a line is repeated, it stands at
the very beginning or end, and it turns up whatever the document is about, so in several sources: a sum repeated among
sums, or a title that stories share, is text. Digits are read as one sign: "Page 3 of 9" is "Page 4 of 9".
"""

import re
from collections import Counter, defaultdict
from collections.abc import Container, Sequence

from minillama.valley.corpus import Document

_DIGITS = re.compile(r"\d+")
_WORD = re.compile(r"[^\W\d_]+")
_MIN_WORDS = 4  # "That is all." may well end many texts
_AT_EDGE = 0.9


def line_key(line: str) -> str:
    """What two lines must share to count as the same: letters without case, digits as ``0``, single spaces."""
    return _DIGITS.sub("0", " ".join(line.split()).casefold())


def find_boilerplate(
    documents: Sequence[Document], min_documents: int = 5, min_share: float = 0.001, min_sources: int = 3
) -> frozenset[str]:
    """Keys of the lines that are boilerplate.

    A line is one when it stands in at least ``min_documents`` different texts and ``min_share`` of them, as their
    first or last line in nine of ten, and in ``min_sources`` sources (in all, where there are fewer). Copies of a whole
    text count once: they are another fault.
    """
    different = {document.text: document.source for document in documents}
    total: Counter[str] = Counter()
    at_edge: Counter[str] = Counter()
    sources: defaultdict[str, set[str]] = defaultdict(set)
    for text, source in different.items():
        lines = [line_key(line) for line in text.split("\n")]
        edges = {lines[0], lines[-1]}
        for key in set(lines):
            total[key] += 1
            if key in edges:
                at_edge[key] += 1
                sources[key].add(source)
    enough = max(min_documents, min_share * len(different))
    spread = min(min_sources, len(set(different.values())))
    return frozenset(
        key
        for key, count in at_edge.items()
        if count >= enough
        and count >= _AT_EDGE * total[key]
        and len(sources[key]) >= spread
        and len(_WORD.findall(key)) >= _MIN_WORDS
    )


def remove_boilerplate(text: str, boilerplate: Container[str]) -> str:
    """The text without the lines whose key is in ``boilerplate``, nor the blank lines this leaves at its ends."""
    lines = text.split("\n")
    kept = [line for line in lines if line_key(line) not in boilerplate]
    return text if len(kept) == len(lines) else "\n".join(kept).strip("\n")
