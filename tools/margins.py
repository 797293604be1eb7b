"""How close chapters come to failing: every comparison inside an assertion, over several builds of the models.

    .venv/bin/python tools/margins.py --builds ~/a:0 ~/b:1 ~/c:2 -- chapters/10_*.ipynb

A check of a trained model that holds on one build may fail on the next one, in CI first. So a chapter is executed with
each build (a cache folder and the seed in it: `MINILLAMA_CACHE=~/b minillama build --seed 1`), its assertions noting
both sides of each `<` and `>` instead of stopping. Listed is what failed, and what holds by less than four times the
spread between builds: such a check needs more samples, a wider bound, or to be about something else.
"""

import argparse
import ast
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from minillama.pipeline.artifact import ARTIFACT_FILE, file_entry
from minillama.pipeline.bundle import FORMAT, MANIFEST_FILE

ENOUGH = 4.0  # standard deviations between builds
MOST_APART = 6  # comparisons of one assertion that are told apart; the rest of them count as one
SHARED = ("corpus", "tokenizer")  # stages that have no seed of training
TIMEOUT = 900  # seconds a cell may take
SYMBOLS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
RECORDER = """
def __compare(where, left, symbol, right):
    import operator
    by = {{"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}}
    outcome = by[symbol](left, right)
    try:
        __write([where, "compare", float(left), symbol, float(right)])
    except (TypeError, ValueError):  # not of two numbers
        pass
    return outcome

def __assert(where, outcome):
    __write([where, "assert", bool(outcome)])

def __write(row, path={path!r}):
    import json
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\\n")
"""


# --- instrumenting ----------------------------------------------------------------------------------------------------


class Comparisons(ast.NodeTransformer):
    """Turns ``a < b`` into a call that notes both sides; of a chain, each part, every operand evaluated once."""

    def __init__(self, where: str) -> None:
        self.where = where

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """Note each part; other comparisons stay."""
        self.generic_visit(node)
        if not all(type(op) in SYMBOLS for op in node.ops):
            return node
        names = [f"__side{number}" for number in range(len(node.ops) + 1)]
        parts: list[ast.expr] = [
            call("__compare", self.where, ast.Name(left), ast.Constant(SYMBOLS[type(op)]), ast.Name(right))
            for left, op, right in zip(names, node.ops, names[1:], strict=False)
        ]
        body = parts[0] if len(parts) == 1 else ast.BoolOp(ast.And(), parts)
        return ast.Call(ast.Lambda(arguments(names), body), [node.left, *node.comparators], [])


class Assertions(ast.NodeTransformer):
    """Turns assertions into calls that note and go on."""

    def __init__(self, cell: int) -> None:
        self.cell = cell

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """Note the comparisons in it, then whether it held."""
        where = f"cell {self.cell}: {ast.unparse(node.test)}"
        return ast.Expr(call("__assert", where, Comparisons(where).visit(node.test)))


def call(name: str, where: str, *values: ast.expr) -> ast.Call:
    """A call of the recorder."""
    return ast.Call(ast.Name(name), [ast.Constant(where), *values], [])


def arguments(names: Sequence[str]) -> ast.arguments:
    """Positional parameters of these names."""
    return ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])


def instrumented(source: str, cell: int) -> str:
    """A cell's source with its assertions noting; unchanged where it has none or is no plain Python."""
    if "assert" not in source:
        return source
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a magic
        return source
    return ast.unparse(ast.fix_missing_locations(Assertions(cell).visit(tree)))


# --- running ----------------------------------------------------------------------------------------------------------


def as_default_seed(cache: Path, seed: int, target: Path) -> Path:
    """A bundle of a cache's finished stages in which those of ``seed`` pass for the default one's, which chapters load.

    Raises ValueError where there are none.
    """
    stages = {}
    for found in sorted((cache / "stages").glob(f"*/{ARTIFACT_FILE}")):
        facts = json.loads(found.read_text("utf-8"))
        if facts["seed"] != seed and facts["stage"] not in SHARED:
            continue
        copy = target / found.parent.name
        shutil.copytree(found.parent, copy)
        (copy / ARTIFACT_FILE).write_text(json.dumps(facts | {"seed": 0}), "utf-8")
        stages[copy.name] = {"sha256": file_entry(copy / ARTIFACT_FILE)["sha256"]}
    if not stages:
        raise ValueError(
            f"{cache} holds no finished stages of seed {seed}; `minillama build --seed {seed}` trains them"
        )
    (target / MANIFEST_FILE).write_text(json.dumps({"format": FORMAT, "stages": stages}), "utf-8")
    return target


