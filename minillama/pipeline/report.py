"""What a build measured, as one JSON file: `minillama build --report report.json`.

The file's form::

    {
      "format": 1,
      "target": "chat",             the stage that was asked for
      "preset": "cpu",
      "seed": 0,                    of training
      "corpus": null,               path of the reader's own text; null is the Valley
      "date": "2026-11-21T09:00:00+00:00",
      "hardware": "2 threads, x86_64", "cores": 2,
      "versions": {"python": ..., "torch": ..., "minillama": ...},
      "seconds": 555.1,             sum of the stages' seconds
      "peak_memory_mb": 1890.2,     most memory of any process that built one of the stages (10^6 bytes); may be null
      "stages": {
        "sft": {
          "promise": "fine-tuning on demonstrations",
          "key": "0a1b...",         hash of settings, seed, code and inputs: equal keys, equal recipe
          "seed": 0,                0 for stages that no seed changes
          "finished": "2026-11-21T08:59:00+00:00",
          "seconds": 81.2,          of the build that finished it, measuring included
          "peak_memory_mb": 1712.0, of the process until the stage was finished
          "hardware": ..., "versions": ...,       of the machine that built the stage (null where it was not noted)
          "bytes": 4200000,         of all files
          "model": {"parameters": 1049856, "dim": 128, ...} or null,
          "figures": {...}          what the stage itself reports: losses, counts, scores by the judge
        }, ...
      }
    }

A stage that was already in the cache is reported as it was when it was built. Numbers that are NaN are null.
"""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from minillama.data.atomic import write_atomically
from minillama.hardware import cores, hardware, versions
from minillama.model import ModelArgs
from minillama.pipeline.artifact import PARAMS_FILE, Artifact
from minillama.pipeline.stages import STAGES

FORMAT = 1
BUILD_FACTS = ("build_seconds", "peak_memory_mb", "hardware", "versions")


def build_report(artifacts: Sequence[Artifact]) -> dict[str, Any]:
    """The report of some stages, in order; the last is the one that was asked for. Raises ValueError without any."""
    if not artifacts:
        raise ValueError("there are no finished stages to report; run `minillama build` first")
    target = artifacts[-1]
    stages = {artifact.stage: stage_report(artifact) for artifact in artifacts}
    peaks = [stage["peak_memory_mb"] for stage in stages.values() if stage["peak_memory_mb"] is not None]
    return {
        "format": FORMAT,
        "target": target.stage,
        "preset": target.preset,
        "seed": target.seed,
        "corpus": target.corpus,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "hardware": hardware(),
        "cores": cores(),
        "versions": versions(),
        "seconds": round(sum(stage["seconds"] for stage in stages.values()), 1),
        "peak_memory_mb": max(peaks, default=None),
        "stages": stages,
    }


def stage_report(artifact: Artifact) -> dict[str, Any]:
    """One stage's entry."""
    measured = dict(artifact.report)
    facts = {name: measured.pop(name, None) for name in BUILD_FACTS}
    return {
        "promise": STAGES[artifact.stage].promise if artifact.stage in STAGES else "",
        "key": artifact.key,
        "seed": artifact.seed,
        "finished": datetime.fromtimestamp(artifact.finished, UTC).isoformat(timespec="seconds"),
        "seconds": facts["build_seconds"] or 0.0,
        "peak_memory_mb": facts["peak_memory_mb"],
        "hardware": facts["hardware"],
        "versions": facts["versions"],
        "bytes": sum(entry["bytes"] for entry in artifact.files.values()),
        "model": _shape(artifact),
        "figures": _plain(measured),
    }


def write_report(report: Mapping[str, Any], path: Path) -> None:
    """Write a report; the file is there in full or not at all. Raises OSError naming the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(report, indent=1, allow_nan=False) + "\n").encode())


def read_report(path: Path) -> dict[str, Any]:
    """Read a report. Raises ValueError when the file is none, or of another version."""
    try:
        report = json.loads(path.read_text("utf-8"))
        found, stages = report["format"], report["stages"]
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no report of a build ({error}); `minillama build --report` writes one") from error
    if found != FORMAT or not stages:
        raise ValueError(f"{path} has format {found} and {len(stages)} stages; this version reads format {FORMAT}")
    return report


def _shape(artifact: Artifact) -> dict[str, Any] | None:
    """The model's shape and size, read without its weights."""
    if not artifact.has_model:
        return None
    args = ModelArgs.from_dict(json.loads((artifact.folder / PARAMS_FILE).read_text("utf-8")))
    return {"parameters": args.n_parameters, **args.to_dict()}


def _plain(value: Any) -> Any:
    """Values that every JSON reader takes: NaN and infinity, which JSON lacks, become null."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
