"""Write ``datasets/``: samples of everything the Valley makes, as JSON lines.

``python -m minillama.valley.write_datasets`` writes the files again, ``--check`` only says whether they are what the
program would write. The book itself never reads them: it makes all data anew from the seed.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from minillama.valley.benchmarks import BENCHMARKS, make_benchmark
from minillama.valley.corpus import make_corpus
from minillama.valley.dialogues import VENDORS, Mix, demonstrate, demonstrations, heldout_prompts, prompt_as_dict
from minillama.valley.dialogues import training_prompts as draw_prompts
from minillama.valley.judge import Judge
from minillama.valley.randomness import stream
from minillama.valley.raters import RATERS, Aspect
from minillama.valley.world import World

FOLDER = Path(__file__).parents[2] / "datasets"
CORPUS_CHARACTERS = 1_000_000
DIALOGUES, PROMPTS, COMPARISONS, QUESTIONS = 2_000, 600, 1_200, 60
Row = Mapping[str, Any]


def villager_rows(world: World) -> Iterator[Row]:
    """All villagers with all their facts: the ground truth."""
    for villager in world.villagers:
        row = asdict(villager)
        yield {**row, "town": villager.town.name, "job": villager.job.name, "animal": villager.animal.name}


def corpus_rows(world: World) -> Iterator[Row]:
    """The first million characters of the corpus, with source and labels."""
    written = 0
    for document in make_corpus(world):
        written += len(document.text)
        if written > CORPUS_CHARACTERS:
            return
        yield {"text": document.text, "source": document.source, "labels": sorted(document.labels)}


def dialogue_rows(world: World) -> Iterator[Row]:
    """Demonstrations of both tiers by vendors of different skill."""
    for demonstration in demonstrations(world, DIALOGUES, 0, mix=Mix(tier=None)):
        yield demonstration.as_dict()


def prompt_rows(world: World) -> Iterator[Row]:
    """Prompts for training and held-out ones, harmless, adversarial and borderline."""
    for split, draw in (("train", draw_prompts), ("held-out", heldout_prompts)):
        for adversarial, count in ((False, PROMPTS), (True, PROMPTS // 6)):
            for prompt in draw(world, count, 0, tier=None, adversarial=adversarial):
                yield {"split": split, **prompt_as_dict(prompt)}


def preference_rows(world: World) -> Iterator[Row]:
    """Two answers to a prompt, and which one a rater prefers; every second comparison is about safety."""
    judge, rng = Judge(world), stream(0, "datasets", "preferences")
    harmless = draw_prompts(world, COMPARISONS // 2, 1, tier=None, adversarial=False)
    harmful = draw_prompts(world, COMPARISONS // 2, 1, tier=None, adversarial=True)
    for number, prompt in enumerate(prompt for pair in zip(harmless, harmful) for prompt in pair):
        first, second = (demonstrate(world, prompt, rng.choice(VENDORS), rng) for _ in range(2))
        if first == second:
            continue
        rater = RATERS[number % len(RATERS)]
        aspect: Aspect = "safety" if prompt.risk else "helpfulness"
        choice = rater.compare(judge, prompt, first, second, rng=rng, aspect=aspect)
        yield {
            "prompt": prompt.text, "task": prompt.task, "pair": prompt.case.pair, "answers": [first, second],
            "rater": rater.name, "aspect": aspect, "chosen": choice.chosen, "rating": choice.rating,
            "safety": choice.safety,
        }  # fmt: skip


def benchmark_rows(world: World) -> Iterator[Row]:
    """Questions of every benchmark."""
    for name in BENCHMARKS:
        for question in make_benchmark(name, world, count=QUESTIONS):
            yield asdict(question)


FILES: dict[str, Callable[[World], Iterator[Row]]] = {
    "villagers.jsonl": villager_rows, "corpus_sample.jsonl": corpus_rows, "dialogues.jsonl": dialogue_rows,
    "prompts.jsonl": prompt_rows, "preferences.jsonl": preference_rows, "benchmarks.jsonl": benchmark_rows,
}  # fmt: skip


def content(name: str, world: World) -> bytes:
    """The bytes of one of ``FILES``."""
    lines = (json.dumps(row, ensure_ascii=False) for row in FILES[name](world))
    return "".join(f"{line}\n" for line in lines).encode()


def differing(folder: Path, world: World) -> list[str]:
    """Names of the files in ``folder`` that are missing or not what the program would write."""
    return [
        name for name in FILES if not (folder / name).is_file() or (folder / name).read_bytes() != content(name, world)
    ]


def write(folder: Path, world: World) -> None:
    """Write all files; each appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            file.write(content(name, world))
            file.flush()
            os.fsync(file.fileno())
        os.chmod(file.name, 0o644)
        os.replace(file.name, folder / name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the files; the exit status is 1 if a check fails."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--check", action="store_true", help="write nothing, compare only")
    options = parser.parse_args(arguments)
    world = World.create()
    if not options.check:
        write(options.folder, world)
        return 0
    names = differing(options.folder, world)
    if names:
        print(f"not what the program writes: {', '.join(names)}; run python -m minillama.valley.write_datasets")
    return 1 if names else 0


if __name__ == "__main__":
    raise SystemExit(main())
