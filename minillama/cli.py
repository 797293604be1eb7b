"""The command line: ``minillama build | check | chat | results | card | reproduce | bench | export``."""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minillama.data.atomic import write_atomically

LEDGER = Path("figures/ledger")
RESULTS = Path("figures/results.json")
BENCH = Path("figures/bench.json")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status: 0 when all went well, 2 for something the user can mend."""
    arguments = make_parser().parse_args(argv)
    try:
        return arguments.command(arguments)
    except KeyboardInterrupt:
        print("stopped; what is finished is kept, and the same command goes on from there", file=sys.stderr)
        return 130
    except (ValueError, OSError, RuntimeError) as error:
        print(f"minillama: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def make_parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    parser = argparse.ArgumentParser(prog="minillama", description="Llama 2 rebuilt, small enough for a laptop.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_build(commands)
    _add(commands, "check", check, "what this machine can do, and which preset fits")
    _add_chat(commands)
    _add_results(commands)
    _add_reproduce(commands)
    bench_parser = _add(commands, "bench", bench, "speed ratios beside sentencepiece and transformers, in one run")
    bench_parser.add_argument("part", nargs="?", choices=("tokenizer", "training", "generation"), help="one part only")
    bench_parser.add_argument("--write", action="store_true", help=f"write {BENCH}, from which README quotes")
    export_parser = _add(commands, "export", export, "write finished stages as a bundle for MINILLAMA_MODELS")
    export_parser.add_argument("target", type=Path, help="a folder, or a file ending in .zip")
    export_parser.add_argument(
        "--hugging-face", nargs="?", const="", metavar="STAGE", help="a model for transformers (the last one) instead"
    )
    _add_run_options(export_parser)
    _add_card(commands)
    return parser


def _add(commands, name: str, run, text: str) -> argparse.ArgumentParser:  # type: ignore[no-untyped-def]
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(command=run)
    return parser


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", help="cpu or gpu; what fits this machine if not given")
    parser.add_argument("--seed", type=int, default=0, help="of training (default 0)")
    parser.add_argument("--corpus", type=Path, help="your own text: .txt, .jsonl, .parquet or a folder of them")


def _add_build(commands) -> None:  # type: ignore[no-untyped-def]
    parser = _add(commands, "build", build, "train a stage and all it needs, as far as they are missing")
    parser.add_argument("stage", nargs="?", help="a stage; the chat model if not given")
    _add_run_options(parser)
    parser.add_argument("--report", type=Path, metavar="FILE", help="write what the stages measured as JSON")


def _add_chat(commands) -> None:  # type: ignore[no-untyped-def]
    parser = _add(commands, "chat", chat, "talk to the newest model there is")
    parser.add_argument("stage", nargs="?", help="a stage, trained if it is missing; the latest there is if not given")
    _add_run_options(parser)
    parser.add_argument("--temperature", type=float, default=0.7, help="0 always takes the likeliest token (0.7)")
    parser.add_argument("--top-p", type=float, default=0.95, help="share of the distribution to sample from (0.95)")
    parser.add_argument("--max-new-tokens", type=int, default=128, help="longest answer, in tokens (128)")
    parser.add_argument("--system", default="", help="a system message to begin with")


def _add_results(commands) -> None:  # type: ignore[no-untyped-def]
    parser = _add(commands, "results", results, "measure what each chat stage gained, on the same held-out prompts")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds of training (default 1)")
    parser.add_argument("--preset", help="cpu or gpu; what fits this machine if not given")
    parser.add_argument("--finished", action="store_true", help="only stages that are finished; nothing is trained")
    parser.add_argument(
        "--write", type=Path, nargs="?", const=RESULTS, metavar="FILE", help=f"write them as JSON ({RESULTS})"
    )


def _add_reproduce(commands) -> None:  # type: ignore[no-untyped-def]
    parser = _add(commands, "reproduce", reproduce, "measure claims of the paper again and write the ledger")
    parser.add_argument("claims", nargs="*", help="names of claims; a list of all of them if none is given")
    parser.add_argument("--seeds", type=int, help="how many seeds (each claim knows how many it needs)")
    parser.add_argument("--all", action="store_true", help="every claim that the ledger does not hold yet")
    parser.add_argument("--ledger", type=Path, default=LEDGER, help=f"folder of the ledger ({LEDGER})")


def _add_card(commands) -> None:  # type: ignore[no-untyped-def]
    parser = _add(commands, "card", card, "print a model card of your own model, in Markdown")
    parser.add_argument("stage", nargs="?", help="a stage; the last one with a model if not given")
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="of `minillama build --report`; else what is finished"
    )
    _add_run_options(parser)


def build(arguments: argparse.Namespace) -> int:
    """Build a stage, or the chat model."""
    from minillama.pipeline import pipeline
    from minillama.pipeline.report import build_report, write_report
    from minillama.pipeline.stages import DEFAULT_STAGE

    stages = pipeline(arguments.preset, arguments.seed, arguments.corpus, say=print)
    last = arguments.stage or ("base" if arguments.corpus else DEFAULT_STAGE)
    if missing := stages.missing(last):
        print(f"to build: {', '.join(missing)}, about {stages.minutes(last):.0f} minutes", flush=True)
    target = stages.get(last)
    artifacts = [stages.get(name) for name in _needed(last)]
    for artifact in artifacts:
        loss = f", final loss {artifact.report['final_loss']:.3f}" if "final_loss" in artifact.report else ""
        print(f"{artifact.stage}: {artifact.report.get('build_seconds', 0):.0f} s{loss}  {artifact.folder}")
    if arguments.report:
        report = build_report(artifacts)
        write_report(report, arguments.report)
        memory = f", at most {report['peak_memory_mb']:.0f} MB" if report["peak_memory_mb"] else ""
        print(f"{report['seconds']:.0f} s in all{memory}  {arguments.report}")
    own_text = f" --corpus {shlex.quote(str(arguments.corpus))}" if arguments.corpus else ""
    print(f"{target.stage} is ready" + (f"; talk to it: minillama chat{own_text}" if target.has_model else ""))
    return 0


def _needed(stage: str) -> list[str]:
    """A stage and all it builds on, in order."""
    from minillama.pipeline import STAGES

    needed: dict[str, None] = {}

    def add(name: str) -> None:
        if name not in needed:
            for other in STAGES[name].inputs:
                add(other)
            needed[name] = None

    add(stage)
    return list(needed)


def check(arguments: argparse.Namespace) -> int:
    """Say what this machine can do."""
    from minillama.machine import describe

    print("\n".join(describe()))
    return 0


def chat(arguments: argparse.Namespace) -> int:
    """Talk to a model."""
    from minillama.conversation import Sampling
    from minillama.pipeline import Artifact, load, newest_model
    from minillama.terminal import Terminal

    artifact: Artifact | None
    if arguments.stage or arguments.corpus:
        artifact = load(arguments.stage or "base", arguments.seed, arguments.preset, corpus=arguments.corpus)
    else:
        artifact = newest_model(arguments.seed or None, arguments.preset)  # without a choice of seed, any will do
    if artifact is None:
        chosen = f" --seed {arguments.seed}" if arguments.seed else ""
        chosen += f" --preset {arguments.preset}" if arguments.preset else ""
        sort = " of this seed and preset" if chosen else ""
        raise ValueError(
            f"there is no model{sort} yet; train one with `minillama build{chosen}` (about a quarter of an hour)"
        )
    sampling = Sampling(
        temperature=arguments.temperature, top_p=arguments.top_p, max_new_tokens=arguments.max_new_tokens
    )
    Terminal(artifact, sampling, arguments.system).run()
    return 0


def results(arguments: argparse.Namespace) -> int:
    """Measure all chat stages and say which goals they reach."""
    from minillama.results import measure_results, results_table, write_results

    if arguments.seeds < 1:
        raise ValueError(f"seeds is {arguments.seeds}; it must be at least 1")
    found = measure_results(range(arguments.seeds), arguments.preset, build=not arguments.finished)
    print(results_table(found))
    if arguments.write:
        write_results(found, arguments.write)
        print(f"written to {arguments.write}")
    return 0


def reproduce(arguments: argparse.Namespace) -> int:
    """Measure claims, or list them."""
    from minillama import experiments

    known = experiments.claims()
    if not arguments.claims and not arguments.all:
        for name, claim in known.items():
            there = "in the ledger" if (arguments.ledger / f"{name}.json").exists() else "missing"
            print(f"{name:20} {claim.paper:16} {there:14} {claim.statement}")
        return 0
    missing = [name for name in known if not (arguments.ledger / f"{name}.json").exists()]
    for name in missing if arguments.all else arguments.claims:
        entry = experiments.reproduce(experiments.claim(name), arguments.seeds, folder=arguments.ledger)
        print(f"{name} ({entry.paper}): {entry.outcome}. {entry.why}")
    return 0


def bench(arguments: argparse.Namespace) -> int:
    """Measure speed ratios and print them."""
    from minillama.bench.table import bench_rows

    results = {part: MEASURES[part]() for part in ([arguments.part] if arguments.part else MEASURES)}
    print(f"{'':62} {'ours':>12} {'theirs':>12} {'ratio':>7}")
    for what, ours, theirs, ratio in bench_rows(results):
        print(f"{what:62} {ours:>12} {theirs:>12} {ratio:>7}")
    if arguments.write:
        kept = json.loads(BENCH.read_text("utf-8")) if BENCH.exists() else {}
        BENCH.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(BENCH, (json.dumps(kept | results, indent=1) + "\n").encode())
    return 0


def _measure_tokenizer() -> dict[str, Any]:
    from minillama.bench.tokenizer import gather_docstrings, measure_tokenizer

    return measure_tokenizer(gather_docstrings())


def _measure_training() -> dict[str, Any]:
    from minillama.bench.model import measure_training

    return measure_training()


def _measure_generation() -> dict[str, Any]:
    from minillama.bench.model import measure_generation

    return measure_generation()


MEASURES = {"tokenizer": _measure_tokenizer, "training": _measure_training, "generation": _measure_generation}


def export(arguments: argparse.Namespace) -> int:
    """Write a bundle of what is finished, or one model in Hugging Face's form, with a model card."""
    from minillama.convert import save_hf
    from minillama.pipeline import write_bundle
    from minillama.pipeline.model_card import model_card
    from minillama.pipeline.report import build_report

    finished = _finished(arguments)
    models = {artifact.stage: artifact for artifact in finished if artifact.has_model}
    if arguments.hugging_face is None:
        text = model_card(build_report(finished)) if models else None
        print(
            f"{', '.join(artifact.stage for artifact in finished)} -> {write_bundle(finished, arguments.target, text)}"
        )
        return 0
    stage = arguments.hugging_face or next(reversed(models), "")
    if stage not in models:
        raise ValueError(f"there is no finished model of a stage {stage!r}; there are {', '.join(models) or 'none'}")
    if arguments.target.exists():
        raise ValueError(f"{arguments.target} is already there; choose another name or remove it first")
    chosen = models[stage]
    save_hf(chosen.model, chosen.tokenizer, arguments.target, model_card(build_report(finished), stage))
    print(f"{stage} -> {arguments.target}")
    return 0


def card(arguments: argparse.Namespace) -> int:
    """Print a model card."""
    from minillama.pipeline.model_card import model_card
    from minillama.pipeline.report import build_report, read_report

    report = read_report(arguments.report) if arguments.report else build_report(_finished(arguments))
    print(model_card(report, arguments.stage), end="")
    return 0


def _finished(arguments: argparse.Namespace) -> list[Any]:
    """The finished stages of a preset, seed and corpus, in order."""
    from minillama.pipeline import STAGES, pipeline

    stages = pipeline(arguments.preset, arguments.seed, arguments.corpus)
    return [stages.get(name) for name in STAGES if not stages.missing(name)]


if __name__ == "__main__":
    sys.exit(main())
