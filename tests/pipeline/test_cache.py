"""Stages are built once, published whole, resumed after a kill, and rebuilt when anything they depend on changes."""

import dataclasses
import multiprocessing
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from minillama.pipeline.build import OTHER_DRAWS, Pipeline
from minillama.pipeline.cache import StageCheckError, cache_folder, find, finished_artifacts
from minillama.pipeline.presets import CPU
from minillama.pipeline.stage import BuildContext, Stage, code_hash, stage_key


@dataclass(frozen=True, kw_only=True)
class Settings:
    number: int = 1


@dataclass(frozen=True, kw_only=True)
class Small:
    first: Settings = Settings()
    second: Settings = Settings(number=10)


def small_pipeline(
    monkeypatch, calls, *, settings=None, check=lambda settings, report: [], seed=0, corpus=None, tries=1
):
    """Two stages that write a number each; ``calls`` remembers which were built."""

    def first(context: BuildContext) -> dict:
        calls.append("first")
        (context.out / "number.txt").write_text(str(context.settings.number))
        return {"number": context.settings.number}

    def second(context: BuildContext) -> dict:
        calls.append("second")
        number = context.inputs["first"].report["number"] + context.settings.number + context.seed
        (context.out / "number.txt").write_text(str(number))
        return {"number": number}

    module = ("minillama.data.atomic",)
    stages = {
        "first": Stage(name="first", promise="", inputs=(), build=first, modules=module, seeded=False),
        "second": Stage(
            name="second", promise="", inputs=("first",), build=second, modules=module, check=check, tries=tries
        ),
    }
    pipeline = Pipeline(stages, CPU, seed, corpus, say=lambda text: None)
    settings = settings or Small()
    monkeypatch.setattr(Pipeline, "_settings", lambda self, name: getattr(settings, name))
    return pipeline


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MINILLAMA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MINILLAMA_MODELS", raising=False)


def test_a_stage_is_built_with_its_inputs_and_only_once(monkeypatch):
    calls = []
    assert small_pipeline(monkeypatch, calls).get("second").report["number"] == 11
    assert calls == ["first", "second"]
    again = small_pipeline(monkeypatch, calls).get("second")
    assert (again.folder / "number.txt").read_text() == "11"
    assert calls == ["first", "second"]


def test_missing_names_what_would_be_built(monkeypatch):
    pipeline = small_pipeline(monkeypatch, [])
    assert pipeline.missing("second") == ["first", "second"]
    pipeline.get("first")
    assert pipeline.missing("second") == ["second"]


def test_many_paths_to_a_stage_are_walked_once(monkeypatch):
    """Each of twenty stages builds on all before it: a million paths, twenty questions."""
    names = [f"stage-{number}" for number in range(20)]
    stages = {
        name: Stage(name=name, promise="", inputs=tuple(names[:place]), build=lambda c: {}, modules=(), part="first")
        for place, name in enumerate(names)
    }
    asked = []
    monkeypatch.setattr("minillama.pipeline.build.find", lambda name, key: asked.append(name))
    monkeypatch.setattr(Pipeline, "_settings", lambda self, name: Settings())
    assert Pipeline(stages, CPU).missing(names[-1]) == names
    assert sorted(asked) == sorted(names)


def test_changed_settings_rebuild_what_depends_on_them(monkeypatch):
    calls = []
    small_pipeline(monkeypatch, calls).get("second")
    changed = Small(second=Settings(number=20))
    assert small_pipeline(monkeypatch, calls, settings=changed).get("second").report["number"] == 21
    assert calls == ["first", "second", "second"]
    changed = Small(first=Settings(number=5))
    small_pipeline(monkeypatch, calls, settings=changed).get("second")
    assert calls[3:] == ["first", "second"]


def test_a_seed_changes_only_seeded_stages(monkeypatch):
    calls = []
    small_pipeline(monkeypatch, calls).get("second")
    assert small_pipeline(monkeypatch, calls, seed=3).get("second").report["number"] == 14
    assert calls == ["first", "second", "second"]
    assert [artifact.seed for artifact in finished_artifacts()] == [0, 0, 3]


