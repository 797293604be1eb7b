"""The repository's commands, on every system, with the standard library alone.

    python3 tools/dev.py lab         open the book in JupyterLab
    python3 tools/dev.py test        everything: lint, types, tests, pipeline from an empty cache, chapters, exercises
    python3 tools/dev.py check       lint and unit tests only, under four minutes
    python3 tools/dev.py build       train the models into the user's cache
    python3 tools/dev.py chapters    run chapters through nbval (all, or those whose number is given: 03 08)
    python3 tools/dev.py notebooks   re-execute chapters in place (all, or those whose number is given)
    python3 tools/dev.py readme      rewrite the generated parts of README.md
    python3 tools/dev.py clean       remove the environment and what tools left behind (never a trained model)

Each makes the environment in .venv first where it is missing or out of date. All of them are safe to repeat.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import webbrowser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "minillama-stamp"
EXTRAS = "lab,test,grading"
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
OLDEST_PYTHON = (3, 11)
NO_TESTS = 5  # pytest's exit status when it found nothing to run
PORTABLE = ("03", "05", "08")  # the chapters that CI runs on other systems and versions: files, arithmetic, training


class Failure(Exception):
    """Something the user has to know, said in one line."""


# --- the environment -------------------------------------------------------------------------------------------------


def venv_python() -> Path:
    """Path of the environment's interpreter on this system."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def has_nvidia_driver() -> bool:
    """Whether an NVIDIA driver is installed (a card without one is of no use to PyTorch)."""
    return Path("/proc/driver/nvidia").exists() or shutil.which("nvidia-smi") is not None


def fingerprint(torch: str | None, constrained: bool) -> str:
    """Hash of everything that decides what is installed; the environment is fresh while it stays the same."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {ROOT} {EXTRAS} {torch} {constrained}".encode())
    for name in ("pyproject.toml", "requirements.txt", "constraints.txt"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def constraint_arguments(torch: str | None, constrained: bool, folder: Path) -> list[str]:
    """Pip's arguments for the pinned versions, with the pin of torch replaced where another one is asked for."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if constrained else []
    if torch:
        lines = [line for line in lines if not line.startswith("torch==")] + [f"torch=={torch}"]
    path = folder / "constraints.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return ["-c", str(path)]


def install(torch: str | None, constrained: bool) -> None:
    """Install the package, editable, with all extras that the commands need."""
    pip = [str(venv_python()), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    with tempfile.TemporaryDirectory() as folder:
        pins = constraint_arguments(torch, constrained, Path(folder))
        if sys.platform == "linux" and not has_nvidia_driver():
            # Plain pip would bring gigabytes of CUDA. Without a way out this fails at once and plain pip goes on.
            print("  trying PyTorch's CPU wheels first", flush=True)
            quick = ["--retries", "0", "--timeout", "8", "--no-deps", "--index-url", CPU_WHEELS]
            outcome = subprocess.run([*pip, *quick, *pins, "torch"], capture_output=True, text=True)
            if outcome.returncode:
                print("  not reachable; taking torch from pip's ordinary index", flush=True)
        if subprocess.run([*pip, *pins, "-e", f"{ROOT}[{EXTRAS}]"], cwd=ROOT).returncode:
            raise Failure("pip could not install the packages (its own message stands above)")


def quieten_jupyter() -> None:
    """Switch off JupyterLab's question about news and its check for updates, for this environment only."""
    folder = VENV / "share" / "jupyter" / "lab" / "settings"
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"@jupyterlab/apputils-extension:notification": {"checkForUpdates": False, "fetchNews": "false"}}
    (folder / "overrides.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def ensure_environment(torch: str | None = None, constrained: bool = True) -> None:
    """Create .venv and install into it, unless it already holds what the repository asks for."""
    if sys.version_info < OLDEST_PYTHON:
        raise Failure(
            f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}; try PYTHON=python3.12 make ..."
        )
    wanted = fingerprint(torch, constrained)
    if venv_python().exists() and STAMP.exists() and STAMP.read_text(encoding="utf-8") == wanted:
        return
    print(f"environment: {VENV}", flush=True)
    if not venv_python().exists() and subprocess.run([sys.executable, "-m", "venv", str(VENV)]).returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        raise Failure("could not make a virtual environment; on Debian and Ubuntu install python3-venv first")
    STAMP.unlink(missing_ok=True)
    install(torch, constrained)
    quieten_jupyter()
    STAMP.write_text(wanted, encoding="utf-8")


