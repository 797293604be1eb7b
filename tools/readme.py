"""The generated parts of README.md: chapters, what each chat stage reaches, the ledger of claims, speed ratios.

    .venv/bin/python tools/readme.py           say whether they are up to date (exit status 1 if not)
    .venv/bin/python tools/readme.py --write   rewrite them

Each part stands between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``.
"""

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

from minillama.bench.table import bench_rows
from minillama.results.table import HEADINGS, stage_rows

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"


def repository() -> str:
    """``owner/name``, from the one place where addresses stand."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return project["urls"]["Repository"].removeprefix("https://github.com/")


def colab_address(path: str) -> str:
    """Where Colab opens a notebook of this repository."""
    return f"https://colab.research.google.com/github/{repository()}/blob/main/{path}"


def chapters_table() -> str:
    """One line a chapter: title, promise, time, Colab button."""
    lines = ["| | chapter | what you do | CPU, T4 | |", "|---|---|---|---|---|"]
    for path in sorted((ROOT / "chapters").glob("[0-9][0-9]_*.ipynb")):
        title, promise, minutes = chapter_facts(path)
        place = path.relative_to(ROOT).as_posix()
        button = f"[![Open in Colab]({BADGE})]({colab_address(place)})"
        lines.append(f"| {path.name[:2]} | [{title}]({place}) | {promise} | {minutes} | {button} |")
    return "\n".join(lines)


def chapter_facts(path: Path) -> tuple[str, str, str]:
    """Title and promise from a chapter's first cells, times from its metadata (``book``: ``{"cpu", "t4"}`` minutes)."""
    notebook = json.loads(path.read_text("utf-8"))
    markdown = "\n\n".join("".join(c["source"]) for c in notebook["cells"][:3] if c["cell_type"] == "markdown")
    title = re.search(r"^#\s+(.+)$", markdown, re.MULTILINE)
    if title is None:
        raise ValueError(f"{path.name}: none of the first three cells has a title ('# ...')")
    after = markdown[title.end() :]
    paragraphs = [p.strip() for p in after.split("\n\n")]
    promise = next((p for p in paragraphs if p and p[0] not in "#![<|-*"), "")
    minutes = notebook["metadata"].get("book", {})
    times = ", ".join(f"{minutes[name]:g} min" for name in ("cpu", "t4") if name in minutes)
    name = re.sub(r"^(chapter\s+)?\d+\s*[.:·—–-]?\s*", "", title[1], flags=re.IGNORECASE)
    return name, " ".join(promise.split()).replace("|", "\\|"), times


def ledger_table() -> str:
    """One line a claim: the paper's numbers, ours with their spread, the verdict."""
    entries = [json.loads(path.read_text("utf-8")) for path in (ROOT / "figures" / "ledger").glob("*.json")]
    if not entries:
        return "No claim has been measured yet."
    lines = ["| claim | paper | ours | outcome |", "|---|---|---|---|"]
    for entry in sorted(entries, key=lambda entry: (entry["chapter"], entry["name"])):
        paper = "; ".join(f"{name} {value}" for name, value in entry["paper_numbers"].items()) or "no number given"
        where = f"{entry['statement']} ({entry['paper']}, chapter {entry['chapter']:02d})"
        verdict = f"**{entry['outcome']}**: {entry['why']}"
        lines.append(
            "| " + " | ".join(cell.replace("|", "\\|") for cell in (where, paper, ours(entry), verdict)) + " |"
        )
    return "\n".join(lines)


def ours(entry: dict[str, Any]) -> str:
    """Our numbers of each arm as mean and range over the seeds."""
    arms = []
    for name, arm in entry["arms"].items():
        numbers = ", ".join(
            f"{what} {n['mean']:.4g}" + (f" ({n['low']:.4g}–{n['high']:.4g})" if entry["seeds"] > 1 else "")
            for what, n in arm["numbers"].items()
        )
        arms.append(f"{name}{' (control)' if arm['control'] else ''}: {numbers}")
    return (
        "<br>".join(arms)
        + f"<br>({entry['seeds']} {'seed' if entry['seeds'] == 1 else 'seeds'}, {entry['seconds']:.0f} s)"
    )


def bench_table() -> str:
    """The ratios that `minillama bench --write` measured."""
    path = ROOT / "figures" / "bench.json"
    if not path.exists():
        return "Not measured yet."
    results = json.loads(path.read_text("utf-8"))
    lines = ["| measured | ours | theirs | times as fast |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in bench_rows(results)]
    machines = {part["machine"] for part in results.values() if "machine" in part}
    return "\n".join([*lines, *(f"\n{machine}." for machine in sorted(machines))])


def results_tables() -> str:
    """What `minillama results --write` measured: a line a stage, then a line a goal; nothing where it was not run."""
    path = ROOT / "figures" / "results.json"
    if not path.exists():
        return ""
    results = json.loads(path.read_text("utf-8"))
    asked, seeds = results["asked"], len(results["seeds"])
    lines = [f"| {' | '.join(HEADINGS)} |", "|" + "---|" * len(HEADINGS)]
    lines += [f"| {' | '.join(row)} |" for row in stage_rows(results)]
    lines += [
        "",
        f"{seeds} {'seed' if seeds == 1 else 'seeds'}, sampled at temperature {results['temperature']:g} and judged on "
        f"the same held-out prompts: {asked['helpful']} ordinary, {asked['adversarial']} adversarial and "
        f"{asked['borderline']} borderline ones, {asked['dialogs']} dialogues for obedience; means, and the range of "
        f"seeds. {results['hardware']}, torch {results['versions']['torch']}, {results['date']}.",
        "",
        "| stage | goal | measured (95 % interval) | |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {goal['stage']} | {goal['goal']} | {goal['figure']} | **{goal['outcome']}** |" for goal in results["goals"]
    ]
    return "\n".join(lines)


PARTS = {"chapters": chapters_table, "results": results_tables, "ledger": ledger_table, "bench": bench_table}


def rendered(text: str) -> str:
    """README with every generated part as it should be. Raises ValueError when a marker is missing."""
    for name, make in PARTS.items():
        pattern = re.compile(f"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"README.md lacks the markers of its part {name!r}")
        body = make()
        body = f"{body}\n" if body else ""
        text = pattern.sub(lambda match, body=body: f"{match[1]}{body}{match[2]}", text)
    return text


def main() -> int:
    """Compare or write."""
    now = README.read_text("utf-8")
    wanted = rendered(now)
    if "--write" in sys.argv[1:]:
        README.write_text(wanted, encoding="utf-8", newline="\n")
        return 0
    if now != wanted:
        print("README.md is out of date; run: make readme", file=sys.stderr)
    return int(now != wanted)


if __name__ == "__main__":
    sys.exit(main())
