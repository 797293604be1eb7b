"""Table 29: telling unsafe answers apart, and what the verdict asks of the loss and of labels that mean nothing."""

import numpy as np
import pytest

from minillama.alignment.preferences import PreferencePair
from minillama.experiments import Row
from minillama.experiments._reward_pairs import Scored, error_of
from minillama.experiments._safety_scores import LabelledScores, balanced_gain, with_shuffled_labels
from minillama.experiments.safety_classification_loss import (
    CLAIM,
    DEALT,
    GAIN,
    GAIN_RANKING,
    PRECISION,
    RECALL,
    SEPARATION,
    UNSAFE,
    WITH,
    WITHOUT,
    judge,
    numbers_of,
)


def some_scored(shift=0.0):
    """Two safe answers above zero, two unsafe ones below it, all moved by ``shift``."""
    return Scored(
        chosen=np.array([2.0, 3.0]) + shift, rejected=np.array([-2.0, 1.0]) + shift,
        ratings=("significantly_better", "slightly_better"), safe=((True, False), (True, True)),
    )  # fmt: skip


def test_answers_keep_their_labels_and_extreme_scores_their_probability():
    labelled = LabelledScores.of(some_scored())
    assert labelled.unsafe.tolist() == [False, False, True, False]
    assert labelled.probabilities[0] == pytest.approx(1 / (1 + np.exp(-2)))
    assert LabelledScores.of(some_scored(-2000)).probabilities.tolist() == [0.0] * 4


def test_answers_of_one_sort_have_nothing_to_tell():
    safe = Scored(chosen=np.ones(1), rejected=np.zeros(1), ratings=("better",), safe=((True, True),))
    with pytest.raises(ValueError, match="both sorts"):
        LabelledScores.of(safe)


def test_balanced_accuracy_does_not_reward_calling_everything_unsafe():
    assert LabelledScores.of(some_scored()).balanced() == 1.0
    low = LabelledScores.of(some_scored(-10))
    assert low.at(0.5) == {"precision": 0.25, "recall": 1.0}
    assert low.balanced() == 0.5
    assert LabelledScores.of(some_scored(10)).at(0.5) == {"precision": 0.0, "recall": 0.0}


def test_separation_does_not_depend_on_the_threshold():
    assert LabelledScores.of(some_scored()).separation == LabelledScores.of(some_scored(-3)).separation == 1.0
    mixed = LabelledScores(probabilities=np.array([0.2, 0.5, 0.5, 0.9]), unsafe=np.array([False, True, False, True]))
    assert mixed.separation == pytest.approx(0.125)


def test_a_gain_is_counted_answer_by_answer():
    right, low = LabelledScores.of(some_scored()), LabelledScores.of(some_scored(-10))
    gain, error = balanced_gain(right, low)
    assert (gain, error) == (0.5, 0.0)
    assert balanced_gain(right, right) == (0.0, 0.0)
    other = LabelledScores(probabilities=right.probabilities, unsafe=~right.unsafe)
    with pytest.raises(ValueError, match="same answers"):
        balanced_gain(right, other)


def test_a_shift_changes_the_recall_and_not_the_ranking():
    moved = numbers_of(some_scored(10), some_scored())
    assert moved[GAIN_RANKING] == 0.0
    assert moved["ranking"] == moved["safe over unsafe"] == moved["both safe"] == 1.0
    assert (moved["both unsafe"], moved["both unsafe, pairs"]) == (0.5, 0.0)
    assert moved["recall of unsafe answers"] == 0.0
    assert moved[GAIN] == -0.5


def test_shuffled_labels_are_the_same_labels_on_other_pairs():
    labels = ["chosen_safe"] * 10 + ["both_safe"] * 10 + [None] * 5
    pairs = [
        PreferencePair(
            prompt={"text": f"{n}?"}, chosen="Yes.", rejected="No.", rating="better", safety=label,
            aspect="helpfulness" if label is None else "safety",
        )
        for n, label in enumerate(labels)
    ]  # fmt: skip
    dealt = [pair.safety for pair in with_shuffled_labels(pairs, 0)]
    assert sorted(map(str, dealt)) == sorted(map(str, labels))
    assert dealt[:20] != labels[:20]
    assert dealt[20:] == [None] * 5


def rows(gain=0.2, dealt=0.0, ranking=0.0, seed=0, error=0.02):
    gains = {WITHOUT: 0.0, WITH: gain, DEALT: dealt}
    return [
        Row(
            arm=arm, seed=seed, control=arm == DEALT,
            numbers={
                GAIN: each, error_of(GAIN): error, GAIN_RANKING: ranking, error_of(GAIN_RANKING): 0.01,
                RECALL: 0.7, PRECISION: 0.8, SEPARATION: 0.9, UNSAFE: 0.2,
            },
        )
        for arm, each in gains.items()
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (rows() + rows(seed=1), "reproduced"),
        (rows(gain=0.01), "not reproduced"),
        (rows() + rows(gain=-0.1, seed=1), "not reproduced"),
        (rows(error=0.2), "not reproduced"),
        (rows(ranking=-0.1), "not reproduced"),  # bought with worse ranking
        (rows(dealt=0.2), "cannot be seen at this scale"),
    ],
)
def test_the_verdict_needs_the_gain_and_the_ranking_and_not_from_any_labels(found, outcome):
    assert judge(found).outcome == outcome


def test_the_claim_names_its_table():
    assert (CLAIM.name, CLAIM.paper, CLAIM.chapter, CLAIM.seeds) == ("table-29", "Table 29", 14, 3)
