"""How long a model keeps an instruction (Table 30), by the Valley's ground truth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from minillama.alignment.gatt_data import InstructedDialog
from minillama.alignment.gatt_rollout import Dialog, Fits, alternate, roll_out

PAPER_TURNS = (2, 4, 6, 20)  # of Table 30
AnswerFunction = Callable[[Sequence[Dialog]], Sequence[str]]


@dataclass(frozen=True)
class ThreeLines:
    """A kind of constraint that no training data know, in place of the paper's haiku: every answer has three lines."""

    def obeyed_by(self, prompt: str, answer: str) -> bool | None:
        """Whether the answer has three lines with words."""
        return sum(bool(line.strip()) for line in answer.splitlines()) == 3


@dataclass(frozen=True)
class Capitals:
    """Another unseen kind: every answer is in capital letters."""

    def obeyed_by(self, prompt: str, answer: str) -> bool | None:
        """Whether there are letters and all are capitals."""
        return answer.isupper()


UNSEEN = (("Answer in three lines.", ThreeLines()), ("Write in capital letters.", Capitals()))


def with_unseen_rules(dialogs: Sequence[InstructedDialog]) -> list[InstructedDialog]:
    """The same questions under instructions of a kind that is not in the training data, in turn."""
    return [
        replace(dialog, instruction=text, system=text, rules=(rule,))
        for index, dialog in enumerate(dialogs)
        for text, rule in (UNSEEN[index % len(UNSEEN)],)
    ]


@dataclass(frozen=True, kw_only=True)
class Obedience:
    """Who still obeyed when.

    Attributes:
        shares: For each turn, the share of dialogues whose answer obeys, of those where it can be told.
        counts: For each turn, of how many dialogues that is.
        kept: For each dialogue and turn, whether the answer obeys; None where it cannot be told. Two models asked the
            same dialogues can be compared pair by pair.
        broken: Dialogues that ended early: an empty answer, one with a mark of the chat format, or a full context. They
            count as disobedient from there on.
        answers: All answers, turn by turn.
    """

    shares: dict[int, float]
    counts: dict[int, int]
    kept: tuple[dict[int, bool | None], ...]
    broken: int
    answers: tuple[tuple[str, ...], ...]


def obedience(
    answer: AnswerFunction,
    dialogs: Sequence[InstructedDialog],
    turns: Sequence[int] = (1, 2, 4, 6, 10, 20),
    *,
    fits: Fits | None = None,
) -> Obedience:
    """Give each instruction once, as the system message, ask all questions, and look at some of the answers.

    Args:
        answer: The model: replies to dialogues that end with the user. Its own replies are the history of later turns.
        dialogs: From :func:`minillama.alignment.gatt_data.probe_dialogs`.
        turns: Counted from 1.
        fits: Ends dialogues that no longer fit the context; see
            :func:`minillama.alignment.gatt_rollout.fits_context`.

    Raises:
        ValueError: No dialogue can be judged at one of the turns.
    """
    if not turns or min(turns) < 1:
        raise ValueError(f"turns are {tuple(turns)}; they count from 1")

    def prompt(plan: InstructedDialog, answers: list[str]) -> Dialog:
        return [{"role": "system", "content": plan.system}, *alternate(plan.questions, answers)]

    last = max(turns)
    asked = [replace(d, questions=d.questions[:last], prompts=d.prompts[:last]) for d in dialogs]
    answers = roll_out(asked, prompt, lambda batch, _: answer(batch), fits)
    kept = tuple(_kept(plan, given, turns) for plan, given in zip(asked, answers, strict=True))
    shares, counts = {}, {}
    for turn in turns:
        told = [row[turn] for row in kept if row.get(turn) is not None]
        if not told:
            raise ValueError(f"no dialogue can be judged at turn {turn}: are they shorter, or the hobby not asked for?")
        shares[turn], counts[turn] = sum(map(bool, told)) / len(told), len(told)
    broken = sum(len(given) < len(plan.questions) for plan, given in zip(asked, answers, strict=True))
    return Obedience(shares=shares, counts=counts, kept=kept, broken=broken, answers=tuple(map(tuple, answers)))


def _kept(plan: InstructedDialog, answers: Sequence[str], turns: Sequence[int]) -> dict[int, bool | None]:
    """Whether each measured answer obeys; a turn that was never answered is disobeyed, one never asked left out."""
    return {
        turn: plan.obeyed(plan.questions[turn - 1], answers[turn - 1]) if turn <= len(answers) else False
        for turn in turns
        if turn <= len(plan.questions)
    }
