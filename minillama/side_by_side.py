"""One user, two chat models: the same words said to both, and what each answer is worth by models and by the judge."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import torch

from minillama.alignment.reward_model import Scorer
from minillama.conversation import Conversation, Sampling
from minillama.pipeline.artifact import Artifact
from minillama.valley.judge import Judge, Verdict
from minillama.valley.tasks.base import Prompt


@dataclass(frozen=True, kw_only=True)
class ScoredAnswer:
    """An answer and what is thought of it.

    Attributes:
        stage: Which model gave it.
        text: As the user reads it.
        helpfulness: Of the helpfulness model, raw, on the scale of logits; None without such a model.
        safety: Of the safety model, as a probability; None without such a model.
        verdict: Of the judge, the ground truth; None where it does not know the question.
    """

    stage: str
    text: str
    helpfulness: float | None = None
    safety: float | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Exchange:
    """What the user said and the answers of all sides, in their order."""

    text: str
    answers: tuple[ScoredAnswer, ...]


class SideBySide:
    """A conversation with several chat models at a time, each with its own earlier answers.

    Attributes:
        exchanges: All turns so far.
    """

    def __init__(
        self,
        sides: Sequence[Artifact],
        *,
        sampling: Sampling,
        system: str = "",
        judge: Judge,
        prompts: Sequence[Prompt] = (),
        scorers: Mapping[str, Scorer] | None = None,
    ) -> None:
        """Begin with no turns.

        Args:
            sides: Chat models.
            sampling: How all of them answer.
            system: System message of all sides.
            judge: Judges answers to the prompts that it is given.
            prompts: Questions of which the judge knows what a good answer says.
            scorers: Reward models by aspect, "helpfulness" and "safety", none of which has to be there.

        Raises:
            ValueError: A side is a base model, there is none, or the system message cannot be said.
        """
        if not sides:
            raise ValueError("there are no models to talk to; give one or two stages, such as 'sft' and 'chat'")
        self.conversations = [Conversation(side, sampling, system) for side in sides]
        if other := [one.artifact.stage for one in self.conversations if not one.chats]:
            raise ValueError(f"{other[0]!r} is a base model and knows no dialogue; choose 'sft' or a later stage")
        self.exchanges: list[Exchange] = []
        self._judge, self._prompts = judge, {prompt.text: prompt for prompt in prompts}
        self._scorers = dict(scorers or {})

    def set_temperature(self, temperature: float | int) -> None:
        """At which temperature all sides answer from now on. Raises ValueError below 0."""
        sampling = replace(self.conversations[0].sampling, temperature=temperature)
        for conversation in self.conversations:
            conversation.sampling = sampling

    def say(self, text: str) -> Exchange:
        """Say something to all sides. Raises ValueError for what cannot be said, to none of them then."""
        with self._all_or_nothing():
            answers = tuple(self._scored(one, text, one.say(text)) for one in self.conversations)
        self.exchanges.append(Exchange(text, answers))
        return self.exchanges[-1]

    def undo(self) -> str:
        """Take back the last turn on all sides and return what the user had said."""
        if not self.exchanges:
            raise ValueError("there is nothing to take back")
        for conversation in self.conversations:
            if conversation.turns:  # a full context may have forgotten more turns on one side
                conversation.undo()
        return self.exchanges.pop().text

    def retry(self) -> Exchange:
        """Let all sides answer the last message again."""
        if not self.exchanges:
            raise ValueError("there is nothing to answer again")
        with self._all_or_nothing():
            return self.say(self.undo())

    def clear(self) -> None:
        """Forget all turns on all sides."""
        for conversation in self.conversations:
            conversation.clear()
        self.exchanges = []

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Whatever fails or is interrupted in here leaves all sides and the exchanges as they were."""
        before = list(self.exchanges)
        try:
            with ExitStack() as sides:
                for conversation in self.conversations:
                    sides.enter_context(conversation.all_or_nothing())
                yield
        except BaseException:
            self.exchanges = before
            raise

    def _scored(self, conversation: Conversation, text: str, answer: str) -> ScoredAnswer:
        raw = {
            aspect: float(scorer([conversation.last_prompt], [conversation.last_answer])[0])
            for aspect, scorer in self._scorers.items()
        }
        prompt = self._prompts.get(text)
        return ScoredAnswer(
            stage=conversation.artifact.stage,
            text=answer,
            helpfulness=raw.get("helpfulness"),
            safety=float(torch.sigmoid(torch.tensor(raw["safety"]))) if "safety" in raw else None,
            verdict=self._judge.judge(prompt, answer) if prompt is not None else None,
        )
