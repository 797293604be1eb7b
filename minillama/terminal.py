"""A chat in the terminal, on a model of the pipeline."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from minillama.chat import RESERVED, Message, check_message, encode_dialog
from minillama.generation import generate
from minillama.pipeline.artifact import Artifact

HELP = (
    "/retry answers again, /undo takes back the last turn, /clear forgets all turns, /system TEXT sets the system "
    "message (without TEXT there is none), /quit or Ctrl-D ends"
)
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


class Terminal:
    """The dialogue so far, and what the user can do with it.

    A chat model answers in turns; a base model knows no turns and goes on with the text it is given.
    """

    def __init__(
        self,
        artifact: Artifact,
        sampling: Sampling,
        system: str = "",
        ask: Callable[[str], str] = input,
        show: Callable[[str], None] = print,
    ) -> None:
        self.artifact, self.sampling, self.ask, self.show = artifact, sampling, ask, show
        self.chats = artifact.stage != CHAT_STAGES_AFTER
        self.turns: list[Message] = []
        self.system = ""
        self.draws = 0
        if system:
            self._set_system(system)

    def run(self) -> None:
        """Talk until /quit or the end of input."""
        if self.ask is input:
            with contextlib.suppress(ImportError):  # Windows has none
                import readline  # noqa: F401  arrow keys and earlier lines at the prompt
        kind = "answers" if self.chats else "continues your text (a base model knows no dialogue)"
        self.show(f"{self.artifact.stage} {kind}. {HELP}")
        while True:
            try:
                text = self.ask("you> ").strip()
                if text == "/quit":
                    return
                if text:
                    self.take(text)
            except EOFError:
                self.show("")
                return
            except KeyboardInterrupt:
                self.show("\n(Ctrl-D or /quit ends)")
            except UnicodeDecodeError:
                self.show("(that line is no text in this terminal's encoding)")

    def take(self, text: str) -> None:
        """Act on one line of the user; mistakes are said and change nothing."""
        before = list(self.turns)
        try:
            self._act(text)
        except ValueError as error:
            self.turns = before
            self.show(f"({error})")
        except KeyboardInterrupt:
            self.turns = before
            self.show("\n(stopped; the turn is as if it had not been)")

    def _act(self, text: str) -> None:
        command, _, rest = text.partition(" ")
        if command == "/system":
            self._set_system(rest.strip())
        elif command == "/undo":
            self._undo()
        elif command == "/retry":
            self._retry()
        elif command == "/clear":
            self.turns = []
            self.show("(all turns are forgotten)")
        elif command.startswith("/"):
            self.show(HELP)
        else:
            self._say(text)

    def _say(self, text: str) -> None:
        message = {"role": "user", "content": text}
        check_message(message)
        self.turns.append(message)
        answer = self._answer() if self.chats else self._continuation(text)
        self.show(f"{self.artifact.stage}> {answer}")
        self.turns.append({"role": "assistant", "content": sayable(answer)})

    def _set_system(self, text: str) -> None:
        if text and not self.chats:
            raise ValueError("a base model knows no system message; put it into your text")
        if text:
            check_message({"role": "system", "content": text})
        self.system = text
        self.show("(system message set)" if text else "(no system message)")

    def _undo(self) -> None:
        if not self.turns:
            raise ValueError("there is nothing to take back")
        del self.turns[-2:]
        self.show("(the last turn is taken back)")

    def _retry(self) -> None:
        if not self.turns:
            raise ValueError("there is nothing to answer again")
        text = self.turns[-2]["content"]
        del self.turns[-2:]
        self._say(text)

    def _answer(self) -> str:
        system: list[Message] = [{"role": "system", "content": self.system}] if self.system else []
        tokens = list(encode_dialog([*system, *self.turns], self.artifact.tokenizer).tokens)
        forgotten = 0
        while len(tokens) + self.sampling.max_new_tokens > self._context and len(self.turns) > 2:
            del self.turns[:2]
            forgotten += 1
            tokens = list(encode_dialog([*system, *self.turns], self.artifact.tokenizer).tokens)
        if forgotten and len(tokens) < self._context:
            turns = "turn is" if forgotten == 1 else f"{forgotten} turns are"
            self.show(f"(the context is full: the oldest {turns} forgotten)")
        return self._generate(tokens)

    def _continuation(self, text: str) -> str:
        return text + self._generate(self.artifact.tokenizer.encode(text, bos=True), strip=False)

    @property
    def _context(self) -> int:
        return self.artifact.model.args.max_seq_len

    def _generate(self, tokens: list[int], strip: bool = True) -> str:
        room = self._context - len(tokens)
        if room < 1:
            raise ValueError(f"that is {len(tokens)} tokens, and the context holds {self._context}; say it shorter")
        self.draws += 1  # every draw has its own seed, so that /retry gives another answer
        generation = generate(
            self.artifact.model,
            [tokens],
            min(self.sampling.max_new_tokens, room),
            temperature=float(self.sampling.temperature),
            top_p=float(self.sampling.top_p),
            seed=self.draws,
        )
        tokenizer = self.artifact.tokenizer
        new = [int(token) for token in generation.tokens[0] if token != tokenizer.eos_id]
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
