"""Prompts and demonstrations: the split is fair, the shares are right, everything is reproducible and JSON-able."""

import json
import subprocess
import sys
from collections import Counter

import pytest

from minillama.chat import check_dialog
from minillama.valley import World
from minillama.valley.dialogues import (
    VENDORS,
    Mix,
    Vendor,
    cases,
    choose_tasks,
    demonstrations,
    heldout_prompts,
    prompt_as_dict,
    prompt_from_dict,
    training_prompts,
)
from minillama.valley.judge import Judge
from minillama.valley.tasks.base import CORE_KINDS
from minillama.valley.tasks.registry import all_tasks, core_tasks, task

WORLD = World.create(0)


def test_there_are_enough_tasks_and_wordings() -> None:
    assert len(core_tasks()) >= 22
    assert {each.kind for each in core_tasks()} == set(CORE_KINDS)
    assert len({each.kind for each in all_tasks()}) >= 10
    assert len(all_tasks()) >= 30
    for each in all_tasks():
        assert len(each.wordings) >= 8, each.name


def test_training_and_heldout_share_neither_pair_nor_wording() -> None:
    training = [prompt for seed in range(2) for prompt in training_prompts(WORLD, 800, seed, tier=None)]
    seen = {prompt.case.pair for prompt in training} | {d.prompt.case.pair for d in demonstrations(WORLD, 800, 0)}
    texts = {prompt.text for prompt in training}
    heldout = heldout_prompts(WORLD, 3000, tier=None)
    assert not seen & {prompt.case.pair for prompt in heldout}
    assert not texts & {prompt.text for prompt in heldout}
    assert all(prompt.wording in task(prompt.task).heldout_wordings for prompt in heldout)


def test_a_heldout_sum_is_held_out_as_a_story_and_the_other_way_round() -> None:
    by_numbers: dict[str, set[bool]] = {}
    for name in ("sum-add", "sum-more", "sum-subtract", "sum-less"):
        for side in (False, True):
            for case in cases(WORLD, task(name), side):
                by_numbers.setdefault(case.pair, set()).add(side)
    assert all(len(sides) == 1 for sides in by_numbers.values())
    assert "sum/3+4" in by_numbers
    assert "sum/4+3" not in by_numbers


def test_combinations_that_are_held_out_never_come_in_training() -> None:
    heldout = [each for each in all_tasks() if each.heldout_share == 1.0]
    assert heldout
    for each in heldout:
        assert not cases(WORLD, each, False)
        assert len(cases(WORLD, each, True)) >= 20, each.name
    names = {prompt.task for prompt in training_prompts(WORLD, 2000, 0, tier=None)}
    assert not names & {each.name for each in heldout}


def test_there_are_many_different_heldout_prompts_of_every_kind() -> None:
    for kind in CORE_KINDS:
        prompts = heldout_prompts(WORLD, None, kinds=[kind])
        assert len({prompt.text for prompt in prompts}) == len(prompts) >= 150, kind
    assert len(heldout_prompts(WORLD, 500, adversarial=False)) == 500
    assert len(heldout_prompts(WORLD, 300, adversarial=True)) == 300
    borderline = heldout_prompts(WORLD, 100, borderline=True)
    assert len({prompt.case.pair for prompt in borderline}) >= 35
    kinds = Counter(prompt.kind for prompt in heldout_prompts(WORLD, 300))
    assert set(kinds.values()) == {50}
    risks = Counter(prompt.risk for prompt in heldout_prompts(WORLD, 300, adversarial=True))
    assert len(risks) == 8
    assert min(risks.values()) >= 30


def test_asking_for_too_many_or_for_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="only"):
        heldout_prompts(WORLD, 10**6)
    with pytest.raises(ValueError, match="no task"):
        choose_tasks(kinds=["poems"])
    with pytest.raises(ValueError, match="lie in"):
        Vendor("x", 1.5, 0.5)
    with pytest.raises(ValueError, match="share between"):
        Mix(multi_turn=2.0)


def test_demonstrations_are_proper_dialogues_in_the_expected_shares() -> None:
    made = demonstrations(WORLD, 3000, 1)
    for each in made:
        check_dialog(each.dialog)
    assert abs(sum(each.good for each in made if len(each.dialog) < 4) / 2400 - 0.62) < 0.08
    turns = Counter(sum(message["role"] == "user" for message in each.dialog) for each in made)
    assert 0.15 < 1 - turns[1] / len(made) < 0.25
    assert max(turns) <= 8
    assert 0.02 < sum(each.dialog[0]["role"] == "system" for each in made) / len(made) < 0.07
    assert any("And " in m["content"][:4] for each in made for m in each.dialog[2:] if m["role"] == "user")
    adversarial = sum(each.prompt.risk is not None for each in made) / len(made)
    assert 0.08 < adversarial < 0.25
    words = [len(m["content"].split()) for each in made for m in each.dialog if m["role"] == "assistant"]
    assert max(words) <= 45
    assert sum(words) / len(words) < 14


def test_vendors_differ_in_skill_and_the_mixture_is_as_designed() -> None:
    judge, helpful, violations = Judge(WORLD), {}, []
    for each in demonstrations(WORLD, 2500, 2, mix=Mix(multi_turn=0.0, borderline_share=0.0)):
        verdict = judge.judge(each.prompt, each.dialog[-1]["content"])
        helpful.setdefault(each.vendor, []).append(verdict.helpfulness)
        if each.prompt.risk is not None:
            violations.append(verdict.safety < 0.5)
    means = {vendor: sum(scores) / len(scores) for vendor, scores in helpful.items()}
    assert means["careful"] > means["ordinary"] + 0.1 > means["hasty"] + 0.2
    mean = sum(sum(scores) for scores in helpful.values()) / 2500
    assert 0.5 < mean < 0.72
    assert 0.2 < sum(violations) / len(violations) < 0.5
    assert abs(sum(vendor.share for vendor in VENDORS) - 1.0) < 1e-9


def test_prompts_survive_json() -> None:
    for prompt in heldout_prompts(WORLD, 40) + heldout_prompts(WORLD, 5, borderline=True):
        row = json.loads(json.dumps(prompt_as_dict(prompt)))
        again = prompt_from_dict(WORLD, row)
        assert (again.text, again.case, again.risk) == (prompt.text, prompt.case, prompt.risk)
    with pytest.raises(ValueError, match="has no pair"):
        prompt_from_dict(WORLD, row | {"pair": "nothing"})
    json.dumps([each.as_dict() for each in demonstrations(WORLD, 50, 0)])


def test_the_same_seed_gives_the_same_bytes_whatever_the_hash_seed() -> None:
    code = (
        "import hashlib, json; from minillama.valley import World; from minillama.valley import dialogues as d;"
        "w = World.create(0); rows = [x.as_dict() for x in d.demonstrations(w, 150, 3, mix=d.Mix(tier=None))];"
        "rows += [d.prompt_as_dict(p) for p in d.heldout_prompts(w, 150)];"
        "print(hashlib.sha256(json.dumps(rows).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
    assert demonstrations(WORLD, 5, 0) != demonstrations(WORLD, 5, 1)
