"""Figure 21: Self-BLEU at the same variety, and the verdict."""

import pytest

from minillama.experiments import temperature_in_context as figure21

TEMPERATURES = (0.4, 1.0, 1.5)


def test_the_factual_value_where_the_creative_one_is_the_same():
    curves = {"creative": [0.9, 0.5, 0.1], "factual": [1.0, 0.6, 0.2]}
    assert figure21.at_same_variety(curves, 0.5) == pytest.approx(0.6)
    assert figure21.at_same_variety(curves, 0.7) == pytest.approx(0.8)
    assert figure21.at_same_variety(curves, 0.95) == 1.0
    assert figure21.at_same_variety(curves, 0.0) == 0.2


def rows(factual=(0.95, 0.9, 0.8), creative=(0.9, 0.5, 0.3), sharpened=(0.9, 0.6, 0.4)):
    arms = {
        figure21.BEFORE: {"factual": [0.9, 0.5, 0.2], "creative": [0.9, 0.4, 0.2]},
        figure21.AFTER: {"factual": list(factual), "creative": list(creative)},
        figure21.SHARPENED: {"factual": list(sharpened), "creative": list(creative)},
    }
    return [figure21.row_of(arm, seed, TEMPERATURES, curves) for seed in (0, 1) for arm, curves in arms.items()]


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"factual": (0.9, 0.5, 0.3)}, "not reproduced"),
        ({"creative": (0.95, 0.9, 0.8)}, "not reproduced"),  # nothing varies any more
        ({"sharpened": (0.95, 0.9, 0.8)}, "cannot be seen at this scale"),
    ],
)
def test_the_verdict(changed, outcome):
    assert figure21.judge(rows(**changed)).outcome == outcome


def test_hot_temperatures_are_averaged():
    row = next(row for row in rows() if row.arm == figure21.AFTER)
    assert row.numbers["factual, T from 1"] == pytest.approx(0.85)
    assert row.numbers["factual, fall"] == pytest.approx(0.15)
