"""Measuring models: on text, and by the Valley's judge. Takes callables and knows nothing of alignment."""

from minillama.evaluation.judged import (
    JudgedAnswer,
    helpfulness_by_kind,
    judged_answers,
    mean_helpfulness,
    violation_rate,
)
from minillama.evaluation.perplexity import Perplexity, perplexity

__all__ = [
    "JudgedAnswer",
    "Perplexity",
    "helpfulness_by_kind",
    "judged_answers",
    "mean_helpfulness",
    "perplexity",
    "violation_rate",
]
