"""Measuring models: on text, by the Valley's judge, by raters and reward models. Knows nothing of alignment."""

from minillama.evaluation.agreement import cohen_kappa, fleiss_kappa, gwet_ac1, gwet_ac2
from minillama.evaluation.diversity import self_bleu
from minillama.evaluation.intervals import (
    Interval,
    PairedDifference,
    bootstrap_interval,
    paired_difference,
    wilson_interval,
)
from minillama.evaluation.judged import (
    JudgedAnswer,
    helpfulness_by_kind,
    judged_answers,
    mean_helpfulness,
    violation_rate,
)
from minillama.evaluation.perplexity import Perplexity, perplexity
from minillama.evaluation.rewards import calibration, precision_recall, reward_accuracy
from minillama.evaluation.safety import false_refusal_rate, gamma
from minillama.evaluation.win_rate import compare_in_both_orders, compare_in_random_order, order_bias, win_rate

__all__ = [
    "Interval",
    "JudgedAnswer",
    "PairedDifference",
    "Perplexity",
    "bootstrap_interval",
    "calibration",
    "cohen_kappa",
    "compare_in_both_orders",
    "compare_in_random_order",
    "false_refusal_rate",
    "fleiss_kappa",
    "gamma",
    "gwet_ac1",
    "gwet_ac2",
    "helpfulness_by_kind",
    "judged_answers",
    "mean_helpfulness",
    "order_bias",
    "paired_difference",
    "perplexity",
    "precision_recall",
    "reward_accuracy",
    "self_bleu",
    "violation_rate",
    "wilson_interval",
    "win_rate",
]
