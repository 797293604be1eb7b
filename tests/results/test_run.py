"""Every stage of every seed is measured once, kept, and measured again when stage or code change."""

import json
from pathlib import Path

import pytest

from minillama import cli
from minillama.pipeline import Artifact, Pipeline
from minillama.results import run
from minillama.results.measuring import ResultSettings

SMALL = ResultSettings(helpful=4, adversarial=4, borderline=4, extended=4, dialogs=2, divergence=2)


class FakePipeline(Pipeline):
    """Stages that are there as soon as they are asked for, except those that ``absent`` names."""

    def __init__(self, seed, absent=(), version="1"):
        super().__init__({}, "cpu", seed)
        self.absent, self.version = absent, version

    def missing(self, name):
        return [name] if name in self.absent else []

    def key(self, name):
        return f"{name}-{self.seed}-{self.version}"

    def get(self, name):
        facts = {"preset": "cpu", "corpus": None, "folder": Path(), "files": {}, "report": {}, "finished": 0.0}
        return Artifact(stage=name, key=self.key(name), seed=self.seed, **facts)


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """Measure four prompts of each sort, without models; remember which stage of which seed was measured."""
    monkeypatch.setenv("MINILLAMA_CACHE", str(tmp_path / "cache"))
    calls, options = [], {"absent": ()}

    def measure(artifact, held_out, settings, *, greedy, dialogs, references):
        calls.append((artifact.stage, artifact.seed, greedy, dialogs, tuple(references)))
        level = run.CHAT_STAGES.index(artifact.stage) / 10
        names = ("helpfulness", "violations", "false_refusals", "borderline_refusals", "extended_helpfulness")
        values = {name: [0.0, 1.0, 0.0, 0.0] for name in names}
        values["helpfulness"] = [level, level + 0.1, level, level + 0.05 * artifact.seed]
        found = {"values": values, "seconds": 2.0}
        if dialogs:
            found["obedience"] = {"kept": {"20": [1.0, 0.0]}, "broken": 0}
        if references:
            found["divergence"] = {name: {"k1": [1.0, 2.0], "k3": [1.0, 2.0]} for name in references}
        return {**found, **({"greedy": values} if greedy else {})}

    monkeypatch.setattr(run, "measure_stage", measure)
    monkeypatch.setattr(run, "pipeline", lambda preset, seed, say: FakePipeline(seed, **options))
    monkeypatch.setattr(run, "STAGES", dict.fromkeys(run.CHAT_STAGES))
    return calls, options


def quiet(text):
    pass


def test_all_stages_and_seeds_are_measured_once(fake):
    calls, _ = fake
    first = run.measure_results([0, 1], settings=SMALL, say=quiet)
    assert len(calls) == 2 * len(run.CHAT_STAGES)
    assert calls[0] == ("sft", 0, True, True, ())
    assert ("rlhf-v5", 1, False, True, ("rlhf-v4", "sft")) in calls
    assert ("rlhf-v2", 0, False, False, ()) in calls
    second = run.measure_results([0, 1], settings=SMALL, say=quiet)
    assert len(calls) == 2 * len(run.CHAT_STAGES)
    assert second == first
    assert first["seconds"] == 2.0 * len(calls)
    assert (first["seeds"], first["preset"]) == ([0, 1], "cpu")
    assert {goal["outcome"] for goal in first["goals"]} == {"reached", "not reached"}


def test_a_stopped_run_goes_on(fake, monkeypatch):
    calls, _ = fake
    real = run.measure_stage

    def stop_at_v1(artifact, *arguments, **options):
        if artifact.stage == "rlhf-v1":
            raise KeyboardInterrupt
        return real(artifact, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(run, "measure_stage", stop_at_v1)
        with pytest.raises(KeyboardInterrupt):
            run.measure_results([0, 1], settings=SMALL, say=quiet)
    run.measure_results([0, 1], settings=SMALL, say=quiet)
    assert len(calls) == len(set(calls)) == 2 * len(run.CHAT_STAGES)


@pytest.mark.parametrize("changed", ["stage", "settings", "code"])
def test_what_changed_is_measured_again(fake, monkeypatch, changed):
    calls, options = fake
    run.measure_results([0], settings=SMALL, say=quiet)
    settings = SMALL
    if changed == "stage":
        options["version"] = "2"
    elif changed == "settings":
        settings = ResultSettings(**{**vars(SMALL), "max_new_tokens": 50})
    else:
        monkeypatch.setattr(run, "code_hash", lambda module: "other")
    run.measure_results([0], settings=settings, say=quiet)
    assert len(calls) == 2 * len(run.CHAT_STAGES)


def test_without_building_only_what_is_finished_is_measured(fake):
    _, options = fake
    options["absent"] = ("rlhf-v4", "rlhf-v5", "gatt", "chat")
    found = run.measure_results([0], settings=SMALL, build=False, say=quiet)
    assert list(found["stages"]) == ["sft", "rlhf-v1", "rlhf-v2", "rlhf-v3"]
    options["absent"] = run.CHAT_STAGES
    with pytest.raises(ValueError, match="no chat stage is finished"):
        run.measure_results([0], settings=SMALL, build=False, say=quiet)
    with pytest.raises(ValueError, match="no seeds"):
        run.measure_results([], settings=SMALL, say=quiet)


def test_written_results_are_read_back(fake, tmp_path):
    found = run.measure_results([0, 1], settings=SMALL, say=quiet)
    path = tmp_path / "figures" / "results.json"
    run.write_results(found, path)
    assert run.read_results(path) == found
    for content in ("", "{}", '{"format": 0}'):
        path.write_text(content)
        with pytest.raises(ValueError, match=r"results\.json"):
            run.read_results(path)


def test_the_command_prints_stages_and_goals_and_writes(fake, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(run, "ResultSettings", lambda: SMALL)
    path = tmp_path / "results.json"
    assert cli.main(["results", "--seeds", "2", "--write", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "rlhf-v5 - rlhf-v4, helpfulness" in printed
    assert "win rate over SFT" in printed
    assert json.loads(path.read_text())["seeds"] == [0, 1]
    assert cli.main(["results", "--seeds", "0"]) == 2