def test_another_corpus_is_another_result(monkeypatch, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("one")
    keys = [small_pipeline(monkeypatch, [], corpus=text).key("second")]
    text.write_text("two")
    keys.append(small_pipeline(monkeypatch, [], corpus=text).key("second"))
    keys.append(small_pipeline(monkeypatch, []).key("second"))
    assert len(set(keys)) == 3


def test_a_failed_check_names_it_and_keeps_what_was_built(monkeypatch):
    calls = []
    check = lambda settings, report: ["check 'number is small' failed"]  # noqa: E731
    pipeline = small_pipeline(monkeypatch, calls, check=check)
    with pytest.raises(StageCheckError, match="number is small") as caught:
        pipeline.get("second")
    kept = Path(str(caught.value).rsplit(" ", 1)[1])
    assert (kept / "number.txt").read_text() == "11"
    assert find("second", pipeline.key("second")) is None


def test_a_stage_with_tries_left_is_built_again_with_other_draws(monkeypatch):
    calls = []
    check = lambda settings, report: [f"{report['number']} is small"] if report["number"] < 1000 else []  # noqa: E731
    built = small_pipeline(monkeypatch, calls, check=check, tries=4).get("second")
    assert calls == ["first", "second", "second", "second"]
    assert built.report["number"] == 11 + 2 * OTHER_DRAWS
    assert built.report["failed_before"] == ["11 is small", f"{11 + OTHER_DRAWS} is small"]
    assert built.seed == 0
    assert (built.folder / "number.txt").read_text() == str(11 + 2 * OTHER_DRAWS)


def test_a_stage_whose_tries_all_fail_says_what_was_wrong_last(monkeypatch):
    calls = []
    check = lambda settings, report: [f"{report['number']} is odd"]  # noqa: E731
    with pytest.raises(StageCheckError, match=f"{11 + OTHER_DRAWS} is odd") as caught:
        small_pipeline(monkeypatch, calls, check=check, tries=2).get("second")
    assert calls == ["first", "second", "second"]
    kept = Path(str(caught.value).rsplit(" ", 1)[1])
    assert (kept / "number.txt").read_text() == str(11 + OTHER_DRAWS)
    assert (kept.parent / "work" / "failed-1" / "number.txt").read_text() == "11"


def test_a_damaged_result_is_built_again(monkeypatch):
    calls = []
    artifact = small_pipeline(monkeypatch, calls).get("first")
    (artifact.folder / "number.txt").write_text("")
    again = small_pipeline(monkeypatch, calls).get("first")
    assert calls == ["first", "first"]
    assert (again.folder / "number.txt").read_text() == "1"


def test_finished_artifacts_come_oldest_first(monkeypatch):
    small_pipeline(monkeypatch, []).get("second")
    assert [artifact.stage for artifact in finished_artifacts()] == ["first", "second"]


def test_unknown_names_and_seeds_are_refused(monkeypatch):
    with pytest.raises(ValueError, match="first, second"):
        small_pipeline(monkeypatch, []).get("third")
    with pytest.raises(ValueError, match="seed is -1"):
        small_pipeline(monkeypatch, [], seed=-1)
    with pytest.raises(ValueError, match="cpu or gpu"):
        Pipeline({}, "laptop")


def test_the_code_hash_sees_code_and_not_comments(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    texts = ['"""Doc."""\nx = 1\n', '"""Other."""\n\n# a remark\nx = 1\n', '"""Doc."""\nx = 2\n']
    for number, text in enumerate(texts):
        (tmp_path / f"hashed_{number}.py").write_text(text)
    digests = []
    for number in range(3):  # under one name, since the name of a file is part of its hash
        (tmp_path / f"hashed_{number}.py").rename(tmp_path / "hashed.py")
        code_hash.cache_clear()
        digests.append(code_hash("hashed"))
    assert digests[0] == digests[1] != digests[2]
    with pytest.raises(ValueError, match="no module"):
        code_hash("minillama.nowhere.at_all")


def test_the_key_sees_everything():
    stage = Stage(name="s", promise="", inputs=("a",), build=lambda context: {}, modules=("minillama.data.atomic",))
    plain = stage_key(stage, Settings(), 0, None, {"a": "1"})
    assert plain != stage_key(stage, Settings(number=2), 0, None, {"a": "1"})
    assert plain != stage_key(stage, Settings(), 1, None, {"a": "1"})
    assert plain != stage_key(stage, Settings(), 0, None, {"a": "2"})
    other = dataclasses.replace(stage, modules=("minillama.data.collate",))
    assert plain != stage_key(other, Settings(), 0, None, {"a": "1"})


# --- several processes ---


def slow_build(context: BuildContext) -> dict:
    """Count calls in a file; wait in the first one until told to go on, if asked to."""
    marks = cache_folder() / "marks"
    marks.mkdir(parents=True, exist_ok=True)
    (marks / str(os.getpid())).touch()
    progress = context.work / "progress"
    done = int(progress.read_text()) if progress.exists() else 0
    (marks / f"start-{done}").touch()
    for step in range(done, 5):
        progress.write_text(str(step + 1))
        time.sleep(0.1)
    (context.out / "result.txt").write_text("done")
    return {}


def slow_get() -> None:
    stage = Stage(name="corpus", promise="", inputs=(), build=slow_build, modules=("minillama.data.atomic",))
    Pipeline({"corpus": stage}, CPU, say=lambda text: None).get("corpus")


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_two_processes_build_once_and_a_killed_build_goes_on():
    fork = multiprocessing.get_context("fork")
    marks = cache_folder() / "marks"
    killed = fork.Process(target=slow_get)
    killed.start()
    deadline = time.time() + 20
    while not list(cache_folder().glob("stages/.corpus-*.partial/work/progress")) and time.time() < deadline:
        time.sleep(0.02)
    time.sleep(0.15)
    os.kill(killed.pid, signal.SIGKILL)
    killed.join()
    assert finished_artifacts() == []
    both = [fork.Process(target=slow_get) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(20)
        assert process.exitcode == 0
    assert len(finished_artifacts()) == 1
    assert len([mark for mark in marks.iterdir() if mark.name.isdecimal()]) == 2  # the killed one and one more
    assert any(mark.name.startswith("start-") and mark.name != "start-0" for mark in marks.iterdir())
