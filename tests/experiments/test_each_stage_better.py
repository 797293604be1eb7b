"""Every stage better than the one before: the arms, the controls and the verdict. Nothing is trained."""

import random

import pytest

from minillama.experiments import Row
from minillama.experiments import each_stage_better as stages
from minillama.experiments._chat_samples import heldout, valley
from minillama.pipeline import Artifact
from minillama.valley.tasks.base import CORE_KINDS
from minillama.valley.tasks.split import is_heldout

N = 1000
LEVELS = {
    stages.BASE: 0.2,
    stages.FIRST_LINE: 0.5,
    stages.EXAMPLES: 0.5,
    stages.SFT: 0.6,
    stages.RLHF: 0.8,
    stages.AGAIN: 0.61,
    stages.DEALT: 0.02,
}


def rows(seeds=(0, 1), **changed):
    levels = LEVELS | {arm.replace("_", " "): level for arm, level in changed.items()}
    return [row(arm, seed, level) for seed in seeds for arm, level in levels.items()]


def row(arm, seed, level):
    values = [level - 0.01, level + 0.01] * (N // 2)
    return Row(
        arm=arm,
        seed=seed,
        numbers={"helpfulness": level, "helpfulness, greedy": level, "good refusals": level},
        control=arm in (stages.AGAIN, stages.DEALT),
        curve={"helpfulness": values, "helpfulness, greedy": values},
    )


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"base_with_examples": 0.22}, "not reproduced"),  # examples hardly help
        ({"base_with_examples": 0.58}, "not reproduced"),  # fine-tuning hardly helps
        ({"RLHF": 0.62}, "not reproduced"),
        ({"RLHF": 0.4}, "not reproduced"),
        ({"SFT_again": 0.7}, "cannot be seen at this scale"),
        ({"answers_to_other_prompts": 0.4}, "cannot be seen at this scale"),
    ],
)
def test_the_verdict(changed, outcome):
    assert stages.judge(rows(**changed)).outcome == outcome


def test_one_seed_that_loses_is_enough_to_fail():
    good = rows(seeds=(0, 1, 2))
    assert stages.judge(good).outcome == "reproduced"
    one_lost = [row(each.arm, 2, 0.55) if (each.arm, each.seed) == (stages.RLHF, 2) else each for each in good]
    assert stages.judge(one_lost).outcome == "not reproduced"


def test_the_verdict_needs_every_arm():
    with pytest.raises(ValueError, match="RLHF"):
        stages.judge([each for each in rows() if each.arm != stages.RLHF])


def test_answers_are_handed_on_within_their_kind_and_nobody_keeps_one():
    prompts = stages.repeated(heldout(12, kinds=("facts", "sums", "lists")))
    answers = [f"{prompt.kind} {place // stages.SAMPLES}" for place, prompt in enumerate(prompts)]
    moved = stages.handed_on(answers, prompts, by=stages.SAMPLES)
    assert sorted(moved) == sorted(answers)
    assert all(new != old and new.split()[0] == old.split()[0] for new, old in zip(moved, answers, strict=True))


def test_the_first_line_that_says_something_is_kept():
    ramble = "\n Ada lives in Honeydale.\nWhere does Ben live?\nHe lives there, too."
    assert stages.cut(([ramble], ["Six."], ["\n\n"])) == (["Ada lives in Honeydale."], ["Six."], [""])


def test_examples_are_of_the_training_side_one_of_each_kind():
    prompts = stages.example_prompts(0)
    assert [prompt.kind for prompt in prompts] == list(CORE_KINDS)
    for prompt in prompts:
        of = stages.task(prompt.task)
        assert not is_heldout(valley().world, prompt.case.pair, of.heldout_share)
        assert prompt.wording in of.wordings
    lines = stages.example_text(prompts, 0).split("\n")
    assert [line.split(": ")[0] for line in lines] == ["Question", "Answer"] * len(CORE_KINDS) + [""]
    assert lines[0] == f"Question: {prompts[0].text}"
    assert "I will not" in lines[-2]


def test_the_base_model_gets_the_question_alone_or_after_examples(monkeypatch, tmp_path):
    asked = []

    def continued(model, tokenizer, texts, **how):
        asked.append((texts, how["temperature"]))
        return list(texts)

    monkeypatch.setattr(stages, "continued", continued)
    facts = {"stage": "base", "key": "", "seed": 0, "preset": "cpu", "corpus": None, "files": {}, "report": {}}
    base = Artifact(**facts, folder=tmp_path, finished=0.0)
    base.__dict__.update(model=None, tokenizer=None)  # where the properties keep what they loaded
    prompts = heldout(2, kinds=("facts",))
    stages.base_answers(base, prompts, prompts[:1], "", 0)
    stages.base_answers(base, prompts, prompts[:1], "EXAMPLES\n", 0)
    texts = [prompt.text for prompt in prompts]
    assert asked[0] == ([texts[0]] * stages.SAMPLES + [texts[1]] * stages.SAMPLES, 1.0)
    assert asked[1:3] == [(texts, 0.0), (texts[:1], 1.0)]
    assert asked[4][0] == [f"EXAMPLES\nQuestion: {text}\nAnswer:" for text in texts]


def test_a_row_holds_the_mean_over_the_answers_to_each_prompt():
    world = valley().world
    prompts = heldout(2, kinds=("sums",))
    good = [_good(world, prompt) for prompt in prompts]
    sampled = [good[0], "I do not know.", good[0], good[0], *["I do not know."] * 4]
    harmful = heldout(1, adversarial=True)
    found = stages.measured("SFT", 0, (sampled, good, ["I do not know."]), prompts, harmful)
    assert found.curve["helpfulness"] == [0.75, 0.0]
    assert found.numbers["helpfulness"] == 0.375
    assert found.numbers["helpfulness, greedy"] == 1.0


def _good(world, prompt):
    return stages.task(prompt.task).good_answer(world, prompt.case, random.Random(0))


def test_the_quick_form_never_trains_a_later_stage(monkeypatch, tmp_path):
    monkeypatch.setenv("MINILLAMA_CACHE", str(tmp_path))
    monkeypatch.delenv("MINILLAMA_MODELS", raising=False)
    assert stages.furthest_stage(0) is None


def test_the_claim():
    assert (stages.CLAIM.chapter, stages.CLAIM.name) == (1, "each-stage-better")