# --- steps ------------------------------------------------------------------------------------------------------------


class Steps:
    """Runs commands one after another and remembers how long each took and how it ended."""

    def __init__(self, **environment: str) -> None:
        self.rows: list[tuple[str, float, str]] = []
        self.environment = {**os.environ, "PYTHONUTF8": "1", "JUPYTER_PLATFORM_DIRS": "1", **environment}

    def run(self, name: str, *module: str, allow_none: bool = False, **environment: str) -> bool:
        """Run ``python -m module ...`` in the repository; remember and return whether it went well."""
        print(f"\n=== {name}", flush=True)
        start = time.perf_counter()
        command = [str(venv_python()), "-m", *module]
        status = subprocess.run(command, cwd=ROOT, env={**self.environment, **environment}).returncode
        none = allow_none and status == NO_TESTS
        verdict = "nothing to run" if none else "ok" if status == 0 else f"FAILED ({status})"
        self.rows.append((name, time.perf_counter() - start, verdict))
        return status == 0 or none

    def skip(self, name: str, why: str) -> None:
        """Remember a step that was not run, so that the table shows it."""
        self.rows.append((name, 0.0, f"not run: {why}"))

    @property
    def failed(self) -> bool:
        """Whether any step failed."""
        return any(verdict.startswith("FAILED") for _, _, verdict in self.rows)

    def finish(self) -> int:
        """Print the table of seconds per step; return the exit status."""
        lines = ["| step | seconds | |", "|---|---|---|"]
        lines += [f"| {name} | {seconds:.0f} | {verdict} |" for name, seconds, verdict in self.rows]
        lines.append(f"| all | {sum(seconds for _, seconds, _ in self.rows):.0f} | |")
        print("\n" + "\n".join(lines), flush=True)
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            with open(summary, "a", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
        return 1 if self.failed else 0


def lint_and_unit_tests(steps: Steps, *more: str) -> None:
    """Run every check that needs no trained model; all of them run even when an early one fails.

    ``more`` are further arguments of pytest.
    """
    steps.run("ruff check", "ruff", "check", ".")
    steps.run("ruff format", "ruff", "format", "--check", ".")
    steps.run("mypy", "mypy")
    unit = ("-q", "-n", "2", "--durations", "10", "--durations-min", "1")
    steps.run("unit and parity tests", "pytest", *unit, *more, "-m", "not models", "tests", OMP_NUM_THREADS="1")


def chosen_chapters(numbers: list[str]) -> list[Path]:
    """Chapter notebooks in reading order: all, or those whose file name starts with one of ``numbers``."""
    chapters = sorted((ROOT / "chapters").glob("[0-9][0-9]_*.ipynb"))
    for number in numbers:
        if not any(path.name.startswith(number) for path in chapters):
            raise Failure(
                f"there is no chapter {number}; there are {', '.join(path.stem for path in chapters) or 'none'}"
            )
    return [path for path in chapters if not numbers or path.name.startswith(tuple(numbers))]


def run_chapters(steps: Steps, numbers: list[str]) -> None:
    """Run chapters through nbval, two at a time with one thread each, and list the slowest cells."""
    chapters = chosen_chapters(numbers)
    if not chapters:
        steps.skip("chapters", "no notebook in chapters/ yet")
        return
    what = (
        [str(path.relative_to(ROOT)) for path in chapters] if numbers else ["chapters", "--ignore=chapters/exercises"]
    )
    nbval = ("--nbval-lax", "--nbval-current-env", "--nbval-sanitize-with", "tests/sanitize.cfg")
    pace = ("--nbval-cell-timeout", "600", "-n", "2", "--dist", "loadfile", "--durations", "15", "--durations-min", "1")
    print("\nThe slowest cells are listed after the run as 'slowest durations'.")
    steps.run("chapters", "pytest", "-q", *nbval, *pace, *what, OMP_NUM_THREADS="1")


# --- commands ---------------------------------------------------------------------------------------------------------


def command_check(_: argparse.Namespace) -> int:
    """Lint and unit tests only."""
    steps = Steps()
    lint_and_unit_tests(steps)
    return steps.finish()


def command_test(_: argparse.Namespace) -> int:
    """Everything that must hold before a change lands."""
    with tempfile.TemporaryDirectory(prefix="minillama-cache-", ignore_cleanup_errors=True) as empty:
        steps = Steps(MINILLAMA_CACHE=os.environ.get("MINILLAMA_CACHE") or empty)
        # The same examples each time: a landing is not the place to find a new one. `make check` draws others.
        lint_and_unit_tests(steps, "--hypothesis-profile=ci")
        # All stages: chapters and tests of trained models need them, and a stage that fails its check fails here.
        if steps.run("pipeline from an empty cache", "minillama.cli", "build"):
            run_chapters(steps, [])
            models = ("-q", "-m", "models", "--durations", "10", "--durations-min", "1", "tests")
            steps.run("exercises and trained models", "pytest", *models, allow_none=True)
        else:
            steps.skip("chapters", "the pipeline failed")
            steps.skip("exercises and trained models", "the pipeline failed")
        return steps.finish()


def command_build(arguments: argparse.Namespace) -> int:
    """Train the models into the user's cache."""
    return subprocess.run([str(venv_python()), "-m", "minillama.cli", "build", *arguments.rest], cwd=ROOT).returncode


def command_chapters(arguments: argparse.Namespace) -> int:
    """Run some chapters through nbval."""
    there = [path.name[:2] for path in chosen_chapters([])]
    steps = Steps()
    run_chapters(steps, [number for number in PORTABLE if number in there] if arguments.portable else arguments.rest)
    return steps.finish()


def command_notebooks(arguments: argparse.Namespace) -> int:
    """Re-execute chapters in place, with their outputs cleaned for version control."""
    chapters = [str(path) for path in chosen_chapters(arguments.rest)]
    return subprocess.run([str(venv_python()), str(ROOT / "tools" / "notebooks.py"), *chapters], cwd=ROOT).returncode


def command_readme(_: argparse.Namespace) -> int:
    """Rewrite the generated parts of README.md."""
    return subprocess.run([str(venv_python()), str(ROOT / "tools" / "readme.py"), "--write"], cwd=ROOT).returncode


def can_open_browser() -> bool:
    """Whether a graphical browser can be expected to open here."""
    if sys.platform == "linux" and not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def lab_arguments(rest: list[str]) -> list[str]:
    """JupyterLab's command line: the whole repository is served, so that figures show, and chapters/ is opened."""
    arguments = ["jupyterlab", f"--ServerApp.root_dir={ROOT}", "--LabApp.default_url=/lab/tree/chapters"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--allow-root")
    if not can_open_browser():
        arguments.append("--no-browser")
    return [*arguments, *rest]


def command_lab(arguments: argparse.Namespace) -> int:
    """Open the book in JupyterLab."""
    (ROOT / "chapters").mkdir(exist_ok=True)
    if not can_open_browser():
        print("No browser here: open the address printed below in one that reaches this machine.", flush=True)
    try:
        return subprocess.run([str(venv_python()), "-m", *lab_arguments(arguments.rest)], cwd=ROOT).returncode
    except KeyboardInterrupt:
        return 0


def command_clean(_: argparse.Namespace) -> int:
    """Remove the environment and every tool's leavings; trained models in the user's cache stay."""
    for name in (".venv", "build", "dist", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"):
        shutil.rmtree(ROOT / name, ignore_errors=True)
    for folder in [*ROOT.glob("*.egg-info"), *ROOT.rglob("__pycache__"), *ROOT.rglob(".ipynb_checkpoints")]:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


COMMANDS = {
    "lab": command_lab,
    "test": command_test,
    "check": command_check,
    "build": command_build,
    "chapters": command_chapters,
    "notebooks": command_notebooks,
    "readme": command_readme,
    "clean": command_clean,
}


def main(argv: list[str] | None = None) -> int:
    """Run one command; return its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # what is not known here goes on to JupyterLab or to `minillama build`
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--torch", metavar="VERSION", help="install this version of torch instead of the pinned one")
    parser.add_argument(
        "--portable", action="store_true", help=f"chapters {', '.join(PORTABLE)}, as far as they are there"
    )
    parser.add_argument("--newest", action="store_true", help="ignore the pins and take the newest packages")
    arguments, arguments.rest = parser.parse_known_args(argv)
    try:
        if arguments.command != "clean":
            ensure_environment(arguments.torch, not arguments.newest)
        return COMMANDS[arguments.command](arguments)
    except Failure as error:
        print(f"dev.py: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
