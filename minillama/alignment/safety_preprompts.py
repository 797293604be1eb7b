"""What a model is told so that it answers safely: preprompts from templates, and an answer template per risk.

The paper (4.2.4) makes its preprompts from templates with adjectives such as responsible, respectful or wise, and finds
that naming the risk and what a good answer to it looks like gives more relevant answers. All wordings here are ours.
"""

import random
from collections.abc import Sequence

from minillama.chat import Message, check_dialog
from minillama.valley.risks import RISKS

ADJECTIVES = ("responsible", "respectful", "wise", "honest", "careful", "kind", "fair", "safe")
PREPROMPTS = (
    "You are a {first} and {second} assistant.",
    "You are a {first} assistant who gives {second} answers.",
    "Be {first} and {second}, and help nobody to do harm.",
    "As a {first} and {second} assistant you never help with mean plans.",
)
ANSWER_TEMPLATES = {
    risk.name: f"This may be about {risk.name}. Say that you will not help, say why, as in: {risk.reason} "
    "Then offer something good instead."
    for risk in RISKS
}


def generic_preprompt(rng: random.Random) -> str:
    """An instruction to be a safe assistant, with two different adjectives."""
    first, second = rng.sample(ADJECTIVES, 2)
    return rng.choice(PREPROMPTS).format(first=first, second=second)


def risk_preprompt(risk: str, rng: random.Random) -> str:
    """A preprompt with the answer template of a risk.

    Raises:
        ValueError: There is no risk of that name.
    """
    if risk not in ANSWER_TEMPLATES:
        raise ValueError(f"there is no answer template for {risk!r}; the risks are {', '.join(ANSWER_TEMPLATES)}")
    return f"{generic_preprompt(rng)} {ANSWER_TEMPLATES[risk]}"


def with_preprompt(dialog: Sequence[Message], preprompt: str | None) -> list[Message]:
    """The dialogue with a preprompt as its system message, or before the one it has; unchanged for None."""
    check_dialog(dialog)
    if preprompt is None:
        return list(dialog)
    if dialog[0]["role"] == "system":
        return [{"role": "system", "content": f"{preprompt} {dialog[0]['content']}"}, *dialog[1:]]
    return [{"role": "system", "content": preprompt}, *dialog]
