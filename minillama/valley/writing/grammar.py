"""A small phrase grammar: ``{a|b|c}`` chooses one of several wordings, ``[name]`` fills in a value.

``expand("{good|fine} morning, [who]", rng, {"who": "Ada"})`` gives "good morning, Ada" or "fine morning, Ada".
Choices nest, and an empty choice is allowed. :func:`polish` then sets capitals and articles.
"""

import random
import re
from collections.abc import Mapping, Sequence
from functools import cache

Node = str | tuple | list

_TOKEN = re.compile(r"[{|}]|\[[^\]]*\]|[^{|}\[]+")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiou](?!ne\b|se))", re.IGNORECASE)
_CAPITAL = re.compile(r'(^|[.!?]["\']?\s+|\n)(["\']?)([a-z])')


@cache
def parse(template: str) -> tuple[Node, ...]:
    """Parse a template into literals, slots (one-element tuples) and choices (lists of sequences).

    Raises:
        ValueError: a brace is opened and not closed, or closed and not opened.
    """
    stack: list[list[list[Node]]] = [[[]]]
    for token in _TOKEN.findall(template):
        if token == "{":
            stack.append([[]])
        elif token == "|" and len(stack) > 1:
            stack[-1].append([])
        elif token == "}":
            if len(stack) == 1:
                raise ValueError(f"a brace is closed but was not opened in {template!r}")
            choices = [tuple(choice) for choice in stack.pop()]
            stack[-1][-1].append(choices)
        elif token.startswith("["):
            stack[-1][-1].append((token[1:-1],))
        else:
            stack[-1][-1].append(token)
    if len(stack) != 1:
        raise ValueError(f"a brace is opened but not closed in {template!r}")
    return tuple(stack[0][0])


def expand(template: str, rng: random.Random, slots: Mapping[str, str] | None = None) -> str:
    """Expand ``template``, choosing with ``rng`` and filling slots from ``slots``.

    Raises:
        ValueError: the template is malformed or names a slot that has no value.
    """
    parts: list[str] = []
    _expand(parse(template), rng, slots or {}, parts)
    return "".join(parts)


def _expand(nodes: tuple[Node, ...], rng: random.Random, slots: Mapping[str, str], parts: list[str]) -> None:
    for node in nodes:
        if isinstance(node, str):
            parts.append(node)
        elif isinstance(node, tuple):
            if node[0] not in slots:
                raise ValueError(f"the template wants a value for [{node[0]}]; there are {', '.join(slots)}")
            parts.append(slots[node[0]])
        else:
            _expand(rng.choice(node), rng, slots, parts)


def polish(text: str) -> str:
    """Mend what the grammar leaves open: "a" before a vowel becomes "an", and every sentence gets its capital."""
    text = _ARTICLE.sub(r"\1n ", text)
    return _CAPITAL.sub(lambda match: match[1] + match[2] + match[3].upper(), text)


def sentence(text: str) -> str:
    """End ``text`` with a full stop unless it ends with a mark already, and polish it."""
    return polish(text if text[-1] in ".!?:" else text + ".")


def with_article(noun: str) -> str:
    """``a kite``, ``an umbrella``."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def listing(items: Sequence[str], last: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"
