"""The report of a build: every stage's figures and what they were measured with, as JSON that any reader takes."""

import json
import math

import pytest
import torch

from minillama import hardware
from minillama.model import ModelArgs, Transformer
from minillama.pipeline import STAGES, Artifact
from minillama.pipeline.artifact import save_model, seal
from minillama.pipeline.cache import build_once
from minillama.pipeline.report import build_report, read_report, write_report
from minillama.tokenizer import Tokenizer


@pytest.fixture
def stages(tmp_path):
    """A tokenizer, and a model that noted what it took."""
    torch.manual_seed(0)
    tokenizer = Tokenizer.train(["In Dale, near the old mill."] * 20, 290)
    args = ModelArgs(dim=16, n_layers=1, n_heads=2, vocab_size=tokenizer.vocab_size, multiple_of=8, max_seq_len=32)
    built = {"build_seconds": 7.25, "peak_memory_mb": 900.0, "hardware": "a laptop", "versions": {"torch": "2"}}
    facts = {"key": "k", "preset": "cpu", "corpus": None, "finished": 0.0}
    (tmp_path / "tokenizer").mkdir()
    tokenizer.save(tmp_path / "tokenizer" / "tokenizer.model")
    old = {"vocab_size": 290, "build_seconds": 1.5}  # built before memory was noted
    seal(tmp_path / "tokenizer", stage="tokenizer", seed=0, report=old, **facts)
    save_model(Transformer(args), tokenizer, tmp_path / "sft")
    figures = {"final_loss": 1.25, "losses": [2.0, math.nan], "measured": {"helpfulness": 0.5}}
    seal(tmp_path / "sft", stage="sft", seed=3, report={**figures, **built}, **facts)
    return [Artifact.open(tmp_path / name) for name in ("tokenizer", "sft")]


def test_every_stage_is_there_with_its_figures(stages):
    report = build_report(stages)
    assert list(report["stages"]) == ["tokenizer", "sft"]
    assert report["stages"]["sft"]["figures"] == {
        "final_loss": 1.25,
        "losses": [2.0, None],
        "measured": {"helpfulness": 0.5},
    }
    assert [stage["seed"] for stage in report["stages"].values()] == [0, 3]
    assert report["stages"]["sft"]["promise"] == STAGES["sft"].promise
    assert report["stages"]["sft"]["finished"] == "1970-01-01T00:00:00+00:00"
    assert (report["target"], report["seed"], report["preset"]) == ("sft", 3, "cpu")
    assert report["stages"]["sft"]["bytes"] > report["stages"]["tokenizer"]["bytes"] > 0


def test_seconds_are_summed_and_memory_is_the_largest(stages):
    report = build_report(stages)
    assert report["seconds"] == pytest.approx(1.5 + 7.25, abs=0.06)
    assert report["peak_memory_mb"] == 900.0
    assert build_report(stages[:1])["peak_memory_mb"] is None
    assert report["stages"]["sft"]["hardware"] == "a laptop"


def test_models_have_a_shape_and_tokenizers_none(stages):
    report = build_report(stages)
    shape = report["stages"]["sft"]["model"]
    assert shape["dim"] == 16
    assert shape["parameters"] == sum(weight.numel() for weight in stages[1].model.state_dict().values())
    assert report["stages"]["tokenizer"]["model"] is None


def test_a_written_report_is_read_back_by_strict_readers(stages, tmp_path):
    path = tmp_path / "new folder" / "report.json"
    report = build_report(stages)
    write_report(report, path)
    assert read_report(path) == report

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    json.loads(path.read_text(), parse_constant=refuse)


def test_a_report_that_cannot_be_written_leaves_the_old_one(stages, tmp_path, monkeypatch):
    path = tmp_path / "report.json"
    write_report(build_report(stages[:1]), path)
    before = path.read_bytes()
    monkeypatch.setattr("os.replace", lambda *names: (_ for _ in ()).throw(OSError(28, "disk full")))
    with pytest.raises(OSError, match=r"report\.json"):
        write_report(build_report(stages), path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.glob(".report*")] == []


@pytest.mark.parametrize("content", ["", "[]", '{"format": 2, "stages": {"a": {}}}', '{"format": 1, "stages": {}}'])
def test_what_is_no_report_is_refused(tmp_path, content):
    path = tmp_path / "report.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"report\.json"):
        read_report(path)
    with pytest.raises(ValueError, match="no finished stages"):
        build_report([])


def test_a_build_notes_what_it_took(tmp_path, monkeypatch):
    monkeypatch.setenv("MINILLAMA_CACHE", str(tmp_path / "cache"))
    facts = {"seed": 0, "preset": "cpu", "corpus": None}
    artifact = build_once("corpus", "k", lambda out, work: ({"documents": 3}, []), print, **facts)
    stage = build_report([artifact])["stages"]["corpus"]
    assert stage["figures"] == {"documents": 3}
    assert stage["seconds"] >= 0
    assert stage["versions"]["torch"] == torch.__version__
    assert stage["hardware"] == hardware.hardware()


@pytest.mark.parametrize(("platform", "megabytes"), [("linux", 2048.0), ("darwin", 2.0)])
def test_memory_is_counted_in_the_systems_unit(monkeypatch, platform, megabytes):
    class Usage:
        ru_maxrss = 2_000_000

    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrusage", lambda who: Usage)
    monkeypatch.setattr("sys.platform", platform)
    assert hardware.peak_memory_mb() == megabytes
    monkeypatch.setattr(hardware, "resource", None)
    assert hardware.peak_memory_mb() is None
