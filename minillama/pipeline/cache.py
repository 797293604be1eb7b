"""Where finished stages lie, and how one gets there: whole or not at all, built once however many ask."""

import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import platformdirs
from filelock import FileLock, Timeout

from minillama.hardware import hardware, peak_memory_mb, versions
from minillama.pipeline.artifact import Artifact, seal
from minillama.training.allocator import return_freed_memory

CACHE_VARIABLE = "MINILLAMA_CACHE"
Say = Callable[[str], None]


class StageCheckError(RuntimeError):
    """A stage was built, but its result is not good enough to build on."""


def cache_folder() -> Path:
    """The folder of all finished stages: ``MINILLAMA_CACHE``, or the user's cache folder."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("minillama", appauthor=False))


def find(stage: str, key: str) -> Artifact | None:
    """The finished stage under a key, or None where it has to be built (a damaged one counts as not there)."""
    folder = published_folder(stage, key)
    try:
        return Artifact.open(folder) if folder.is_dir() else None
    except ValueError:
        return None


def published_folder(stage: str, key: str) -> Path:
    """Where a finished stage lies."""
    return cache_folder() / "stages" / f"{stage}-{key}"


def partial_folder(stage: str, key: str) -> Path:
    """Where an unfinished stage lies; a build that was killed goes on from what is there."""
    return cache_folder() / "stages" / f".{stage}-{key}.partial"


def finished_artifacts() -> list[Artifact]:
    """All finished stages in the cache, oldest first."""
    found = []
    for folder in (cache_folder() / "stages").glob("[!.]*"):
        try:
            found.append(Artifact.open(folder))
        except ValueError:  # being written by an older version, or damaged: as good as not there
            continue
    return sorted(found, key=lambda artifact: artifact.finished)


def build_once(
    stage: str, key: str, build: Callable[[Path, Path], tuple[dict[str, Any], Sequence[str]]], say: Say, **facts: Any
) -> Artifact:
    """Build a stage unless another process just did, and publish the result in one step.

    Args:
        stage: Its name.
        key: Its key.
        build: Gets the folders ``out`` and ``work``; returns the report and what is wrong with the result.
        say: Told when another process is already building.
        facts: Further entries of ``artifact.json``.

    Raises:
        StageCheckError: The result is not good enough. It stays where the message says.
    """
    partial = partial_folder(stage, key)
    partial.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(partial.with_suffix(".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"{stage}: another process is building it; waiting")
        lock.acquire()
    try:
        return find(stage, key) or _build_and_publish(stage, key, build, facts)
    finally:
        lock.release()


def _build_and_publish(
    stage: str, key: str, build: Callable[[Path, Path], tuple[dict[str, Any], Sequence[str]]], facts: dict[str, Any]
) -> Artifact:
    partial, target = partial_folder(stage, key), published_folder(stage, key)
    out, work = partial / "out", partial / "work"
    for folder in (out, work):
        folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    report, problems = build(out, work)
    return_freed_memory()
    report = {
        **report,
        "build_seconds": round(time.perf_counter() - began, 1),
        "peak_memory_mb": peak_memory_mb(),
        "hardware": hardware(),
        "versions": versions(),
    }
    if problems:
        raise StageCheckError(f"stage {stage!r} was built but {'; '.join(problems)}. What was built is kept in {out}")
    seal(out, stage=stage, key=key, report=report, finished=time.time(), **facts)
    if target.exists():  # damaged, or it would have been found
        shutil.rmtree(target)
    os.replace(out, target)
    shutil.rmtree(partial, ignore_errors=True)
    return Artifact.open(target)
