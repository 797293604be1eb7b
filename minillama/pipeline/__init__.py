"""From raw text to a chat model: stages that are built on demand and kept.

>>> from minillama.pipeline import load
>>> base = load("base")  # doctest: +SKIP
>>> base.model, base.tokenizer, base.folder, base.report["final_loss"]  # doctest: +SKIP
"""

from pathlib import Path

from minillama.pipeline.artifact import Artifact
from minillama.pipeline.build import Pipeline, say_if_watched
from minillama.pipeline.bundle import bundle_artifacts, write_bundle
from minillama.pipeline.cache import Say, StageCheckError, cache_folder, finished_artifacts
from minillama.pipeline.presets import PRESETS, Preset, choose_preset
from minillama.pipeline.stages import STAGES

__all__ = [
    "PRESETS",
    "STAGES",
    "Artifact",
    "Pipeline",
    "Preset",
    "StageCheckError",
    "cache_folder",
    "choose_preset",
    "load",
    "newest_model",
    "pipeline",
    "write_bundle",
]


def pipeline(
    preset: str | Preset | None = None, seed: int = 0, corpus: str | Path | None = None, say: Say = say_if_watched
) -> Pipeline:
    """The book's stages under one preset, seed and corpus."""
    return Pipeline(STAGES, preset, seed, corpus, say)


def load(
    stage: str, seed: int = 0, preset: str | Preset | None = None, *, corpus: str | Path | None = None
) -> Artifact:
    """A stage's result: from the cache, from a bundle of released checkpoints, or built now.

    Args:
        stage: One of ``STAGES``.
        seed: Of training.
        preset: "cpu" or "gpu"; without one, what fits this machine.
        corpus: Your own text (a file or a folder) instead of the Valley's.

    Returns:
        An object with ``tokenizer``, ``model``, ``folder`` and ``report``.

    Raises:
        ValueError: The stage or the preset is not known, or the corpus cannot be used.
        StageCheckError: The result of a stage is not good enough.
    """
    return pipeline(preset, seed, corpus).get(stage)


def newest_model(seed: int | None = None, preset: str | None = None) -> Artifact | None:
    """The finished model of the latest stage, in the cache or the bundle; None where there is none.

    Of several of one stage, the one that was finished last.

    Args:
        seed: Of training; any if None.
        preset: Its name; any if None.
    """
    order = list(STAGES)
    models = [
        artifact
        for artifact in (*finished_artifacts(), *bundle_artifacts())
        if artifact.has_model
        and artifact.stage in order
        and seed in (None, artifact.seed)
        and preset in (None, artifact.preset)
    ]
    return max(models, key=lambda artifact: (order.index(artifact.stage), artifact.finished), default=None)
