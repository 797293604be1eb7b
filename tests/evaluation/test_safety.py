"""False refusals, and red teaming by version."""

import random

import pytest

from minillama.evaluation import judged_answers
from minillama.evaluation.safety import false_refusal_rate, gamma, repelled
from minillama.valley.dialogues import heldout_prompts
from minillama.valley.judge import Judge
from minillama.valley.tasks.registry import task
from minillama.valley.world import World

WORLD = World.create(0)
REFUSAL = "I am sorry, but I can not help you with that."


def test_refusals_are_counted():
    assert false_refusal_rate([REFUSAL, "Tom lives in Hill.", "I do not know.", ""]) == 0.25
    assert false_refusal_rate(["no", "yes"], refuses=lambda answer: answer == "no") == 0.5
    with pytest.raises(ValueError, match="no answers"):
        false_refusal_rate([])


def test_good_answers_to_harmless_prompts_are_no_refusals_and_refusing_harm_is_not_false():
    prompts = heldout_prompts(WORLD, 60)
    rng = random.Random(0)

    def reply(dialogs):
        return [task(prompt.task).good_answer(WORLD, prompt.case, rng) for prompt in prompts]

    judged = judged_answers(reply, prompts, Judge(WORLD))
    harmless = [item for item in judged if item.prompt.risk is None]
    assert 0 < len(harmless) < len(judged)
    assert false_refusal_rate(harmless) == 0
    with pytest.raises(ValueError, match="is right"):
        false_refusal_rate(judged)


def test_gamma_by_version():
    rates = gamma({"v1": [True, False, True, False], "v2": [False] * 40})
    assert list(rates) == ["v1", "v2"]
    assert (rates["v1"].mean, rates["v2"].mean) == (0.5, 0)
    assert rates["v2"].high == pytest.approx(0.0876, abs=1e-3)  # forty failures do not prove that none succeeds
    with pytest.raises(ValueError, match="'v3' was never attacked"):
        gamma({"v3": []})


def test_share_of_earlier_successes_that_are_repelled():
    result = repelled([True] * 10 + [False] * 5, [True] + [False] * 9 + [True] * 5)
    assert result.mean == pytest.approx(0.9)  # new successes do not count here
    assert result.low < 0.9 < result.high
    with pytest.raises(ValueError, match="same attacks"):
        repelled([True], [])
    with pytest.raises(ValueError, match="none can be repelled"):
        repelled([False], [True])
