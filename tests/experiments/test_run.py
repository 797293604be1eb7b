"""Claims: found by themselves, measured once per seed, summed up in the ledger."""

import json
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillama.experiments import Claim, Row, Verdict, claim, claims, ledger_entries, quick_rows, reproduce
from minillama.experiments.ledger import MAX_CURVE, spread, thin


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MINILLAMA_CACHE", str(tmp_path / "cache"))


def make_claim(calls, *, fail_at=None, seeds=3):
    def run(seed, quick):
        if seed == fail_at:
            raise KeyboardInterrupt
        calls.append((seed, quick))
        curve = {"loss": [float(step) for step in range(1000)]}
        return [
            Row(arm="with", seed=seed, numbers={"score": 10.0 + seed}, curve=curve, texts={"said": [f"I am {seed}."]}),
            Row(arm="without", seed=seed, numbers={"score": 5.0}, control=True),
        ]

    def judge(rows):
        effect = min(row.numbers["score"] for row in rows if not row.control)
        control = max(row.numbers["score"] for row in rows if row.control)
        return Verdict("reproduced" if effect > control else "not reproduced", f"{effect} against {control}")

    return Claim(
        name="table-0",
        paper="Table 0",
        chapter=3,
        statement="With beats without.",
        paper_numbers={"with": 2.0},
        counts_as_reproduced="with above without in every seed",
        control="without",
        seeds=seeds,
        minutes=1,
        run=run,
        judge=judge,
    )


def quiet(text):
    pass


def test_the_ledger_holds_numbers_spread_and_verdict(tmp_path):
    reproduce(make_claim([]), folder=tmp_path / "ledger", say=quiet)
    entry = json.loads((tmp_path / "ledger" / "table-0.json").read_text())
    assert entry["outcome"] == "reproduced"
    assert entry["why"] == "10.0 against 5.0"
    assert entry["arms"]["with"]["numbers"]["score"] == {
        "mean": 11.0, "low": 10.0, "high": 12.0, "sd": 1.0, "values": [10.0, 11.0, 12.0],
    }  # fmt: skip
    assert entry["arms"]["without"]["control"] is True
    assert len(entry["arms"]["with"]["curves"]["loss"]) == 200
    assert entry["arms"]["with"]["texts"] == {"said": ["I am 0.", "I am 1.", "I am 2."]}
    assert "texts" not in entry["arms"]["without"]
    assert set(entry["versions"]) == {"python", "torch", "minillama"}
    assert [e.name for e in ledger_entries(tmp_path / "ledger")] == ["table-0"]


def test_a_stopped_run_goes_on_and_nothing_is_measured_twice(tmp_path):
    calls = []
    with pytest.raises(KeyboardInterrupt):
        reproduce(make_claim(calls, fail_at=1), folder=tmp_path, say=quiet)
    assert calls == [(0, False)]
    reproduce(make_claim(calls), folder=tmp_path, say=quiet)
    assert calls == [(0, False), (1, False), (2, False)]
    entry = reproduce(make_claim(calls), 4, folder=tmp_path, say=quiet)
    assert calls[3:] == [(3, False)]
    assert entry.seeds == 4


def test_quick_rows_are_measured_anew():
    calls = []
    for _ in range(2):
        assert [row.arm for row in quick_rows(make_claim(calls))] == ["with", "without"]
    assert calls == [(0, True), (0, True)]


def test_what_cannot_be_run_is_named(tmp_path):
    with pytest.raises(ValueError, match="seeds is 0"):
        reproduce(make_claim([]), 0, folder=tmp_path, say=quiet)
    with pytest.raises(ValueError, match="finite"):
        Row(arm="with", seed=0, numbers={"score": float("nan")})
    with pytest.raises(ValueError, match="no claim 'table-999'"):
        claim("table-999")
    with pytest.raises(ValueError, match="needs at least 1"):
        make_claim([], seeds=0)


def test_every_claim_of_the_package_is_well_formed():
    for name, found in claims().items():
        assert found.name == name
        assert found.statement.endswith(".")
        assert found.control
        assert found.counts_as_reproduced


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=10))
def test_the_mean_lies_within_the_spread(values):
    result = spread(values)
    slack = 1e-4 * max(abs(value) for value in values)
    assert result["low"] - slack <= result["mean"] <= result["high"] + slack
    assert len(result["values"]) == len(values)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=1500))
def test_a_thinned_curve_is_short_and_keeps_its_level(values):
    result = thin(values)
    assert len(result) <= MAX_CURVE
    assert min(values) - 1e-4 <= statistics.fmean(result) <= max(values) + 1e-4
    if len(values) <= MAX_CURVE:
        assert result == pytest.approx(values, rel=1e-4)
