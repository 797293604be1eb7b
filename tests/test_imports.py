"""Library code imports one way only, as the layers below say; the Valley and the tokenizer know no torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "minillama"
# A module imports from its own layer's part or from layers before it; parts of one layer do not know each other,
# except where the pair is listed.
LAYERS = (
    ("valley", "tokenizer", "model"),
    ("chat", "sampling", "generation", "data", "hardware"),
    ("training", "answering"),
    ("evaluation",),
    ("alignment",),
    ("convert", "hf_tokenizer"),
    ("pipeline",),
    ("experiments", "bench", "results"),
    ("conversation",),
    ("notebook", "machine", "terminal", "side_by_side"),
    ("chat_widget",),
    ("cli",),
)
WITHIN_A_LAYER = {("generation", "sampling"), ("convert", "hf_tokenizer")}
LAYER_OF = {part: number for number, parts in enumerate(LAYERS) for part in parts}


def imported_parts(path):
    """The parts of minillama that a file imports, at its top or inside functions."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the direction"
            names = [node.module]
            if node.module == "minillama":
                names = [f"minillama.{alias.name}" for alias in node.names]
        for name in names:
            if name.startswith("minillama."):
                yield name.split(".")[1]


def files():
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


@pytest.mark.parametrize("path", files(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_run_one_way(path):
    part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert part in LAYER_OF, f"{part} has no layer yet: give it one above"
    for other in set(imported_parts(path)) - {part}:
        if other in LAYER_OF:  # a public name such as Transformer is checked where it is defined
            allowed = LAYER_OF[other] < LAYER_OF[part] or (part, other) in WITHIN_A_LAYER
            assert allowed, f"{path.relative_to(PACKAGE.parent)} imports minillama.{other}, not below it"


@pytest.mark.parametrize("module", ["minillama", "minillama.valley", "minillama.tokenizer"])
def test_what_needs_no_torch_imports_none(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
