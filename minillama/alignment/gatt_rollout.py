"""Dialogues played turn by turn, many side by side: the model's own answers become the history of later turns."""

from collections.abc import Callable, Sequence

from minillama.alignment.gatt_data import InstructedDialog
from minillama.chat import RESERVED, Message, encode_dialog
from minillama.tokenizer import Tokenizer

Dialog = list[Message]
Fits = Callable[[Dialog], bool]


def alternate(questions: Sequence[str], answers: Sequence[str]) -> Dialog:
    """Questions and answers as messages in turn; with one question more than answers, the user comes last."""
    dialog: Dialog = []
    for index, question in enumerate(questions[: len(answers) + 1]):
        dialog.append({"role": "user", "content": question})
        if index < len(answers):
            dialog.append({"role": "assistant", "content": answers[index]})
    return dialog


def usable(answer: str) -> bool:
    """Whether an answer can stand in a dialogue: it says something and forges no mark of the chat format."""
    return bool(answer.strip()) and not any(mark in answer for mark in RESERVED)


def fits_context(tokenizer: Tokenizer, max_seq_len: int, reserve: int = 64) -> Fits:
    """A check that a dialogue leaves ``reserve`` tokens of the context for the answer."""
    return lambda dialog: len(encode_dialog(dialog, tokenizer)) + reserve <= max_seq_len


def roll_out(
    plans: Sequence[InstructedDialog],
    prompt: Callable[[InstructedDialog, list[str]], Dialog],
    answer: Callable[[Sequence[Dialog], int], Sequence[str]],
    fits: Fits | None = None,
) -> list[list[str]]:
    """Play all dialogues side by side, one turn at a time.

    Args:
        plans: What is asked.
        prompt: The dialogue up to the next question, from the plan and the answers so far.
        answer: Replies to dialogues of the same turn (counted from 0).
        fits: Ends dialogues that no longer fit the context.

    Returns:
        The answers of each dialogue: fewer than its questions where it broke, because an answer was empty or held a
        mark of the chat format (such an answer is left out), or because the context was full.

    Raises:
        ValueError: ``answer`` gave another number of replies than there are dialogues.
    """
    answers: list[list[str]] = [[] for _ in plans]
    going = list(range(len(plans)))
    for turn in range(max((len(plan.questions) for plan in plans), default=0)):
        dialogs = {index: prompt(plans[index], answers[index]) for index in going if turn < len(plans[index].questions)}
        going = [index for index, dialog in dialogs.items() if fits is None or fits(dialog)]
        if not going:
            break
        replies = answer([dialogs[index] for index in going], turn)
        if len(replies) != len(going):
            raise ValueError(f"{len(going)} dialogues got {len(replies)} replies; every dialogue needs one")
        for index, reply in zip(going, replies, strict=True):
            if usable(reply):
                answers[index].append(reply.strip())
        going = [index for index in going if len(answers[index]) == turn + 1]
    return answers
