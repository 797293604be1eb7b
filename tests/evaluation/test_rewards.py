"""Accuracy by rating, calibration, thresholds."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minillama.evaluation.rewards import (
    calibration,
    calibration_error,
    precision_recall,
    precision_recall_curve,
    rank_correlation,
    reward_accuracy,
    threshold_for_precision,
)
from minillama.valley.raters import RATINGS


def test_accuracy_by_rating_has_the_shape_of_table_8():
    ratings = ["slightly_better", "significantly_better", "slightly_better", "better", "slightly_better"]
    result = reward_accuracy([2.0, 1.0, 0.0, 3.0, 1.0], [1.0, 0.0, 1.0, 1.0, 1.0], ratings)
    assert list(result.by_rating) == ["significantly_better", "better", "slightly_better"]
    assert result.by_rating == {"significantly_better": 1, "better": 1, "slightly_better": 0.5}
    assert result.counts == {"significantly_better": 1, "better": 1, "slightly_better": 3}
    assert result.average == pytest.approx(3.5 / 5)  # over pairs, not the mean of the columns (0.83)
    assert result.interval("slightly_better").mean == 0.5
    assert result.interval().low < 0.7 < result.interval().high


def test_a_clear_preference_is_easier_to_learn_and_noise_is_not():
    rng = np.random.default_rng(0)
    gap = dict(zip(RATINGS, (3.0, 1.5, 0.7, 0.1), strict=True))
    ratings = [RATINGS[k % 4] for k in range(4000)]
    noisy = np.array([gap[r] for r in ratings]) + 1.5 * rng.standard_normal(4000)
    falling = list(reward_accuracy(noisy, np.zeros(4000), ratings).by_rating.values())
    assert falling == sorted(falling, reverse=True)
    control = reward_accuracy(rng.standard_normal(4000), np.zeros(4000), ratings)
    assert all(abs(value - 0.5) < 0.06 for value in control.by_rating.values())


def test_a_constant_model_has_one_half_and_tensors_will_do():
    assert reward_accuracy(torch.ones(4), torch.ones(4)).by_rating == {"all": 0.5}
    assert reward_accuracy(torch.ones(4, requires_grad=True), torch.zeros(4).bfloat16()).average == 1


@pytest.mark.parametrize(
    ("chosen", "rejected", "ratings", "message"),
    [
        ([1.0, math.nan], [0.0, 0.0], None, "scores_chosen holds 1 of 2"),
        ([1.0], [math.inf], None, "scores_rejected holds 1 of 1"),
        ([], [], None, "is empty"),
        ([1.0], [1.0, 2.0], None, "one rejected"),
        ([1.0], [1.0], ["better"] * 2, "2 ratings"),
        ([[1.0]], [[1.0]], None, "shapes"),
    ],
)
def test_bad_scores_are_refused(chosen, rejected, ratings, message):
    with pytest.raises(ValueError, match=message):
        reward_accuracy(chosen, rejected, ratings)


def test_calibration_by_hand():
    low, high = calibration([4.0, 1.0, 2.0, 3.0], [1.0, 0.0, 0.2, 0.6], bins=2)
    assert (low.low, low.high, low.mean_score, low.mean_value, low.count) == (1, 2, 1.5, pytest.approx(0.1), 2)
    assert (high.low, high.high, high.mean_score, high.mean_value, high.count) == (3, 4, 3.5, pytest.approx(0.8), 2)
    (only,) = calibration([0.5] * 7, range(7))
    assert (only.count, only.mean_value) == (7, 3)
    with pytest.raises(ValueError, match="at least one bin"):
        calibration([1.0], [1.0], bins=0)
    with pytest.raises(ValueError, match="one length"):
        calibration([1.0], [1.0, 2.0])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=60), st.integers(1, 12))
def test_bins_part_the_answers(scores, bins):
    parts = calibration(scores, scores, bins)
    assert sum(part.count for part in parts) == len(scores)
    assert len(parts) <= bins
    assert all(a.high < b.low for a, b in pairwise(parts))
    assert sum(part.count * part.mean_value for part in parts) == pytest.approx(sum(scores))


def test_calibration_error_tells_probabilities_from_sharpened_ones():
    rng = np.random.default_rng(0)
    p = rng.random(20_000)
    labels = rng.random(20_000) < p
    assert calibration_error(p, labels) < 0.02
    assert calibration_error(p**3 / (p**3 + (1 - p) ** 3), labels) > 0.1
    assert calibration_error([0.9, 0.9], [1, 0]) == pytest.approx(0.4)
    with pytest.raises(ValueError, match="sigmoid"):
        calibration_error([2.0], [1])


def test_precision_and_recall_by_hand():
    scores, unsafe = [0.05, 0.1, 0.12, 0.15, 0.4, 0.9], [1, 1, 0, 1, 0, 0]
    found = precision_recall(scores, unsafe)
    assert (found.flagged, found.caught, found.unsafe) == (3, 2, 3)
    assert found.precision == pytest.approx(2 / 3)
    assert found.recall == pytest.approx(2 / 3)  # 0.15 itself is not below 0.15
    nothing = precision_recall(scores, unsafe, threshold=0.01)
    assert nothing.precision is None
    assert nothing.recall == 0
    with pytest.raises(ValueError, match="at least one 1"):
        precision_recall(scores, [0] * 6)
    with pytest.raises(ValueError, match="0 or 1"):
        precision_recall(scores, [0.5] * 6)


def test_a_threshold_is_chosen_on_labels_whatever_the_scale():
    rng = np.random.default_rng(0)
    unsafe = rng.random(2000) < 0.4
    raw = np.where(unsafe, -1.0, 1.0) + rng.standard_normal(2000)
    chosen = threshold_for_precision(raw, unsafe, 0.89)
    shifted = threshold_for_precision(raw + 100, unsafe, 0.89)  # what only ranks may be shifted by anything
    assert chosen.precision >= 0.89
    assert (shifted.flagged, shifted.recall) == (chosen.flagged, chosen.recall)
    assert precision_recall(raw, unsafe, chosen.threshold) == chosen
    assert precision_recall(1 / (1 + np.exp(-raw - 100)), unsafe).flagged == 0  # 0.15 has no meaning there
    better = [point for point in precision_recall_curve(raw, unsafe) if point.recall > chosen.recall]
    assert all(point.precision < 0.89 for point in better)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=30).filter(
        lambda x: any(u for _, u in x)
    )
)
def test_the_curve_agrees_with_its_points(answers):
    scores, unsafe = [float(s) for s, _ in answers], [u for _, u in answers]
    curve = precision_recall_curve(scores, unsafe)
    assert len(curve) == len(set(scores))
    assert curve == [precision_recall(scores, unsafe, point.threshold) for point in curve]
    assert curve[-1].recall == 1


def test_no_threshold_where_scores_say_nothing():
    with pytest.raises(ValueError, match="do not tell"):
        threshold_for_precision([0.5] * 4, [1, 0, 0, 0], 0.9)


def test_rank_correlation():
    assert rank_correlation([1, 2, 3], [10, 100, 1000]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert rank_correlation([1, 2, 2, 3], [1, 3, 2, 4]) == pytest.approx(0.9486833)  # ranks 1 2.5 2.5 4
    with pytest.raises(ValueError, match="are the same"):
        rank_correlation([1, 1], [1, 2])
