"""A chat in the terminal, on a model of the pipeline."""

import contextlib
from collections.abc import Callable

from minillama.conversation import Conversation, Sampling
from minillama.pipeline.artifact import Artifact

HELP = (
    "/retry answers again, /undo takes back the last turn, /clear forgets all turns, /system TEXT sets the system "
    "message (without TEXT there is none), /quit or Ctrl-D ends"
)


class Terminal:
    """A conversation by typed lines and commands."""

    def __init__(
        self,
        artifact: Artifact,
        sampling: Sampling,
        system: str = "",
        ask: Callable[[str], str] = input,
        show: Callable[[str], None] = print,
    ) -> None:
        self.conversation = Conversation(artifact, sampling, system)
        self.stage, self.ask, self.show = artifact.stage, ask, show

    def run(self) -> None:
        """Talk until /quit or the end of input."""
        if self.ask is input:
            with contextlib.suppress(ImportError):  # Windows has none
                import readline  # noqa: F401  arrow keys and earlier lines at the prompt
        chats = self.conversation.chats
        kind = "answers" if chats else "continues your text (a base model knows no dialogue)"
        self.show(f"{self.stage} {kind}. {HELP}")
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
        try:
            self._act(text)
        except ValueError as error:
            self.show(f"({error})")
        except KeyboardInterrupt:
            self.show("\n(stopped; the turn is as if it had not been)")

    def _act(self, text: str) -> None:
        command, _, rest = text.partition(" ")
        if command == "/system":
            self.conversation.set_system(rest.strip())
            self.show("(system message set)" if self.conversation.system else "(no system message)")
        elif command == "/undo":
            self.conversation.undo()
            self.show("(the last turn is taken back)")
        elif command == "/retry":
            self._answer(self.conversation.retry())
        elif command == "/clear":
            self.conversation.clear()
            self.show("(all turns are forgotten)")
        elif command.startswith("/"):
            self.show(HELP)
        else:
            self._answer(self.conversation.say(text))

    def _answer(self, answer: str) -> None:
        if forgotten := self.conversation.forgotten:
            turns = "turn is" if forgotten == 1 else f"{forgotten} turns are"
            self.show(f"(the context is full: the oldest {turns} forgotten)")
        self.show(f"{self.stage}> {answer}")