def execute(path: Path, bundle: Path, cache: Path) -> list[list[Any]]:
    """Run a chapter with a build, to its end whatever fails; return what it noted. A cell's error is noted as well."""
    notebook = nbformat.read(path, as_version=4)
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            cell.source = instrumented(cell.source, number)
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder) / "notes.jsonl"
        notebook.cells.insert(0, nbformat.v4.new_code_cell(RECORDER.format(path=str(notes))))
        client = NotebookClient(
            notebook,
            timeout=TIMEOUT,
            kernel_name="python3",
            allow_errors=True,
            resources={"metadata": {"path": path.parent}},
        )
        quiet = {"MINILLAMA_STATIC": "1", "MINILLAMA_PROGRESS": "0", "OMP_NUM_THREADS": "1"}
        client.execute(env=os.environ | quiet | {"MINILLAMA_MODELS": str(bundle), "MINILLAMA_CACHE": str(cache)})
        noted = [json.loads(line) for line in notes.read_text("utf-8").splitlines()] if notes.exists() else []
    errors = [
        [f"cell {number - 1}: {output.ename}: {output.evalue}", "assert", False]
        for number, cell in enumerate(notebook.cells)
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]
    return noted + errors


# --- reading ----------------------------------------------------------------------------------------------------------


def failed(noted: Sequence[Sequence[Any]]) -> list[str]:
    """The assertions that did not hold."""
    return [where for where, kind, *rest in noted if kind == "assert" and not rest[0]]


def distances(noted: Sequence[Sequence[Any]]) -> dict[tuple[str, int], float]:
    """By how much each comparison of each assertion held, the least where it was made several times.

    Keys are the assertion and the number of the comparison in it; more than six in one are one (a loop over many).
    """
    found: dict[tuple[str, int], float] = {}
    begun: dict[str, int] = defaultdict(int)
    for where, kind, *rest in noted:
        if kind == "assert":
            begun[where] = 0
            continue
        left, symbol, right = rest
        key = (where, min(begun[where], MOST_APART))
        begun[where] += 1
        distance = right - left if symbol[0] == "<" else left - right
        found[key] = min(distance, found.get(key, distance))
    return found


def narrow(builds: Sequence[dict[tuple[str, int], float]]) -> list[tuple[float, str, list[float]]]:
    """Comparisons that hold by less than ``ENOUGH`` spreads: how many, where, and the distances of all builds."""
    found = []
    for key in dict.fromkeys(key for build in builds for key in build):
        values = [build[key] for build in builds if key in build]
        if len(values) < 2 or not (spread := statistics.stdev(values)):
            continue  # the same everywhere: nothing that was trained decides it
        if (held := statistics.fmean(values) / spread) < ENOUGH:
            found.append((held, key[0], values))
    return sorted(found)


def main() -> int:
    """Execute the chapters with all builds and list what is narrow; 1 where something failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--builds", nargs="+", required=True, metavar="CACHE:SEED", help="at least two")
    parser.add_argument("--jobs", type=int, default=2, help="chapters at a time (default 2)")
    parser.add_argument("chapters", nargs="+", type=Path)
    asked = parser.parse_args()
    broken = False
    with tempfile.TemporaryDirectory(prefix="minillama-margins-") as folder, ThreadPoolExecutor(asked.jobs) as pool:
        bundles = []
        for number, build in enumerate(asked.builds):
            cache, _, seed = build.rpartition(":")
            bundles.append(as_default_seed(Path(cache).expanduser(), int(seed), Path(folder) / f"build-{number}"))
        for path in asked.chapters:
            runs = list(pool.map(lambda bundle: execute(path, bundle, bundle.parent / f"cache-{bundle.name}"), bundles))  # noqa: B023
            print(path.name, flush=True)
            for build, noted in zip(asked.builds, runs, strict=True):
                for where in failed(noted):
                    broken = True
                    print(f"    FAILED with {build}: {where}")
            for held, where, values in narrow([distances(noted) for noted in runs]):
                print(
                    f"    {held:4.1f} spreads: {where}   [{', '.join(f'{value:.3g}' for value in values)}]", flush=True
                )
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
