"""Margins: assertions note both sides and mean the same, and what is narrow is found."""

import json
import sys
from pathlib import Path

import pytest

from minillama.pipeline.bundle import bundled

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
import margins


def notes_of(tmp_path, source):
    """What a cell notes when it is run, and the namespace afterwards."""
    path = tmp_path / "notes.jsonl"
    space = {}
    exec(margins.RECORDER.format(path=str(path)), space)
    exec(margins.instrumented(source, 3), space)
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()], space


def test_distances_are_noted_and_a_failure_does_not_stop(tmp_path):
    noted, space = notes_of(tmp_path, "assert 1 < 2\nassert 5 <= 4, 'never'\ndone = True")
    assert noted == [
        ["cell 3: 1 < 2", "distance", 0, 1.0],
        ["cell 3: 1 < 2", "held", True],
        ["cell 3: 5 <= 4", "distance", 0, -1.0],
        ["cell 3: 5 <= 4", "held", False],
    ]
    assert space["done"]
    assert margins.failed(noted) == ["cell 3: 5 <= 4"]


def test_a_chain_notes_each_part_and_evaluates_each_side_once(tmp_path):
    source = "calls = []\ndef middle():\n    calls.append(1)\n    return 5\nassert 1 < middle() < 3"
    noted, space = notes_of(tmp_path, source)
    assert [row[2:] for row in noted] == [[0, 4.0], [1, -2.0], [False]]
    assert len(space["calls"]) == 1


@pytest.mark.parametrize(
    ("source", "distances"),
    [
        ("assert all(x < 3 for x in (1, 2))", [2, 1]),
        ("assert 5 > 1 and 7 > 5", [4, 2]),
        ("assert sum(x > 1 for x in range(10)) > 3", [5]),  # what is counted need not hold
        ("assert not 2 < 1", []),
        ("assert 2 < 1 or 1 < 2", []),
        ("assert any(x > 8 for x in range(10))", []),
        ("assert 'a' == 'a' != 'b'", []),
        ("assert 'a' < 'b'", []),
        ("assert 1 < float('inf')", []),
        ("class A:\n    def f(self):\n        assert 1 < 2\nA().f()", [1]),
    ],
)
def test_what_holds_holds_and_only_what_must_hold_is_noted(tmp_path, source, distances):
    noted, _ = notes_of(tmp_path, source)
    assert [row[-1] for row in noted if row[1] == "distance"] == distances
    assert [row[-1] for row in noted if row[1] == "held"] == [True]


@pytest.mark.parametrize("source", ["x = 1", "%matplotlib inline\nassert 1 < 2"])
def test_other_cells_stay_as_they_are(source):
    assert margins.instrumented(source, 0) == source


def test_the_distance_is_the_least_of_several_times():
    noted = [["a", "distance", 0, 4.0], ["a", "held", True], ["a", "distance", 0, 2.0], ["a", "held", True]]
    assert margins.distances(noted) == {("a", 0): 2}


def test_what_holds_by_little_is_narrow_and_what_never_changes_is_not():
    wide, little, same = ("wide", 0), ("little", 0), ("same", 0)
    builds = [{wide: 10.0, little: 0.1, same: 0.01}, {wide: 11.0, little: 0.4, same: 0.01}, {wide: 9.0, little: 0.2}]
    (found,) = margins.narrow(builds)
    assert found[1:] == ("little", [0.1, 0.4, 0.2])
    assert 1 < found[0] < 2


def test_a_build_of_another_seed_passes_for_the_default_one(tmp_path, monkeypatch):
    for stage, seed, finished in (("corpus", 0, 1.0), ("sft", 2, 3.0), ("sft", 2, 2.0), ("sft", 1, 4.0)):
        folder = tmp_path / "cache" / "stages" / f"{stage}-{seed}-{finished}"
        folder.mkdir(parents=True)
        facts = {"format": 1, "stage": stage, "key": folder.name, "report": {"was": [seed, finished]}}
        facts |= {"finished": finished, "seed": seed, "preset": "cpu", "corpus": None, "files": {}}
        (folder / "artifact.json").write_text(json.dumps(facts), "utf-8")
    bundle = margins.as_default_seed(tmp_path / "cache", 2, tmp_path / "bundle")
    monkeypatch.setenv("MINILLAMA_MODELS", str(bundle))
    assert bundled("sft", 0, "cpu").report == {"was": [2, 3.0]}  # the newest
    assert bundled("corpus", 0, "cpu").report == {"was": [0, 1.0]}
    with pytest.raises(ValueError, match="no finished stages of seed 7"):
        margins.as_default_seed(tmp_path / "cache", 7, tmp_path / "other")
