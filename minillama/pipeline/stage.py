"""What a stage is, and the key that changes whenever its result would."""

import ast
import dataclasses
import functools
import hashlib
import importlib.util
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minillama.pipeline.artifact import Artifact

KEY_LENGTH = 16


@dataclass(frozen=True, kw_only=True)
class BuildContext:
    """What a stage's build function gets.

    Attributes:
        settings: The stage's part of the preset.
        seed: Of training; 0 for stages that depend on no seed.
        corpus: The reader's own text (a file or a folder), or None for the Valley.
        inputs: The finished stages it builds on.
        out: Folder for the result; what it holds in the end is published.
        work: Folder that survives a killed build, for checkpoints.
    """

    settings: Any
    seed: int
    corpus: Path | None
    inputs: Mapping[str, Artifact]
    out: Path
    work: Path


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step from raw text to a chat model.

    Attributes:
        name: As given to ``load``.
        promise: What it makes, in a few words.
        inputs: Names of the stages it builds on.
        build: Fills ``context.out`` and returns a report of plain JSON values.
        modules: Modules (a package means all of its files) whose code decides the result.
        check: Returns what is wrong with a result, given settings and report; nothing when it is good.
        seeded: Whether the training seed changes the result.
        tries: How often it is trained, with other draws each time, until its result is good.
        part: The preset's field that holds its settings; the stage's name where not given.
    """

    name: str
    promise: str
    inputs: tuple[str, ...]
    build: Callable[[BuildContext], dict[str, Any]]
    modules: tuple[str, ...]
    check: Callable[[Any, Mapping[str, Any]], list[str]] = lambda settings, report: []
    seeded: bool = True
    tries: int = 1
    part: str = ""

    @property
    def settings_name(self) -> str:
        """The preset's field that holds the stage's settings."""
        return self.part or self.name.replace("-", "_")


def stage_key(stage: Stage, settings: Any, seed: int, corpus: Path | None, input_keys: Mapping[str, str]) -> str:
    """Hash of a stage's full configuration, seed, code and inputs."""
    content = {
        "stage": stage.name,
        "settings": dataclasses.asdict(settings),
        "seed": seed,
        "corpus": None if corpus is None or stage.inputs else corpus_fingerprint(corpus),
        "code": [code_hash(module) for module in stage.modules],
        "inputs": dict(input_keys),
    }
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]


@functools.cache
def code_hash(module: str) -> str:
    """Hash of what the code of a module, or of a whole package, does: comments, docstrings and layout leave it alone.

    Raises ValueError when there is no such module.
    """
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.origin is None:
        raise ValueError(f"there is no module {module!r} whose code could be hashed")
    origin = Path(spec.origin)
    files = sorted(origin.parent.rglob("*.py")) if spec.submodule_search_locations else [origin]
    digest = hashlib.sha256()
    for file in files:
        tree = _without_docstrings(ast.parse(file.read_text("utf-8")))
        digest.update(file.relative_to(origin.parent).as_posix().encode() + ast.dump(tree).encode())
    return digest.hexdigest()


def corpus_fingerprint(path: Path) -> str:
    """Hash of the names and contents of a reader's own text. Raises ValueError when there is nothing at ``path``."""
    if not path.exists():
        raise ValueError(f"the corpus {path} does not exist; give a .txt, .jsonl or .parquet file, or a folder of them")
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode())
        with file.open("rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (
            node.body and isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant)
        ):
            node.body = node.body[1:]
    return tree
