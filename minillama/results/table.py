"""The results as tables: what each stage reaches, and which goals."""

from collections.abc import Mapping
from typing import Any

from minillama.results.goals import LAST_TURN

HEADINGS = (
    "stage",
    "helpfulness",
    "violations",
    "refused, ordinary",
    "refused, borderline",
    "wins over SFT",
    f"obeys at turn {LAST_TURN}",
)


def stage_rows(results: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """One row of words a stage, under ``HEADINGS``: the mean over prompts and seeds, and the seeds' range."""
    rows = []
    for name, stage in results["stages"].items():
        wins, obeys = stage.get("win_rate_over_sft"), stage.get("obedience")
        rows.append(
            (
                name,
                _number(stage["helpfulness"]),
                *(_percent(stage[metric]) for metric in ("violations", "false_refusals", "borderline_refusals")),
                _percent({**wins, "mean": wins["rate"]}) if wins else "",
                _percent(obeys["turns"][LAST_TURN]) if obeys else "",
            )
        )
    return rows


def results_table(results: Mapping[str, Any]) -> str:
    """Stages, differences of those that follow one another, and goals, in lines for a terminal."""
    rows = [HEADINGS, *stage_rows(results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.append("")
    lines += [_difference(row) for row in results["differences"]]
    lines.append("")
    lines += [f"{goal['outcome']:12}  {goal['stage']}: {goal['goal']}. {goal['figure']}" for goal in results["goals"]]
    return "\n".join(lines)


def _difference(row: Mapping[str, Any]) -> str:
    low, high = row["over_prompts"]
    both = "" if row["over_both"] is None else f", for newly trained models {row['over_both'][0]:+.3f} to "
    both += "" if row["over_both"] is None else f"{row['over_both'][1]:+.3f}"
    seeds = ", ".join(f"{value:+.3f}" for value in row["by_seed"].values())
    what = f"{row['stage']} - {row['before']}, {row['metric'].replace('_', ' ')}"
    return f"{what:45} {row['mean']:+.3f}  95 % {low:+.3f} to {high:+.3f}{both}  seeds {seeds}"


def _number(found: Mapping[str, Any]) -> str:
    return f"{found['mean']:.3f}{_range(found['by_seed'].values(), 1, 3)}"


def _percent(found: Mapping[str, Any]) -> str:
    return f"{100 * found['mean']:.1f} %{_range(found['by_seed'].values(), 100, 1)}"


def _range(values: Any, scale: int, digits: int) -> str:
    """The range over seeds, where there are several."""
    listed = [scale * value for value in values]
    return f" ({min(listed):.{digits}f}–{max(listed):.{digits}f})" if len(listed) > 1 else ""
