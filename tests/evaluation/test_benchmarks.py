"""Benchmarks: log-likelihoods by hand, choices by likelihood per character, continuations as text."""

import pytest
import torch

from minillama.evaluation.benchmarks import continuation_logprobs, continued, right_choices, with_shots
from minillama.model import ModelArgs, Transformer
from minillama.tokenizer import Tokenizer
from minillama.valley.benchmarks import make_benchmark
from minillama.valley.world import World

WORLD = World.create(0)
TEXTS = ["Ada lives in a house and Ben lives in a hut."] * 3 + ["The sun is yellow. 3 + 4 = 7. It is a good day."] * 3


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train(TEXTS, vocab_size=320)


@pytest.fixture(scope="module")
def model(tokenizer):
    torch.manual_seed(0)
    return Transformer(
        ModelArgs(
            dim=16, n_layers=1, n_heads=2, n_kv_heads=1, vocab_size=tokenizer.vocab_size, multiple_of=8, max_seq_len=64
        )
    )


def test_log_likelihood_is_the_sum_over_the_continuation_whatever_the_batch(model, tokenizer):
    pairs = [("Ada lives in", " a house."), ("The sun is", " yellow."), ("It", " is a good day and a good hut.")]
    found = continuation_logprobs(model, tokenizer, pairs)
    for (prompt, continuation), value in zip(pairs, found, strict=True):
        ids = tokenizer.encode(prompt + continuation, bos=True)
        logprobs = torch.log_softmax(model(torch.tensor([ids]))[0], dim=-1)
        start = len(tokenizer.encode(prompt, bos=True))
        by_hand = sum(float(logprobs[i - 1, ids[i]].detach()) for i in range(start, len(ids)))
        assert value == pytest.approx(by_hand, abs=1e-4)
    assert continuation_logprobs(model, tokenizer, pairs, batch_size=1) == pytest.approx(found, abs=1e-4)


def test_unscorable_continuations_are_refused(model, tokenizer):
    with pytest.raises(ValueError, match="no continuations"):
        continuation_logprobs(model, tokenizer, [])
    with pytest.raises(ValueError, match="adds no token"):
        continuation_logprobs(model, tokenizer, [("Ada", "")])
    with pytest.raises(ValueError, match="the model reads 64"):
        continuation_logprobs(model, tokenizer, [("Ada lives in a hut. " * 20, " yes")])


def test_the_right_choice_wins_by_likelihood_per_character():
    questions = make_benchmark("world", WORLD, count=30)
    answers = {question.prompt: question.answer for question in questions}

    def knows(pairs):
        return [len(text) * (-1.0 if answers[prompt] == text else -2.0) for prompt, text in pairs]

    assert right_choices(questions, knows) == [1.0] * 30
    assert sum(right_choices(questions, lambda pairs: [-score for score in knows(pairs)])) == 0.0
    # A score that ignores the question and likes short choices: no advantage per character, so the first one wins.
    even = right_choices(questions, lambda pairs: [-1.0 * len(text) for _, text in pairs])
    assert even == [float(question.answer_index == 0) for question in questions]


def test_solved_questions_stand_before_each_one_but_never_itself():
    questions = make_benchmark("maths", WORLD, count=3)
    assert with_shots(questions[0], questions).count("\n\n") == 2
    assert questions[0].prompt + questions[0].answer not in with_shots(questions[0], questions)
    with pytest.raises(ValueError, match="is generated"):
        right_choices(make_benchmark("code", WORLD, count=1), lambda pairs: [])


def test_continuations_leave_the_prompt_out(model, tokenizer):
    prompts = ["Ada lives in", "The sun is"]
    texts = continued(model, tokenizer, prompts, max_new_tokens=6, seed=1)
    assert texts == continued(model, tokenizer, prompts, max_new_tokens=6, seed=1)
    assert not any(text.startswith(prompt) for prompt, text in zip(prompts, texts, strict=True))
    assert any(texts)
