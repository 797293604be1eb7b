"""Released checkpoints: written, read back, checked, and preferred to building."""

import json
import zipfile

import pytest

from minillama.pipeline.artifact import Artifact, seal
from minillama.pipeline.build import Pipeline
from minillama.pipeline.bundle import bundle_artifacts, write_bundle
from minillama.pipeline.presets import CPU
from minillama.pipeline.stage import BuildContext, Stage


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MINILLAMA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def artifact(tmp_path):
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "corpus.jsonl").write_text("released")
    facts = {"seed": 0, "preset": "cpu", "corpus": None, "report": {}, "finished": 1.0}
    seal(folder, stage="corpus", key="abc", **facts)
    return Artifact.open(folder)


def never(context: BuildContext) -> dict:
    raise AssertionError("the bundle has this stage")


STAGES = {"corpus": Stage(name="corpus", promise="", inputs=(), build=never, modules=("minillama.data.atomic",))}


@pytest.mark.parametrize("name", ["bundle", "bundle.zip"])
def test_a_bundle_is_used_instead_of_building(artifact, tmp_path, monkeypatch, name):
    monkeypatch.setenv("MINILLAMA_MODELS", str(write_bundle([artifact], tmp_path / name)))
    pipeline = Pipeline(STAGES, CPU)
    assert pipeline.missing("corpus") == []
    assert pipeline.key("corpus") == "abc"
    assert (pipeline.get("corpus").folder / "corpus.jsonl").read_text() == "released"


def test_a_changed_file_is_refused(artifact, tmp_path, monkeypatch):
    folder = write_bundle([artifact], tmp_path / "bundle")
    monkeypatch.setenv("MINILLAMA_MODELS", str(folder))
    (folder / "corpus-abc" / "corpus.jsonl").write_text("tampered"[:8])
    with pytest.raises(ValueError, match=r"corpus\.jsonl differs from its checksum"):
        Pipeline(STAGES, CPU).get("corpus")


def test_a_changed_list_of_files_is_refused(artifact, tmp_path, monkeypatch):
    folder = write_bundle([artifact], tmp_path / "bundle")
    monkeypatch.setenv("MINILLAMA_MODELS", str(folder))
    sealed = folder / "corpus-abc" / "artifact.json"
    sealed.write_text(json.dumps(json.loads(sealed.read_text()) | {"key": "other"}))
    with pytest.raises(ValueError, match="differs from its checksum"):
        bundle_artifacts()


@pytest.mark.parametrize(("content", "message"), [(None, "not there"), (b"no zip", "no zip file")])
def test_what_is_no_bundle_is_named(tmp_path, monkeypatch, content, message):
    path = tmp_path / "models.zip"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("MINILLAMA_MODELS", str(path))
    with pytest.raises(ValueError, match=message):
        bundle_artifacts()


def test_a_zip_that_points_outside_stays_inside(artifact, tmp_path, monkeypatch):
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("../../outside.txt", "x")
        file.writestr("manifest.json", json.dumps({"format": 1, "stages": {}}))
    monkeypatch.setenv("MINILLAMA_MODELS", str(path))
    assert bundle_artifacts() == []
    assert not list(tmp_path.rglob("../outside.txt"))
    assert not (tmp_path / "outside.txt").exists()


def test_an_export_of_nothing_or_onto_something_is_refused(artifact, tmp_path):
    with pytest.raises(ValueError, match="no finished stages"):
        write_bundle([], tmp_path / "bundle")
    (tmp_path / "there").mkdir()
    with pytest.raises(ValueError, match="already there"):
        write_bundle([artifact], tmp_path / "there")
