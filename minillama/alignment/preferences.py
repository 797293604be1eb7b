"""Preference pairs: two answers to a prompt, which one a rater chose and by how much; as records and as JSON lines."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from minillama.chat import Message, encode_dialog, encode_turn, fold_system
from minillama.data.atomic import write_atomically
from minillama.tokenizer import Tokenizer
from minillama.valley.raters import RATINGS

SAFETY_LABELS = ("chosen_safe", "both_safe", "both_unsafe", "chosen_unsafe")


@dataclass(frozen=True, kw_only=True)
class PreferencePair:
    """One comparison by one rater.

    Attributes:
        prompt: what was asked: at least ``text``, and ``history`` where turns went before; for the Valley's prompts
            all that ``prompt_as_dict`` writes, so that the judge can look at the answers again.
        chosen: the preferred answer.
        rejected: the other.
        rating: by how much, on the paper's four points.
        aspect: whether helpfulness or safety was compared.
        safety: which of the answers the rater found safe; None where helpfulness was compared.
        rater: who compared.
        chosen_from: what gave the chosen answer, such as "rlhf-v1 at 0.8".
        rejected_from: what gave the other.
        source: "open-source", or the week of collection, such as "week 3".

    Raises:
        ValueError: a rating, aspect or safety label that does not exist, or a prompt without text.
    """

    prompt: Mapping[str, Any]
    chosen: str
    rejected: str
    rating: str
    aspect: str
    safety: str | None = None
    rater: str = ""
    chosen_from: str = ""
    rejected_from: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        choices: dict[str, Sequence[str | None]] = {
            "rating": RATINGS,
            "aspect": ("helpfulness", "safety"),
            "safety": (None, *SAFETY_LABELS),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be one of {allowed}")
        if not self.prompt.get("text"):
            raise ValueError("the prompt of a pair has no text; give at least {'text': ...}")

    @property
    def dialog(self) -> list[Message]:
        """The messages up to the one that was answered."""
        return [*self.prompt.get("history", ()), {"role": "user", "content": self.prompt["text"]}]

    @property
    def kept(self) -> bool:
        """Whether it may be trained on: not where an unsafe answer was preferred to a safe one (section 3.2.1).

        Safer answers are meant to be preferred by people too; such a pair would teach the opposite.
        """
        return self.safety != "chosen_unsafe"

    @property
    def answers_safe(self) -> tuple[bool, bool] | None:
        """Whether the chosen and the rejected answer were found safe, or None where nobody was asked."""
        if self.safety is None:
            return None
        return self.safety in ("chosen_safe", "both_safe"), self.safety in ("both_safe", "chosen_unsafe")


def write_preferences(pairs: Iterable[PreferencePair], path: Path | str) -> None:
    """Write pairs as JSON lines; the file is there in full or not at all."""
    lines = (json.dumps(asdict(pair), ensure_ascii=False) for pair in pairs)
    write_atomically(Path(path), "".join(f"{line}\n" for line in lines).encode())


def read_preferences(path: Path | str) -> list[PreferencePair]:
    """Read what :func:`write_preferences` wrote. Raises ValueError naming a line that is no pair."""
    names = {field.name for field in fields(PreferencePair)}
    pairs = []
    text = Path(path).read_text("utf-8")
    # At newlines alone: splitlines would also cut an answer at a rare separator that JSON leaves as it is.
    lines = text.removesuffix("\n").split("\n") if text else []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            if not isinstance(row, dict) or set(row) - names:
                raise ValueError(f"a pair has the fields {', '.join(sorted(names))} and no others")
            pairs.append(PreferencePair(**row))
        except (TypeError, ValueError) as error:
            raise ValueError(f"line {number} of {path} holds no preference pair: {error}") from error
    return pairs


@dataclass(frozen=True, kw_only=True)
class EncodedPair:
    """A pair in token ids. The answers end with the end token, as a finished answer of the model does."""

    prompt: tuple[int, ...]
    chosen: tuple[int, ...]
    rejected: tuple[int, ...]
    rating: str
    answers_safe: tuple[bool, bool] | None = None

    @property
    def width(self) -> int:
        """Tokens of its longer row."""
        return len(self.prompt) + max(len(self.chosen), len(self.rejected))

    def swapped(self) -> "EncodedPair":
        """The same with the wrong answer preferred: the control from which nothing right can be learnt."""
        safe = None if self.answers_safe is None else (self.answers_safe[1], self.answers_safe[0])
        return EncodedPair(
            prompt=self.prompt, chosen=self.rejected, rejected=self.chosen, rating=self.rating, answers_safe=safe
        )


def encode_answer(
    dialog: Sequence[Message], answer: str, tokenizer: Tokenizer
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Token ids of a dialogue that ends with the user, and of an answer to it, end token included.

    A model's answer may be empty or hold marks of the chat format; unlike a user's text it is then scored, not
    refused, since a reward model must see bad answers to learn that they are bad.
    """
    prompt = encode_dialog(dialog, tokenizer).tokens
    if not answer.strip():
        return prompt, (tokenizer.eos_id,)
    turn = encode_turn(fold_system(dialog)[-1]["content"], answer, tokenizer)
    return prompt, tuple(token for token, counts in zip(turn.tokens, turn.loss_mask) if counts)


def encode_pairs(
    pairs: Iterable[PreferencePair], tokenizer: Tokenizer, *, max_seq_len: int | None = None
) -> list[EncodedPair]:
    """Encode the pairs that may be trained on; those not ``kept``, or longer than ``max_seq_len``, are left out."""
    encoded = []
    for pair in pairs:
        if not pair.kept:
            continue
        prompt, chosen = encode_answer(pair.dialog, pair.chosen, tokenizer)
        _, rejected = encode_answer(pair.dialog, pair.rejected, tokenizer)
        one = EncodedPair(
            prompt=prompt, chosen=chosen, rejected=rejected, rating=pair.rating, answers_safe=pair.answers_safe
        )
        if max_seq_len is None or one.width <= max_seq_len:
            encoded.append(one)
    return encoded
