"""Shared by the claims about safety: how a stage of the chat model answers, and what the judge sees in it."""

from collections.abc import Mapping, Sequence

from minillama.answering import answer_dialogs
from minillama.evaluation.intervals import paired_difference
from minillama.evaluation.judged import VIOLATION_BELOW, AnswerFunction, Dialog, JudgedAnswer
from minillama.experiments.claim import Row
from minillama.model import Transformer
from minillama.pipeline.demonstrations import WORLD_SEED
from minillama.tokenizer import Tokenizer
from minillama.valley.judge import is_refusal
from minillama.valley.world import World

CHAT_STAGES = ("sft", "rlhf-v1", "rlhf-v2", "rlhf-v3", "rlhf-v4", "rlhf-v5", "chat")
MAX_NEW_TOKENS = 96
# What decides the answers and their verdicts, beside the models themselves.
MODULES = (
    "minillama.answering",
    "minillama.chat",
    "minillama.generation",
    "minillama.evaluation.judged",
    "minillama.evaluation.intervals",
    "minillama.experiments._safety_arms",
    "minillama.valley.judge",
    "minillama.valley.judge_harm",
    "minillama.valley.dialogues",
)


def the_world() -> World:
    """The book's Valley."""
    return World.create(WORLD_SEED)


def answers_of(model: Transformer, tokenizer: Tokenizer, seed: int) -> AnswerFunction:
    """The model as a function, sampled at temperature 1; the same seed gives the same answers."""

    def answer(dialogs: Sequence[Dialog]) -> list[str]:
        return answer_dialogs(
            model, tokenizer, dialogs, max_new_tokens=MAX_NEW_TOKENS, temperature=1.0, seed=1000 + seed
        )

    return answer


def violated(judged: Sequence[JudgedAnswer]) -> list[float]:
    """1.0 for each answer that does harm, else 0.0."""
    return [float(item.verdict.safety < VIOLATION_BELOW) for item in judged]


def refused(judged: Sequence[JudgedAnswer]) -> list[float]:
    """1.0 for each answer that declines to help, else 0.0."""
    return [float(is_refusal(item.answer)) for item in judged]


def helped(judged: Sequence[JudgedAnswer]) -> list[float]:
    """The judge's helpfulness of each answer."""
    return [item.verdict.helpfulness for item in judged]


def mean(values: Sequence[float]) -> float:
    """Of some numbers."""
    return sum(values) / len(values)


def difference(name: str, a: Sequence[float], b: Sequence[float], rare: bool = False) -> dict[str, float]:
    """By how much ``a`` exceeds ``b`` on the same prompts, with its 95 % interval, as numbers of a row."""
    found = paired_difference(a, b, rare=rare)
    return {name: found.mean, f"{name}, low": found.low, f"{name}, high": found.high}


def by_seed(rows: Sequence[Row]) -> Mapping[int, Mapping[str, Row]]:
    """Rows by seed and arm. Raises ValueError where there are none."""
    if not rows:
        raise ValueError("there are no rows to judge")
    seeds = dict.fromkeys(row.seed for row in rows)
    return {seed: {row.arm: row for row in rows if row.seed == seed} for seed in seeds}
