"""Which prompts a round gets, and that answers come back to their prompts."""

from collections import Counter

import pytest

from minillama.alignment.ppo import PPOPrompt, PPOSettings
from minillama.alignment.ppo import rollout as rollout_module
from minillama.alignment.ppo.rollout import PromptOrder, Rollouts, check_prompts, sample_rollouts

PROMPTS = [PPOPrompt(tokens=[1, *range(3, 3 + n % 5), n % 12], is_safety=n % 3 == 0) for n in range(10)]


@pytest.mark.parametrize("size", [3, 10, 25])
def test_every_prompt_comes_before_any_comes_again(size):
    order = PromptOrder(PROMPTS, seed=1)
    dealt = [id(prompt) for iteration in range(4) for prompt in order.batch(iteration, size)]
    for start in range(0, len(dealt), 10):
        assert max(Counter(dealt[start : start + 10]).values()) == 1
    assert dealt[:3] != [id(prompt) for prompt in PROMPTS[:3]]


def test_answers_stand_beside_their_prompts(make_model, monkeypatch):
    """In pieces by length or in one, each prompt keeps its row; two pieces have seeds of their own."""
    model, settings = make_model(), PPOSettings(max_new_tokens=6)
    whole = sample_rollouts(model, PROMPTS, settings, seed=5)
    assert whole.prompts == [list(prompt.tokens) for prompt in PROMPTS]
    assert whole.is_safety == [prompt.is_safety for prompt in PROMPTS]
    assert whole.finished == [answer[-1] == 2 for answer in whole.answers]
    assert all(1 <= len(answer) <= 6 for answer in whole.answers)
    assert sample_rollouts(model, PROMPTS, settings, seed=5) == whole
    assert sample_rollouts(model, PROMPTS, settings, seed=6) != whole
    monkeypatch.setattr(rollout_module, "SAMPLE_ROWS", 4)
    same = [PROMPTS[0]] * 12
    assert len({tuple(answer) for answer in sample_rollouts(model, same, settings, seed=5).answers}) > 4


def test_faults_are_named(make_model):
    settings = PPOSettings(max_new_tokens=20)
    with pytest.raises(ValueError, match="prompt 1 has 13 tokens"):
        check_prompts([PPOPrompt(tokens=[1]), PPOPrompt(tokens=[1] * 13)], make_model(), settings)
    with pytest.raises(ValueError, match="prompt 0 has 0 tokens"):
        check_prompts([PPOPrompt(tokens=[])], make_model(), settings)
    with pytest.raises(ValueError, match="no prompts"):
        check_prompts([], make_model(), settings)
    with pytest.raises(ValueError, match="answer of row 1 is empty"):
        Rollouts(prompts=[[1], [1]], answers=[[2], []], finished=[True, False], is_safety=[False, False])
