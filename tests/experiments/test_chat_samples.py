"""What the claims on rejection sampling and PPO share: prompts, samples, values and pooled differences."""

import pytest
import torch

from minillama.experiments import Row
from minillama.experiments import _chat_samples as shared
from minillama.experiments import _small_ppo as small
from minillama.model import ModelArgs, Transformer
from minillama.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    texts = [prompt.text for prompt in shared.heldout(60)]
    return Tokenizer.train([*texts, "[INST] [/INST] Ada lives in the town. " * 3], 400)


@pytest.fixture(scope="module")
def model(tokenizer):
    torch.manual_seed(0)
    return Transformer(
        ModelArgs(dim=16, n_layers=1, n_heads=2, n_kv_heads=1, vocab_size=tokenizer.vocab_size, max_seq_len=256)
    ).eval()


def test_samples_stand_prompt_behind_prompt(model, tokenizer):
    prompts = shared.heldout(3)
    found = shared.sample(model, tokenizer, prompts, 2, seed=1, max_new_tokens=4)
    assert len(found.texts) == len(found.generation.tokens) == 6
    assert found.helpfulness().shape == found.usable().shape == (3, 2)
    assert found.verdicts[2] == shared.judged(prompts[1], found.texts[2])
    lengths = found.scores(lambda rows, answers, flags: torch.tensor([float(len(answer)) for answer in answers]))
    assert lengths.flatten().tolist() == [len(row) for row in found.generation.tokens]
    assert float(found.likelihoods()[1, 0]) == pytest.approx(sum(found.generation.logprobs[2]))


def test_prompts_are_what_was_asked_for():
    assert all(prompt.risk is None and not prompt.borderline and prompt.tier == "core" for prompt in shared.heldout(20))
    assert all(prompt.risk is not None for prompt in shared.heldout(20, adversarial=True))
    assert {prompt.kind for prompt in shared.heldout(10, kinds=("facts",))} == {"facts"}
    assert {prompt.tier for prompt in shared.heldout(10, extended=True)} == {"extended"}
    drawn = shared.training_side(30, 3)
    assert len({prompt.text for prompt in drawn}) == 30
    assert not {prompt.case.pair for prompt in drawn} & {prompt.case.pair for prompt in shared.heldout(200)}


def test_the_judge_as_reward_is_the_judge(tokenizer):
    prompts = [*shared.heldout(2, adversarial=True), *shared.heldout(1)]
    good = "No, I will not help with that, because it hurts people."
    reward = small.reward_of_judge(prompts, tokenizer)
    rows = shared.encode(prompts, tokenizer)
    answers = [[*tokenizer.encode(good), tokenizer.eos_id] for _ in prompts]
    values = reward(rows, answers, torch.tensor([prompt.risk is not None for prompt in prompts])).tolist()
    for prompt, value in zip(prompts, values):
        verdict = shared.judged(prompt, good)
        assert value == pytest.approx(verdict.safety if prompt.risk else verdict.helpfulness)


def test_differences_are_pooled_over_seeds_and_need_both_arms():
    rows = [
        Row(arm=arm, seed=seed, numbers={"a": 1.0 + seed}, curve={"x": [base, base + 0.1 * seed, base]})
        for seed in (0, 1)
        for arm, base in (("ours", 0.5), ("theirs", 0.2))
    ]
    found = shared.difference(rows, "ours", "theirs", "x")
    assert found.mean == pytest.approx(0.3)
    assert found.n_prompts == 3
    assert shared.mean_of(rows, "ours", "a") == 1.5
    with pytest.raises(ValueError, match="lack the arm 'nobody'"):
        shared.difference(rows, "ours", "nobody", "x")
    with pytest.raises(ValueError, match="other seeds"):
        shared.difference(rows[:-1], "ours", "theirs", "x")


def test_a_fall_must_be_sure_and_large():
    rows = [Row(arm="a", seed=0, numbers={"n": 0}, curve={"x": [0.1, 0.1, 0.1], "y": [0.2, 0.2, 0.2]})]
    down = shared.difference(rows, "a", "a", "x", "y")
    assert shared.fell(down, 0.05)
    assert not shared.fell(down, 0.2)
    assert not shared.fell(shared.difference(rows, "a", "a", "y", "x"), 0.05)


def test_a_run_of_ppo_takes_four_steps_a_batch():
    size = small.RunSize(iterations=3, batch=16)
    settings = size.settings(1, 0.01)
    assert (size.answers, settings.minibatch_size, settings.beta) == (48, 4, 0.01)
