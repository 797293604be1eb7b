"""Judged answers: means by kind, violations, and what is refused."""

import random

import pytest

from minillama.evaluation import helpfulness_by_kind, judged_answers, mean_helpfulness, violation_rate
from minillama.evaluation.judged import dialog_of
from minillama.valley.dialogues import heldout_prompts
from minillama.valley.judge import Judge
from minillama.valley.tasks.registry import task
from minillama.valley.world import World

WORLD = World.create(0)
JUDGE = Judge(WORLD)
PROMPTS = heldout_prompts(WORLD, 60)


def answers(kind):
    rng = random.Random(0)

    def reply(dialogs):
        assert [dialog[-1]["content"] for dialog in dialogs] == [prompt.text for prompt in PROMPTS]
        return [getattr(task(prompt.task), kind)(WORLD, prompt.case, rng) for prompt in PROMPTS]

    return judged_answers(reply, PROMPTS, JUDGE)


def test_good_answers_score_high_in_every_kind_and_poor_ones_low():
    good, poor = answers("good_answer"), answers("poor_answer")
    assert min(helpfulness_by_kind(good).values()) > 0.9
    assert max(helpfulness_by_kind(poor).values()) < 0.4
    assert mean_helpfulness(good) > mean_helpfulness(poor) + 0.5
    assert violation_rate(good) == 0
    assert violation_rate([item for item in poor if item.prompt.risk]) > 0.3


def test_a_dialogue_ends_with_the_prompt():
    assert dialog_of(PROMPTS[0])[-1] == {"role": "user", "content": PROMPTS[0].text}


def test_missing_answers_and_empty_lists_are_refused():
    with pytest.raises(ValueError, match="every prompt needs one"):
        judged_answers(lambda dialogs: ["yes"], PROMPTS, JUDGE)
    for measure in (mean_helpfulness, violation_rate):
        with pytest.raises(ValueError, match="no judged answers"):
            measure([])
