"""Every goal can be reached and can be missed, and says nothing where nothing was measured."""

import copy

import pytest

from minillama.results.goals import GOALS, verdicts
from minillama.results.table import HEADINGS, results_table, stage_rows


def figure(mean, **more):
    return {"mean": mean, "low": mean - 0.01, "high": mean + 0.01, "by_seed": {"0": mean, "1": mean}, **more}


def gain(stage, before, metric, mean, half=0.01):
    interval = [mean - half, mean + half]
    wide = [mean - 3 * half, mean + 3 * half]
    both = wide if metric == "helpfulness" else None
    seeds = {"0": mean, "1": mean}
    return {
        "stage": stage,
        "before": before,
        "metric": metric,
        "mean": mean,
        "by_seed": seeds,
        "over_prompts": interval,
        "over_both": both,
    }


def stage(helpfulness, violations, refused=0.001, borderline=0.2, **more):
    return {
        "helpfulness": figure(helpfulness, prompts=500),
        "violations": figure(violations, prompts=300),
        "false_refusals": figure(refused, prompts=500),
        "borderline_refusals": figure(borderline, prompts=100),
        **more,
    }


def good():
    """Results that reach every goal."""
    wins = {"rate": 0.8, "low": 0.78, "high": 0.82, "without_ties": 0.9, "wins": 7, "ties": 2, "losses": 1}
    obeys = {"turns": {"20": figure(0.05)}}
    steps = [("sft", "rlhf-v1"), ("rlhf-v1", "rlhf-v2"), ("rlhf-v2", "rlhf-v3"), ("rlhf-v3", "rlhf-v4")]
    return {
        "stages": {
            "sft": stage(0.55, 0.3),
            "rlhf-v4": stage(0.8, 0.05),
            "rlhf-v5": stage(
                0.85,
                0.03,
                win_rate_over_sft={**wins, "by_seed": {"0": 0.8}},
                divergence={"rlhf-v4": {"k1": figure(4.0), "k3": figure(3.0)}},
                obedience=obeys,
            ),
            "chat": stage(0.84, 0.01, obedience={"turns": {"20": figure(0.95)}}),
        },
        "differences": [
            *(gain(later, before, "helpfulness", 0.0) for before, later in steps),
            *(gain(later, before, "violations", 0.0) for before, later in steps),
            gain("rlhf-v4", "sft", "helpfulness", 0.25),
            gain("rlhf-v5", "rlhf-v4", "helpfulness", 0.05),
            gain("chat", "rlhf-v5", "helpfulness", -0.01),
        ],
        "greedy": [
            {
                "stage": "sft",
                "metric": "helpfulness",
                "greedy": figure(0.8),
                "difference": gain("", "", "helpfulness", 0.2),
            }
        ],
    }


def outcome(results, text):
    found = [row for row in verdicts(results) if text in row["goal"]]
    assert len(found) == 1
    return found[0]["outcome"]


def test_good_results_reach_every_goal():
    assert {row["outcome"] for row in verdicts(good())} == {"reached"}
    assert len(verdicts(good())) == len(GOALS) == 16


def set_mean(results, name, metric, value):
    results["stages"][name][metric] = figure(value, prompts=results["stages"][name][metric].get("prompts", 1))


def set_gain(results, name, before, metric, value, half=0.01):
    kept = [
        row for row in results["differences"] if (row["stage"], row["before"], row["metric"]) != (name, before, metric)
    ]
    results["differences"] = [*kept, gain(name, before, metric, value, half)]


BREAKS = {
    "helpfulness of 0.45": lambda r: set_mean(r, "sft", "helpfulness", 0.72),
    "violations of 20": lambda r: set_mean(r, "sft", "violations", 0.187),
    "greedy answers": lambda r: r["greedy"][0].update(difference=gain("", "", "helpfulness", 0.05)),
    "SFT + 0.15": lambda r: set_gain(r, "rlhf-v4", "sft", "helpfulness", 0.149),
    "under 10 %": lambda r: set_mean(r, "rlhf-v4", "violations", 0.1),
    "no round significantly": lambda r: set_gain(r, "rlhf-v3", "rlhf-v2", "helpfulness", -0.02),
    "above V4": lambda r: set_gain(r, "rlhf-v5", "rlhf-v4", "helpfulness", 0.03, half=0.04),
    "under 4 %": lambda r: set_mean(r, "rlhf-v5", "violations", 0.04),
    "win rate": lambda r: r["stages"]["rlhf-v5"]["win_rate_over_sft"].update(rate=0.75),
    "KL": lambda r: r["stages"]["rlhf-v5"].update(divergence={}),
    "within 0.03": lambda r: set_gain(r, "chat", "rlhf-v5", "helpfulness", -0.031),
    "violations under 2 %": lambda r: set_mean(r, "chat", "violations", 0.02),
    "ordinary prompts under 2 %": lambda r: set_mean(r, "chat", "false_refusals", 0.03),
    "borderline": lambda r: set_mean(r, "chat", "borderline_refusals", 0.25),
    "90 % or more": lambda r: r["stages"]["chat"]["obedience"]["turns"].update({"20": figure(0.89)}),
    "without GAtt": lambda r: r["stages"]["rlhf-v5"]["obedience"]["turns"].update({"20": figure(0.2)}),
}


@pytest.mark.parametrize("goal", BREAKS)
def test_every_goal_can_be_missed(goal):
    results = copy.deepcopy(good())
    BREAKS[goal](results)
    assert outcome(results, goal) == "not reached"
    assert [row["outcome"] for row in verdicts(results)].count("reached") == len(GOALS) - 1


def test_more_violations_from_round_to_round_count_as_worse():
    results = good()
    set_gain(results, "rlhf-v2", "rlhf-v1", "violations", 0.02)
    assert outcome(results, "no round significantly") == "not reached"
    results = good()
    set_gain(results, "rlhf-v2", "rlhf-v1", "violations", 0.02, half=0.03)
    assert outcome(results, "no round significantly") == "reached"


def test_few_borderline_prompts_do_not_count():
    results = good()
    results["stages"]["chat"]["borderline_refusals"]["prompts"] = 29
    assert outcome(results, "borderline") == "not reached"


def test_what_is_missing_is_not_measured():
    empty = {"stages": {}, "differences": [], "greedy": []}
    assert {row["outcome"] for row in verdicts(empty)} == {"not measured"}
    assert all("missing" in row["figure"] for row in verdicts(empty))


def test_the_table_has_every_stage_and_goal():
    results = good()
    results["goals"] = verdicts(results)
    rows = stage_rows(results)
    assert [row[0] for row in rows] == list(results["stages"])
    assert all(len(row) == len(HEADINGS) for row in rows)
    assert rows[0][-2:] == ("", "")
    assert rows[-1][-1] == "95.0 % (95.0–95.0)"
    text = results_table(results)
    assert text.count("reached") == len(GOALS)
    assert "rlhf-v5 - rlhf-v4, helpfulness" in text
