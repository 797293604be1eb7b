"""The script behind make: what it decides, what it says, and that its lists of packages agree."""

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def import_tool(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def dev():
    return import_tool("dev")


def plain(requirement):
    return re.match(r"[A-Za-z0-9_.-]+", requirement)[0].lower().replace("_", "-")


def lines(name):
    rows = (ROOT / name).read_text("utf-8").splitlines()
    return [row for row in rows if row and not row.startswith("#")]


@pytest.fixture
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_requirements_are_those_of_the_package(project):
    assert lines("requirements.txt") == project["dependencies"]


def test_every_direct_dependency_of_make_is_pinned_once(project, dev):
    extras = [entry for extra in dev.EXTRAS.split(",") for entry in project["optional-dependencies"][extra]]
    pins = lines("constraints.txt")
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*", pin) for pin in pins)
    names = [plain(pin) for pin in pins]
    assert len(names) == len(set(names))
    assert {plain(entry) for entry in project["dependencies"] + extras} <= set(names)


def test_the_script_needs_the_standard_library_alone():
    code = "import sys; sys.path.insert(0, 'tools'); import dev"
    assert subprocess.run([sys.executable, "-S", "-E", "-c", code], cwd=ROOT, check=False).returncode == 0


def test_make_knows_every_command(dev):
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert set(re.search(r"^([a-z ]+):\n", makefile, re.MULTILINE)[1].split()) == set(dev.COMMANDS)


def test_a_failing_step_makes_the_run_fail_and_stands_in_the_table(dev, monkeypatch, capsys):
    monkeypatch.setattr(dev, "venv_python", lambda: Path(sys.executable))
    steps = dev.Steps()
    assert steps.run("good", "this")
    assert not steps.run("bad", "no_such_module_at_all")
    assert steps.finish() == 1
    table = capsys.readouterr().out
    assert "| good |" in table
    assert re.search(r"\| bad \| \d+ \| FAILED \(1\) \|", table)


def test_no_tests_found_counts_only_where_that_is_expected(dev, monkeypatch, tmp_path):
    monkeypatch.setattr(dev, "venv_python", lambda: Path(sys.executable))
    steps = dev.Steps()
    assert not steps.run("strict", "pytest", "-q", str(tmp_path))
    assert steps.run("lenient", "pytest", "-q", str(tmp_path), allow_none=True)


def test_the_fingerprint_follows_what_is_installed(dev):
    assert dev.fingerprint(None, True) == dev.fingerprint(None, True)
    assert len({dev.fingerprint(*choice) for choice in ((None, True), (None, False), ("2.5.*", True))}) == 3


def test_another_torch_replaces_the_pin(dev, tmp_path):
    dev.constraint_arguments("2.5.*", True, tmp_path)
    text = (tmp_path / "constraints.txt").read_text("utf-8")
    assert "torch==2.5.*" in text
    assert text.count("torch==") == 1
    assert "numpy==" in text


def test_an_old_python_is_named(dev, monkeypatch, capsys):
    monkeypatch.setattr(dev, "OLDEST_PYTHON", (99, 0))
    assert dev.main(["check"]) == 2
    assert "3.11 or newer" in capsys.readouterr().err


def test_unknown_chapters_are_named(dev):
    with pytest.raises(dev.Failure, match="no chapter 99"):
        dev.chosen_chapters(["99"])


def test_lab_opens_chapters_and_serves_figures(dev):
    arguments = dev.lab_arguments(["--port=9999"])
    assert "--LabApp.default_url=/lab/tree/chapters" in arguments
    assert f"--ServerApp.root_dir={ROOT}" in arguments
    assert arguments[-1] == "--port=9999"


def test_readme_is_up_to_date():
    readme = import_tool("readme")
    assert readme.rendered(readme.README.read_text("utf-8")) == readme.README.read_text("utf-8"), "run: make readme"


def test_readme_shows_results_once_they_are_measured(tmp_path, monkeypatch):
    readme = import_tool("readme")
    monkeypatch.setattr(readme, "ROOT", tmp_path)
    assert readme.results_tables() == ""
    figure = {"mean": 0.604, "by_seed": {"0": 0.58, "1": 0.628}}
    share = {"mean": 0.2, "by_seed": {"0": 0.2}}
    shares = {"violations": share, "false_refusals": share, "borderline_refusals": share}
    results = {
        "stages": {"sft": {"helpfulness": figure, **shares}},
        "goals": [{"stage": "sft", "goal": "helpfulness", "figure": "0.604", "outcome": "reached"}],
        "asked": {"helpful": 500, "adversarial": 300, "borderline": 100, "dialogs": 60},
        "seeds": [0, 1],
        "temperature": 1.0,
        "hardware": "2 threads",
        "versions": {"torch": "2"},
        "date": "2026-11-21",
    }
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "results.json").write_text(json.dumps(results))
    text = readme.results_tables()
    assert "| sft | 0.604 (0.580–0.628) | 20.0 % |" in text
    assert "| sft | helpfulness | 0.604 | **reached** |" in text
    assert "2 seeds" in text
    assert "500 ordinary" in text


def test_readme_points_to_files_that_exist():
    for name in ("README.md", "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / name).read_text("utf-8")):
            if not target.startswith("http"):
                assert (ROOT / target).exists(), target


def test_cleaning_a_notebook_keeps_what_a_reader_sees():
    import nbformat

    notebooks = import_tool("notebooks")
    widget = nbformat.v4.new_output("display_data", {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "x"})
    cell = nbformat.v4.new_code_cell("1", outputs=[widget], metadata={"tags": ["a"], "execution": {"iopub": "now"}})
    metadata = {"widgets": {"state": 1}, "book": {"cpu": 1, "t4": 1}}
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata=metadata)
    notebooks.clean(notebook)
    assert notebook.metadata == {
        "kernelspec": notebooks.KERNEL, "language_info": {"name": "python"}, "book": {"cpu": 1, "t4": 1},
    }  # fmt: skip
    assert notebook.cells[0].metadata == {"tags": ["a"]}
    assert notebook.cells[0].outputs[0].data == {"text/plain": "x"}
