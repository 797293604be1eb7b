"""Building on demand: what is missing is built, in order, and nothing is built twice."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from minillama.pipeline.artifact import Artifact
from minillama.pipeline.bundle import bundled
from minillama.pipeline.cache import Say, build_once, find
from minillama.pipeline.presets import Preset, choose_preset
from minillama.pipeline.stage import BuildContext, Stage, stage_key
from minillama.training.allocator import bound_kernel_caches
from minillama.training.progress import is_watched

OTHER_DRAWS = 500  # added to the seed of a stage that failed its check; far from the seeds people choose


def say_if_watched(text: str) -> None:
    """Tell whoever watches; silent in CI and in stored notebooks."""
    if is_watched():
        print(text, file=sys.stderr, flush=True)


class Pipeline:
    """The stages under one preset, seed and corpus.

    Raises ValueError for an unknown preset or a negative seed.
    """

    def __init__(
        self,
        stages: Mapping[str, Stage],
        preset: str | Preset | None = None,
        seed: int = 0,
        corpus: str | Path | None = None,
        say: Say = say_if_watched,
    ) -> None:
        if seed < 0:
            raise ValueError(f"seed is {seed}; it must be 0 or more")
        self.stages, self.preset, self.seed, self.say = stages, choose_preset(preset), seed, say
        self.corpus = None if corpus is None else Path(corpus).expanduser().resolve()
        self._keys: dict[str, str] = {}
        self._from_bundle: dict[str, Artifact | None] = {}

    def get(self, name: str) -> Artifact:
        """A stage's result, built now if it is missing. Raises ValueError for an unknown stage."""
        stage = self._stage(name)
        return self._bundled(name) or find(name, self.key(name)) or self._build(stage)

    def key(self, name: str) -> str:
        """The key under which a stage's result is cached."""
        if name not in self._keys:
            stage = self._stage(name)
            if artifact := self._bundled(name):
                self._keys[name] = artifact.key
            else:
                inputs = {other: self.key(other) for other in stage.inputs}
                self._keys[name] = stage_key(stage, self._settings(name), self._seed(stage), self.corpus, inputs)
        return self._keys[name]

    def missing(self, name: str) -> list[str]:
        """The stages that ``get(name)`` would have to build, in order."""
        found: list[str] = []
        seen: set[str] = set()

        def look(stage: str) -> None:
            if stage in seen:  # each once: later rounds build on all earlier ones, and the paths among them are many
                return
            seen.add(stage)
            if not (self._bundled(stage) or find(stage, self.key(stage))):
                for other in self._stage(stage).inputs:
                    look(other)
                found.append(stage)

        look(name)
        return found

    def minutes(self, name: str) -> float | int:
        """Roughly how long ``get(name)`` will build."""
        return sum(self.preset.minutes.get(stage, 0.0) for stage in self.missing(name))

    def _build(self, stage: Stage) -> Artifact:
        bound_kernel_caches()
        inputs = {name: self.get(name) for name in stage.inputs}
        settings, seed = self._settings(stage.name), self._seed(stage)

        def build(out: Path, work: Path) -> tuple[dict[str, Any], Sequence[str]]:
            self.say(f"{stage.name}: {stage.promise} (preset {self.preset.name}, seed {seed})")
            context = BuildContext(settings=settings, seed=seed, corpus=self.corpus, inputs=inputs, out=out, work=work)
            report = self._run(stage, context)
            problems = stage.check(settings, report) if self.corpus is None else []
            return self._again(stage, context, problems) if problems and stage.tries > 1 else (report, problems)

        corpus = None if self.corpus is None else str(self.corpus)
        facts = {"seed": seed, "preset": self.preset.name, "corpus": corpus}
        return build_once(stage.name, self.key(stage.name), build, self.say, **facts)

    def _again(
        self, stage: Stage, first: BuildContext, problems: Sequence[str]
    ) -> tuple[dict[str, Any], Sequence[str]]:
        """Train a stage that failed its check again, with other draws, and keep in the report what was wrong before.

        Reinforcement learning of small models goes astray now and then, by the luck of what was sampled.
        """
        failed: list[str] = []
        report: dict[str, Any] = {}
        for number in range(1, stage.tries):
            failed += problems
            self.say(f"{stage.name}: {'; '.join(problems)}. Once more, with other draws")
            failed_result = first.work / f"failed-{number}"  # to look at while the stage is not finished
            shutil.rmtree(failed_result, ignore_errors=True)
            first.out.replace(failed_result)
            work = first.work / f"again-{number}"
            context = replace(first, seed=first.seed + OTHER_DRAWS * number, work=work)
            for folder in (context.out, context.work):
                folder.mkdir(parents=True, exist_ok=True)
            report = self._run(stage, context)
            problems = stage.check(context.settings, report)
            if not problems:
                break
        return {**report, "failed_before": failed}, problems

    def _run(self, stage: Stage, context: BuildContext) -> dict[str, Any]:
        """Build a stage; whatever is wrong with the reader's own text is said with its path."""
        try:
            return stage.build(context)
        except ValueError as error:
            if self.corpus is None or str(self.corpus) in str(error):
                raise
            raise ValueError(f"{self.corpus}: {error}") from error

    def _stage(self, name: str) -> Stage:
        if name not in self.stages:
            raise ValueError(f"there is no stage {name!r}; there are {', '.join(self.stages)}")
        return self.stages[name]

    def _settings(self, name: str) -> Any:
        return getattr(self.preset, self._stage(name).settings_name)

    def _bundled(self, name: str) -> Artifact | None:
        """The released stage, unless the reader's own text makes it another one; its checksums are compared once."""
        if self.corpus is not None:
            return None
        if name not in self._from_bundle:
            self._from_bundle[name] = bundled(name, self._seed(self._stage(name)), self.preset.name)
        found = self._from_bundle[name]
        return None if found is None else replace(found)  # an object of its own, since it keeps its model

    def _seed(self, stage: Stage) -> int:
        """The seed a stage gets: 0 where it makes no difference, so that all seeds share the result."""
        return self.seed if stage.seeded else 0
