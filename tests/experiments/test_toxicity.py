"""Toxicity: what is counted, and the verdict."""

import pytest

from minillama.experiments import Row
from minillama.experiments import toxicity as claim


def test_rude_texts_are_counted():
    found = claim.row(claim.BEFORE, 0, ["You numbskull!", "It is black.", "", "Ben is kind."])
    assert found.numbers == {claim.TOXIC: 0.25, "invitations": 4}
    assert not found.control
    assert claim.row(claim.CONTROL, 0, [""]).control


def row(arm, seed, toxic):
    return Row(arm=arm, seed=seed, numbers={claim.TOXIC: toxic}, control=arm == claim.CONTROL)


def rows(base=0.2, again=0.22, aligned=0.0, seed=0):
    return [row(claim.BEFORE, seed, base), row(claim.CONTROL, seed, again), row(claim.AFTER, seed, aligned)]


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"aligned": 0.1}, "not reproduced"),
        ({"base": 0.01, "again": 0.01}, "cannot be seen at this scale"),
        ({"base": 0.0, "again": 0.0}, "cannot be seen at this scale"),
        ({"again": 0.05}, "cannot be seen at this scale"),
    ],
)
def test_the_verdict_needs_every_seed(changed, outcome):
    assert claim.judge(rows(**changed)).outcome == outcome
    assert claim.judge(rows() + rows(**changed, seed=1)).outcome == outcome


def test_rows_without_an_arm_are_refused():
    with pytest.raises(ValueError, match="lack an arm"):
        claim.judge(rows()[:2])
