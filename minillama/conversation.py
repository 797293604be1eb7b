"""A dialogue with a model of the pipeline, turn after turn: what the terminal and the notebook's widget stand on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from minillama.chat import RESERVED, Message, check_message, encode_dialog
from minillama.generation import generate
from minillama.pipeline.artifact import Artifact

CHAT_STAGES_AFTER = "base"  # every stage behind it understands the chat format


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How answers are drawn. Raises ValueError for values that cannot be."""

    temperature: float | int = 0.7
    top_p: float | int = 0.95
    max_new_tokens: int = 128

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise ValueError(f"temperature is {self.temperature}; it must be 0 or more")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is {self.top_p}; it must be above 0 and at most 1")
        if self.max_new_tokens < 1:
            raise ValueError(f"max_new_tokens is {self.max_new_tokens}; it must be at least 1")


class Conversation:
    """The turns so far, and what a user can do with them. A mistake raises ValueError and changes nothing.

    A chat model answers in turns; a base model knows no turns and goes on with the text it is given.
    """

    def __init__(self, artifact: Artifact, sampling: Sampling, system: str = "") -> None:
        self.artifact, self.sampling = artifact, sampling
        self.chats = artifact.stage != CHAT_STAGES_AFTER
        self.turns: list[Message] = []
        self.forgotten = 0  # turns that the last answer's context had no room for
        self.last_prompt: list[int] = []  # ids that the last answer continues
        self.last_answer: list[int] = []  # ids of the last answer, with the end token where it came to one
        self.draws = 0
        self.system = ""
        self.set_system(system)

    def set_system(self, text: str) -> None:
        """Set the system message for all answers to come; an empty one is none."""
        if text and not self.chats:
            raise ValueError("a base model knows no system message; put it into your text")
        if text:
            check_message({"role": "system", "content": text})
        self.system = text

    def say(self, text: str) -> str:
        """Say something and return the answer. Raises ValueError for a text that cannot be said; also if interrupted,
        the turn is as if it had not been."""
        check_message({"role": "user", "content": text})
        self.forgotten = 0
        with self.all_or_nothing():
            self.turns.append({"role": "user", "content": text})
            answer = self._answer() if self.chats else self._continuation(text)
            self.turns.append({"role": "assistant", "content": sayable(answer)})
        return answer

    def undo(self) -> str:
        """Take back the last turn and return what the user had said."""
        if not self.turns:
            raise ValueError("there is nothing to take back")
        text = self.turns[-2]["content"]
        del self.turns[-2:]
        return text

    def retry(self) -> str:
        """Answer the last message again, by another draw."""
        if not self.turns:
            raise ValueError("there is nothing to answer again")
        with self.all_or_nothing():
            return self.say(self.undo())

    def clear(self) -> None:
        """Forget all turns; the system message stays."""
        self.turns = []

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Whatever fails or is interrupted in here leaves the turns as they were."""
        before = list(self.turns)
        try:
            yield
        except BaseException:
            self.turns = before
            raise

    def _answer(self) -> str:
        tokens = self._prompt()
        while len(tokens) + self.sampling.max_new_tokens > self._context and len(self.turns) > 2:
            del self.turns[:2]
            self.forgotten += 1
            tokens = self._prompt()
        return self._generate(tokens)

    def _prompt(self) -> list[int]:
        system: list[Message] = [{"role": "system", "content": self.system}] if self.system else []
        return list(encode_dialog([*system, *self.turns], self.artifact.tokenizer).tokens)

    def _continuation(self, text: str) -> str:
        return text + self._generate(self.artifact.tokenizer.encode(text, bos=True), strip=False)

    @property
    def _context(self) -> int:
        return self.artifact.model.args.max_seq_len

    def _generate(self, tokens: list[int], strip: bool = True) -> str:
        room = self._context - len(tokens)
        if room < 1:
            raise ValueError(f"that is {len(tokens)} tokens, and the context holds {self._context}; say it shorter")
        self.draws += 1  # every draw has its own seed, so that another try gives another answer
        generation = generate(
            self.artifact.model,
            [tokens],
            min(self.sampling.max_new_tokens, room),
            temperature=float(self.sampling.temperature),
            top_p=float(self.sampling.top_p),
            seed=self.draws,
        )
        tokenizer = self.artifact.tokenizer
        self.last_prompt, self.last_answer = tokens, [int(token) for token in generation.tokens[0]]
        new = [token for token in self.last_answer if token != tokenizer.eos_id]
        if strip:
            return tokenizer.decode(new).strip()
        return tokenizer.decode([*tokens, *new])[len(tokenizer.decode(tokens)) :]


def sayable(answer: str) -> str:
    """An answer as it can stand in the dialogue: marks of the chat format, which would forge turns, become blanks.

    An empty answer still ends the turn, so that the roles keep taking turns.
    """
    while any(mark in answer for mark in RESERVED):  # again, since taking one out may put another together
        for mark in RESERVED:
            answer = answer.replace(mark, " ")
    return answer.strip() or "..."
