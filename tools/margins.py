"""How close chapters come to failing: every `<` and `>` of two numbers inside an assertion, over several builds.

    .venv/bin/python tools/margins.py --builds ~/a:0 ~/b:1 ~/c:2 -- chapters/10_*.ipynb

A check of a trained model that holds on one build may fail on the next one, in CI first. So a chapter is executed with
each build (a cache folder and the seed in it: `MINILLAMA_CACHE=~/b minillama build --seed 1`), its assertions noting
both sides of each `<` and `>` instead of stopping. Listed is what failed, and what holds by less than four times the
spread between builds: such a check needs more samples, a wider bound, or to be about something else.
"""

import argparse
import ast
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from notebooks import run

from minillama.pipeline.artifact import ARTIFACT_FILE, Artifact
from minillama.pipeline.bundle import write_bundle

ENOUGH = 4.0  # standard deviations between builds
SHARED = ("corpus", "tokenizer")  # stages that have no seed of training
SYMBOLS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
RECORDER = """
def __compare__(where, part, left, symbol, right):
    import math, operator
    by = {{"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}}
    outcome = by[symbol](left, right)
    try:
        distance = float(right) - float(left) if symbol[0] == "<" else float(left) - float(right)
    except (TypeError, ValueError):  # not two numbers
        return outcome
    if math.isfinite(distance):
        __note__([where, "distance", part, distance])
    return outcome

def __assert__(where, outcome):
    __note__([where, "held", bool(outcome)])

def __note__(row, path={path!r}):
    import json
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\\n")
"""


# --- instrumenting ----------------------------------------------------------------------------------------------------


class Comparisons(ast.NodeTransformer):
    """Turns ``a < b`` into a call that notes how far apart both are; each operand is evaluated once.

    What stands under ``not``, ``or`` or ``any`` stays as it is: there a comparison may well not hold.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.parts = 0

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """Leave ``not`` alone."""
        return node if isinstance(node.op, ast.Not) else self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """Leave ``or`` alone."""
        return node if isinstance(node.op, ast.Or) else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Leave what is counted or chosen alone: only what a call gives back is compared, but for ``all``."""
        return self.generic_visit(node) if isinstance(node.func, ast.Name) and node.func.id == "all" else node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """Note each part of a chain; other comparisons stay."""
        self.generic_visit(node)
        if not all(type(op) in SYMBOLS for op in node.ops):
            return node
        names = [f"side{number}" for number in range(len(node.ops) + 1)]
        parts: list[ast.expr] = []
        for left, op, right in zip(names, node.ops, names[1:], strict=False):
            symbol = ast.Constant(SYMBOLS[type(op)])
            part = ast.Constant(self.parts)
            parts.append(call("__compare__", self.where, part, ast.Name(left), symbol, ast.Name(right)))
            self.parts += 1
        body = parts[0] if len(parts) == 1 else ast.BoolOp(ast.And(), parts)
        return ast.Call(ast.Lambda(arguments(names), body), [node.left, *node.comparators], [])


class Assertions(ast.NodeTransformer):
    """Turns assertions into calls that note and go on."""

    def __init__(self, cell: int) -> None:
        self.cell = cell

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """Note the comparisons in it, then whether it held."""
        where = f"cell {self.cell}: {ast.unparse(node.test)}"
        return ast.Expr(call("__assert__", where, Comparisons(where).visit(node.test)))


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
    newest: dict[str, tuple[float, Path, dict[str, Any]]] = {}
    for found in (cache / "stages").glob(f"*/{ARTIFACT_FILE}"):
        facts = json.loads(found.read_text("utf-8"))
        of_seed = facts["seed"] == seed or facts["stage"] in SHARED
        if of_seed and facts["finished"] > newest.get(facts["stage"], (-1.0,))[0]:
            newest[facts["stage"]] = (facts["finished"], found.parent, facts)
    if not newest.keys() - set(SHARED):
        raise ValueError(
            f"{cache} holds no finished stages of seed {seed}; `minillama build --seed {seed}` trains them"
        )
    with tempfile.TemporaryDirectory() as scratch:
        posing = []
        for _, folder, facts in newest.values():
            copy = Path(scratch) / folder.name
            shutil.copytree(folder, copy)
            (copy / ARTIFACT_FILE).write_text(json.dumps(facts | {"seed": 0}), "utf-8")
            posing.append(Artifact.open(copy))
        return write_bundle(posing, target)


def execute(path: Path, bundle: Path, cache: Path) -> list[list[Any]]:
    """Run a chapter with a build, to its end whatever fails; return what it noted. A cell's error is noted as well."""
    notebook = nbformat.read(path, as_version=4)
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            cell.source = instrumented(cell.source, number)
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder) / "notes.jsonl"
        notebook.cells.insert(0, nbformat.v4.new_code_cell(RECORDER.format(path=str(notes))))
        builds = {"MINILLAMA_MODELS": str(bundle), "MINILLAMA_CACHE": str(cache)}
        run(notebook, path.parent, allow_errors=True, OMP_NUM_THREADS="1", **builds)
        noted = [json.loads(line) for line in notes.read_text("utf-8").splitlines()] if notes.exists() else []
    errors = [
        [f"cell {number - 1}: {output.ename}: {output.evalue}", "held", False]
        for number, cell in enumerate(notebook.cells)
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]
    return noted + errors


# --- reading ----------------------------------------------------------------------------------------------------------


def failed(noted: Sequence[Sequence[Any]]) -> list[str]:
    """The assertions that did not hold."""
    return [row[0] for row in noted if row[1] == "held" and not row[2]]


def distances(noted: Sequence[Sequence[Any]]) -> dict[tuple[str, int], float]:
    """By how much each comparison held, the least where it was made several times; by assertion and number in it."""
    found: dict[tuple[str, int], float] = {}
    for where, kind, *rest in noted:
        if kind == "distance":
            part, distance = rest
            found[where, part] = min(distance, found.get((where, part), distance))
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
    parser.add_argument("--jobs", type=int, default=2, help="builds at a time (default 2)")
    parser.add_argument("chapters", nargs="+", type=Path)
    asked = parser.parse_args()
    if len(asked.builds) < 2:
        parser.error("one build has no spread; give two or more")
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
