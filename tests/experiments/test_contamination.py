"""Section A.6's measurement: what leaks, what is compared, and what the verdict hangs on."""

import dataclasses

import pytest

from minillama.experiments import Row
from minillama.experiments import contamination as leaks
from minillama.valley import World
from minillama.valley.benchmarks import make_benchmark

TINY = leaks.Size(characters=20_000, questions=12, copies=2, passes=1)


def test_leaks_stand_as_often_as_asked_and_the_rest_stays():
    questions = make_benchmark("reading", World.create(), count=4)
    texts = [f"text {number}" for number in range(10)]
    mixed = leaks.with_leaks(texts, questions[:2], 3, seed=0)
    assert len(mixed) == 16
    assert set(texts) <= set(mixed)
    assert [mixed.count(leaks.written(question)) for question in questions] == [3, 3, 0, 0]


def test_a_run_compares_both_models_on_both_halves_and_the_search_tells_them_apart(monkeypatch):
    monkeypatch.setattr(leaks, "QUICK", TINY)
    leaked, clean = leaks.run(0, True)
    assert (leaked.arm, clean.arm) == (leaks.LEAKED, leaks.CLEAN)
    assert (leaked.control, clean.control) == (False, True)
    assert leaked.numbers["flagged"] == 1.0
    assert clean.numbers["flagged"] == leaked.numbers["flagged without"] == 0.0


def rows(gain, change, found=1.0, accused=0.0):
    def row(arm, difference, flagged):
        numbers = {
            "right with leaks": 0.3 + difference, "right without": 0.3, "flagged": flagged, "flagged without": accused,
        }  # fmt: skip
        return [Row(arm=arm, seed=seed, numbers=numbers, control=arm == leaks.CLEAN) for seed in (0, 1, 2)]

    return row(leaks.LEAKED, gain, found) + row(leaks.CLEAN, change, accused)


@pytest.mark.parametrize(
    ("measured", "outcome"),
    [
        (rows(0.6, 0.05), "reproduced"),
        (rows(0.6, -0.05), "reproduced"),
        (rows(0.2, 0.0), "not reproduced"),
        (rows(0.6, 0.3), "cannot be seen at this scale"),
        (rows(0.6, -0.3), "cannot be seen at this scale"),
        (rows(0.6, 0.0, found=0.5), "not reproduced"),
        (rows(0.6, 0.0, accused=0.2), "not reproduced"),
    ],
)
def test_the_verdict(measured, outcome):
    assert leaks.judge(measured).outcome == outcome


@pytest.mark.parametrize(("seed", "outcome"), [(0, "reproduced"), (1, "not reproduced"), (2, "not reproduced")])
def test_one_seed_without_a_gain_is_enough_to_deny_unless_it_settled_the_sizes(seed, outcome):
    measured = rows(0.6, 0.0)
    measured[seed] = dataclasses.replace(measured[seed], numbers={**measured[seed].numbers, "right with leaks": 0.3})
    assert leaks.judge(measured).outcome == outcome


def test_rows_without_the_control_are_refused():
    with pytest.raises(ValueError, match="lack an arm"):
        leaks.judge(rows(0.6, 0.0)[:3])
