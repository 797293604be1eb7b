"""All chat stages with several seeds: each stage of each seed is measured once and kept, so a stopped run goes on."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from minillama.data.atomic import write_atomically
from minillama.hardware import hardware, versions
from minillama.pipeline import STAGES, Artifact, pipeline
from minillama.pipeline.build import Pipeline
from minillama.pipeline.cache import Say, cache_folder
from minillama.pipeline.stage import code_hash
from minillama.results.goals import verdicts
from minillama.results.measuring import HeldOut, ResultSettings, measure_stage
from minillama.results.summary import Measured, summarise

CHAT_STAGES = ("sft", "rlhf-v1", "rlhf-v2", "rlhf-v3", "rlhf-v4", "rlhf-v5", "gatt", "chat")
GREEDY_STAGES = ("sft", "chat")
DIALOG_STAGES = ("sft", "rlhf-v5", "gatt", "chat")
REFERENCES = {"rlhf-v5": ("rlhf-v4", "sft")}  # from which a stage's KL divergence is measured
FORMAT = 1
# Code that decides a value beside the stage itself; what is already measured is measured again when it changes.
MODULES = (
    "minillama.results.measuring",
    "minillama.alignment.gatt_data",
    "minillama.alignment.gatt_evaluation",
    "minillama.alignment.gatt_rollout",
    "minillama.alignment.ppo.answers",
    "minillama.alignment.ppo.rollout",
    "minillama.answering",
    "minillama.evaluation.judged",
    "minillama.generation",
    "minillama.sampling",
    "minillama.valley.dialogues",
    "minillama.valley.judge",
    "minillama.valley.judge_claims",
    "minillama.valley.judge_harm",
    "minillama.valley.judge_text",
    "minillama.valley.judge_vocabulary",
    "minillama.valley.personas",
    "minillama.valley.tasks",
)


def measure_results(
    seeds: Sequence[int],
    preset: str | None = None,
    *,
    settings: ResultSettings | None = None,
    stages: Sequence[str] = CHAT_STAGES,
    build: bool = True,
    say: Say = print,
) -> dict[str, Any]:
    """Measure all chat stages there are, and compare them.

    Args:
        seeds: Of training.
        preset: Name of the preset; what fits this machine if None.
        settings: How much is measured.
        stages: Which stages, in order; those that the pipeline does not have are passed over.
        build: Train what is missing. Without it, only what is finished is measured.
        say: Told about each stage.

    Raises:
        ValueError: No seeds, or nothing to measure.
    """
    settings = settings or ResultSettings()
    if not seeds:
        raise ValueError("there are no seeds to measure; give at least one")
    held_out = HeldOut.draw(settings)
    pipelines = {seed: pipeline(preset, seed, say=say) for seed in seeds}
    measured: dict[str, dict[int, Mapping[str, Any]]] = {}
    for stage in stages:
        for seed, stages_of_seed in pipelines.items():
            if stage not in STAGES or (not build and stages_of_seed.missing(stage)):
                continue
            found = _measured(stages_of_seed, stage, held_out, settings, say)
            measured.setdefault(stage, {})[seed] = found
    if not measured:
        raise ValueError("no chat stage is finished; train them with `minillama build`")
    return _put_together(measured, held_out, settings, pipelines[seeds[0]].preset.name, list(seeds))


def write_results(results: Mapping[str, Any], path: Path) -> None:
    """Write the results as JSON; the file is there in full or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(results, indent=1, allow_nan=False) + "\n").encode())


def read_results(path: Path) -> dict[str, Any]:
    """Read what :func:`write_results` wrote. Raises ValueError when the file is none of it."""
    try:
        results = json.loads(path.read_text("utf-8"))
        found = results["format"]
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no results ({error}); `minillama results --write` writes them") from error
    if found != FORMAT:
        raise ValueError(f"{path} has format {found}, this version reads {FORMAT}; measure again")
    return results


def _put_together(
    measured: Measured, held_out: HeldOut, settings: ResultSettings, preset: str, seeds: list[int]
) -> dict[str, Any]:
    summary = summarise(measured, [prompt.kind for prompt in held_out.ordinary])
    return {
        "format": FORMAT,
        "preset": preset,
        "seeds": seeds,
        "temperature": 1.0,
        "asked": dataclasses.asdict(settings),
        "date": datetime.now(UTC).date().isoformat(),
        "hardware": hardware(),
        "versions": versions(),
        "seconds": round(sum(each["seconds"] for found in measured.values() for each in found.values()), 1),
        **summary,
        "goals": verdicts(summary),
    }


def _measured(stages: Pipeline, stage: str, held_out: HeldOut, settings: ResultSettings, say: Say) -> Mapping[str, Any]:
    """The values of one stage of one seed, from the cache where stage, settings and code are the same as then."""
    references = {name: stages.key(name) for name in REFERENCES.get(stage, ()) if not stages.missing(name)}
    content = [stages.key(stage), dataclasses.asdict(settings), references, [code_hash(module) for module in MODULES]]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
    path = cache_folder() / "results" / f"{stage}-{stages.seed}-{digest}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if path.exists():
            return json.loads(path.read_text("utf-8"))
        artifact: Artifact = stages.get(stage)
        say(f"{stage}: measuring seed {stages.seed}")
        found = measure_stage(
            artifact,
            held_out,
            settings,
            greedy=stage in GREEDY_STAGES,
            dialogs=stage in DIALOG_STAGES,
            references={name: stages.get(name) for name in references},
        )
        write_atomically(path, json.dumps(found).encode())
    return found
