"""Every chapter as it is stored: complete, small, the same everywhere, and built alike."""

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CHAPTERS = sorted((ROOT / "chapters").glob("[0-9][0-9]_*.ipynb"))
MAX_BYTES = 400 * 1024
MAX_LINES = 25
WIDGETS = ("application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json")
CELL_METADATA = {"tags", "nbgrader"}
PATHS = re.compile(r"(?:/home/|/Users/|/root/|/work/|/tmp/|[A-Z]:\\\\?Users|site-packages)")
REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Repository"]

pytestmark = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def cells(path, kind=None):
    notebook = json.loads(path.read_text("utf-8"))
    return [cell for cell in notebook["cells"] if kind in (None, cell["cell_type"])]


def source(cell):
    return "".join(cell["source"])


def tags(cell):
    return cell["metadata"].get("tags", [])


def texts(output):
    """All text of an output: streams, plain text, HTML; not pictures."""
    yield "".join(output.get("text", ""))
    for kind, value in output.get("data", {}).items():
        if kind.startswith("text/"):
            yield "".join(value)
    yield from output.get("traceback", [])


def test_outputs_are_stored_in_one_run_from_top_to_bottom(path):
    filled = [cell for cell in cells(path, "code") if source(cell).strip()]
    assert [cell["execution_count"] for cell in filled] == list(range(1, len(filled) + 1))
    assert any(cell["outputs"] for cell in filled)


def test_the_file_is_small(path):
    assert path.stat().st_size <= MAX_BYTES


def test_there_is_no_widget_state_and_no_volatile_metadata(path):
    notebook = json.loads(path.read_text("utf-8"))
    assert set(notebook["metadata"]) <= {"kernelspec", "language_info", "title", "minutes", "book"}
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert set(notebook["metadata"].get("language_info", {})) <= {"name"}
    for cell in notebook["cells"]:
        assert set(cell["metadata"]) <= CELL_METADATA
        for output in cell.get("outputs", []):
            assert not set(WIDGETS) & set(output.get("data", {}))


def test_its_minutes_are_given(path):
    book = json.loads(path.read_text("utf-8"))["metadata"]["book"]
    assert 0 < book["t4"] <= book["cpu"]


def test_outputs_hold_no_paths_warnings_or_accidents(path):
    for cell in cells(path, "code"):
        for output in cell["outputs"]:
            assert output.get("name") != "stderr", source(cell)
            if "raises-exception" not in tags(cell):
                assert output["output_type"] != "error", source(cell)
            for text in texts(output):
                assert not PATHS.search(text), text
                assert "Warning:" not in text, text


def test_colab_button_and_bootstrap_cell_are_in_place(path):
    address = f"https://colab.research.google.com/github/{REPOSITORY.removeprefix('https://github.com/')}"
    assert f"{address}/blob/main/chapters/{path.name}" in "".join(source(cell) for cell in cells(path)[:3])
    first = source(cells(path, "code")[0])
    assert "minillama" in first
    assert "pip" in first
    assert REPOSITORY in first


def test_pictures_of_the_text_exist(path):
    for cell in cells(path, "markdown"):
        for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)|<img[^>]+src=\"([^\"]+)\"", source(cell)):
            target = picture[0] or picture[1]
            if not target.startswith(("http", "data:", "attachment:")):
                assert (path.parent / target).is_file(), target


def test_it_ends_with_a_link_to_its_exercises(path):
    exercises = f"exercises/{path.name}"
    assert exercises in source(cells(path)[-1])
    assert (path.parent / exercises).is_file()


def test_code_cells_are_short(path):
    for cell in cells(path, "code"):
        assert len(source(cell).strip().splitlines()) <= MAX_LINES, source(cell)


def test_it_imports_no_other_notebook(path):
    others = {other.stem for other in CHAPTERS}
    for cell in cells(path, "code"):
        code = "\n".join(line for line in source(cell).splitlines() if not line.lstrip().startswith(("%", "!")))
        assert "%run" not in source(cell)
        for node in ast.walk(ast.parse(code)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                parts = set(name.split("."))
                assert not parts & others, name
                assert not parts & {"chapters", "previous_chapters", "import_ipynb"}, name


def test_it_opens_with_a_title_and_a_promise(path):
    text = "\n".join(source(cell) for cell in cells(path)[:3] if cell["cell_type"] == "markdown")
    assert re.search(r"^# \S", text, re.MULTILINE)
