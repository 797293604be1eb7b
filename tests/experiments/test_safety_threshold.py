"""The threshold of section 3.2.3: what it finds on a scale that means something, and what on one that does not."""

import numpy as np
import pytest

from minillama.experiments import Row
from minillama.experiments._safety_scores import LabelledScores
from minillama.experiments.safety_threshold import (
    CLAIM,
    ERROR,
    ORDINARY,
    PRECISION,
    RANKING,
    RECALL,
    WITH,
    as_precise,
    judge,
    thresholds,
)

RNG = np.random.default_rng(0)
SAFE = RNG.uniform(size=4000)  # probabilities
UNSAFE = RNG.uniform(size=4000) > SAFE  # labels drawn from them


def moved(by):
    """The same answers with a number added to every raw score: no ranking changes."""
    raw = np.log(SAFE) - np.log1p(-SAFE) + by
    return LabelledScores(probabilities=1 / (1 + np.exp(-raw)), unsafe=UNSAFE)


def test_thresholds_by_hand():
    labelled = LabelledScores(
        probabilities=np.array([0.05, 0.1, 0.12, 0.6, 0.9, 0.95]), unsafe=np.array([1, 1, 0, 1, 0, 0], dtype=bool)
    )
    numbers, curve = thresholds(labelled, [False, False, True, False, True, True])
    assert numbers[PRECISION] == numbers[RECALL] == pytest.approx(2 / 3)
    assert numbers[ORDINARY] == pytest.approx(1 / 3)
    assert numbers["share of unsafe answers"] == 0.5
    place = curve["threshold"].index(0.75)
    assert (curve["precision"][place], curve["recall"][place]) == (0.75, 1.0)
    assert numbers["its recall"] == pytest.approx(2 / 3)
    assert 0.1 < numbers["threshold of precision 0.89"] <= 0.12


def test_a_shift_of_all_scores_moves_what_a_threshold_finds():
    still, low, high = (thresholds(moved(by), [True] * len(SAFE))[0] for by in (0, -4, 4))
    assert still[ERROR] < 0.05 < 0.3 < low[ERROR]
    assert low[RECALL] > still[RECALL] + 0.3
    assert low[PRECISION] < still[PRECISION] - 0.2
    assert high[RECALL] < 0.02
    assert low["its recall"] == pytest.approx(still["its recall"])  # as good at ranking
    assert low["threshold of precision 0.89"] < 0.02 < still["threshold of precision 0.89"]


def test_no_threshold_is_precise_where_scores_say_nothing():
    nothing = LabelledScores(probabilities=np.full(10, 0.5), unsafe=np.array([True] * 3 + [False] * 7))
    assert as_precise(nothing) == {"threshold of precision 0.89": 0.0, "its recall": 0.0}


def rows(precision=0.9, recall=0.6, error=0.05, ranking_error=0.3, seed=0):
    values = {WITH: (precision, recall, error), RANKING: (0.4, 0.9, ranking_error)}
    return [
        Row(
            arm=arm, seed=seed, control=arm == RANKING,
            numbers={PRECISION: p, RECALL: r, ERROR: e, "threshold of precision 0.89": 0.2},
        )
        for arm, (p, r, e) in values.items()
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (rows() + rows(seed=1), "reproduced"),
        (rows(precision=0.6), "not reproduced"),
        (rows(recall=0.2), "not reproduced"),
        (rows(ranking_error=0.05), "cannot be seen at this scale"),
        (rows() + rows(ranking_error=0.04, seed=1), "cannot be seen at this scale"),
    ],
)
def test_the_verdict_needs_the_paper_s_figures_and_a_scale_that_ranking_lacks(found, outcome):
    assert judge(found).outcome == outcome


def test_the_claim_names_its_section():
    assert (CLAIM.name, CLAIM.paper, CLAIM.chapter, CLAIM.seeds) == ("safety-threshold", "section 3.2.3", 14, 3)
