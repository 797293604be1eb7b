"""Log-probabilities and values of answers: the right places, whatever else is in the batch."""

import random

import pytest
import torch

from minillama.alignment.ppo import PPOSettings, ValueModel
from minillama.alignment.ppo.answers import (
    AnswerBatch,
    answer_logits,
    answer_logprobs,
    answer_values,
    cut_by_length,
    entropies,
    lay_out,
)
from minillama.alignment.ppo.rollout import Rollouts

CPU = torch.device("cpu")


def logprobs_one_by_one(model, rollouts, row, temperature):
    """The definition: read all that came before, look at the distribution, take the token's log-probability."""
    prompt, answer = rollouts.prompts[row], rollouts.answers[row]
    return [
        (model(torch.tensor([[*prompt, *answer[:i]]]))[0, -1] / temperature).log_softmax(-1)[token].item()
        for i, token in enumerate(answer)
    ]


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_log_probabilities_token_by_token(make_model, rollouts, temperature):
    model, batch = make_model(), AnswerBatch.of(rollouts, range(4), CPU)
    with torch.no_grad():
        result = answer_logprobs(model, batch, temperature)
        for row, answer in enumerate(rollouts.answers):
            expected = logprobs_one_by_one(model, rollouts, row, temperature) + [0.0] * (5 - len(answer))
            assert result[row].tolist() == pytest.approx(expected, abs=1e-5)
    if temperature != 1:  # the break: at temperature 1 they would differ
        assert (answer_logprobs(model, batch, 1.0) - result).abs().max() > 0.05


def test_they_are_those_that_sampling_reports(make_model, rollouts):
    """Up to rounding: sampling computes them in another order, which is why PPO does not take its numbers."""
    from minillama.generation import generate

    model, prompts = make_model(), rollouts.prompts
    sampled = generate(model, prompts, 6, temperature=0.8, seed=3)
    again = Rollouts(
        prompts=prompts, answers=sampled.tokens, finished=sampled.finished, is_safety=[False] * len(prompts)
    )
    with torch.no_grad():
        result = answer_logprobs(model, AnswerBatch.of(again, range(4), CPU), 0.8)
    for row, logprobs in enumerate(sampled.logprobs):
        assert result[row, : len(logprobs)].tolist() == pytest.approx(logprobs, abs=1e-4)


def test_the_mask_covers_each_answer_with_its_eos_and_nothing_else(rollouts):
    batch = AnswerBatch.of(rollouts, range(4), CPU)
    assert batch.mask.sum(1).tolist() == [3, 1, 5, 2]
    assert batch.spread(batch.targets.float()).tolist() == [
        [7, 8, 2, 0, 0],
        [2, 0, 0, 0, 0],
        [5, 5, 5, 5, 5],
        [9, 2, 0, 0, 0],
    ]
    assert batch.tokens[0].tolist() == [1, 5, 7, 8, 0, 0, 0]  # nothing is predicted from the last token


def test_what_else_is_in_the_batch_changes_nothing(make_model, rollouts):
    model = make_model()
    value_model = ValueModel.from_model(model)
    torch.nn.init.normal_(value_model.output.weight)
    together = AnswerBatch.of(rollouts, range(4), CPU)
    with torch.no_grad():
        for forward in (
            lambda batch: answer_logprobs(model, batch, 1.0),
            lambda batch: answer_values(value_model, batch),
        ):
            result = forward(together)
            for row, answer in enumerate(rollouts.answers):
                alone = forward(AnswerBatch.of(rollouts, [row], CPU))
                torch.testing.assert_close(result[row, : len(answer)], alone[0], atol=1e-5, rtol=1e-4)
                assert result[row, len(answer) :].count_nonzero() == 0


def test_entropy_of_uniform_and_of_certain():
    logits = torch.tensor([[0.0, 0.0, 0.0, 0.0], [100.0, 0.0, 0.0, 0.0]])
    assert entropies(logits).tolist() == pytest.approx([1.3863, 0.0], abs=1e-4)


def test_logits_are_computed_for_answers_only(make_model, rollouts):
    batch = AnswerBatch.of(rollouts, range(4), CPU)
    assert answer_logits(make_model(), batch, 1.0).shape == (3 + 1 + 5 + 2, 12)


def test_layout_deals_every_row_once_at_random(rollouts):
    settings = PPOSettings(batch_size=4, minibatch_size=2)
    layouts = [lay_out(rollouts, settings, random.Random(seed), CPU) for seed in (0, 0, 1, 2, 3)]
    rows = [[sorted(int(row) for batch in minibatch for row in batch.rows) for minibatch in each] for each in layouts]
    assert all(sorted(row for minibatch in each for row in minibatch) == [0, 1, 2, 3] for each in rows)
    assert all(len(minibatch) == 2 for each in rows for minibatch in each)
    assert rows[0] == rows[1]
    assert any(each != rows[0] for each in rows)


def test_cutting_by_length_saves_filling_where_that_pays():
    lengths = [10] * 16 + [200] * 4
    assert [len(piece) for piece in cut_by_length(range(20), lengths, 10**6)] == [16, 4]
    assert len(cut_by_length(range(20), [50, 51] * 10, 10**6)) == 1  # a second pass would cost more than the filling
    assert max(len(piece) for piece in cut_by_length(range(20), [50] * 20, 200)) == 4
    assert cut_by_length([0, 1], [500, 3], 100) == [[1], [0]]  # longer than the limit: alone
