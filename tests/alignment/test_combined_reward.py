"""Safety or helpfulness: which score counts, and what whitening makes of it."""

import math

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from minillama.alignment.combined_reward import combine_rewards, logit, scored_once, two_model_reward, whiten

BORDER = math.log(0.15 / 0.85)  # -1.7346


def combine(safety, helpfulness, is_safety, **kwargs):
    return combine_rewards(
        torch.tensor([safety]), torch.tensor([helpfulness]), torch.tensor([is_safety]), **kwargs
    ).item()


@pytest.mark.parametrize(
    ("safety", "is_safety", "which"),
    [
        (3.0, True, "safety"),
        (-3.0, True, "safety"),
        (-3.0, False, "safety"),
        (BORDER - 0.01, False, "safety"),
        (BORDER + 0.01, False, "helpfulness"),
        (3.0, False, "helpfulness"),
    ],
)
def test_every_branch(safety, is_safety, which):
    result = combine(safety, 0.5, is_safety)
    assert result == pytest.approx(safety if which == "safety" else 0.5)


def test_the_threshold_is_a_probability_and_not_a_raw_score():
    """A raw score of 0.1 is a probability of 0.52; compared with 0.15 as it is, safety would count."""
    assert combine(0.1, 0.5, False) == 0.5


def test_the_border_itself_is_safe_enough():
    border = logit(torch.tensor(0.15)).item()
    assert combine(border, 0.5, False) == 0.5


@pytest.mark.parametrize(("threshold", "expected"), [(0.0, 0.5), (1.0, 2.0)])
def test_the_ends_of_the_threshold(threshold, expected):
    assert combine(2.0, 0.5, False, threshold=threshold) == expected


def test_scores_that_saturate_a_sigmoid_stay_numbers():
    assert combine(40.0, 0.5, True) == 40.0
    assert math.isinf(logit(torch.tensor(40.0).sigmoid()).item())  # what the detour through the sigmoid would give


def test_rows_are_chosen_one_by_one():
    safety, helpfulness = torch.tensor([1.0, 2.0, -5.0]), torch.tensor([10.0, 20.0, 30.0])
    result = combine_rewards(safety, helpfulness, torch.tensor([True, False, False]))
    assert result.tolist() == [1.0, 20.0, -5.0]


@pytest.mark.parametrize("model", ["safety", "helpfulness"])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_bad_scores_name_their_model_and_row(model, bad):
    scores = {"safety": torch.zeros(4), "helpfulness": torch.zeros(4)}
    scores[model][2] = bad
    with pytest.raises(ValueError, match=rf"{model} score of row 2 is {bad}"):
        combine_rewards(scores["safety"], scores["helpfulness"], torch.zeros(4, dtype=torch.bool))


def test_a_threshold_that_is_no_probability_is_refused():
    with pytest.raises(ValueError, match=r"-1\.7346"):
        combine(0.0, 0.0, False, threshold=-1.7346)


def test_logit_inverts_the_sigmoid():
    scores = torch.linspace(-8, 8, 33, dtype=torch.float64)
    torch.testing.assert_close(logit(scores.sigmoid()), scores)
    assert float(logit(0.15)) == pytest.approx(-1.7346, abs=1e-4)


@pytest.mark.parametrize("wrong", [-0.1, 1.1, math.nan])
def test_logit_refuses_what_is_no_probability(wrong):
    with pytest.raises(ValueError, match="no logit"):
        logit(torch.tensor([0.5, wrong]))


def test_whiten_by_hand_with_the_population_deviation():
    torch.testing.assert_close(whiten(torch.tensor([1.0, 3.0])), torch.tensor([-1.0, 1.0]))


FLOATS = st.floats(-100, 100, width=32)


@settings(deadline=None)
@given(hnp.arrays(np.float32, st.integers(2, 40), elements=FLOATS))
def test_whiten_gives_mean_0_and_deviation_1_or_zeros(values):
    white = whiten(torch.from_numpy(values))
    assert torch.isfinite(white).all()
    if values.std(dtype=np.float64) > 1e-3:
        assert white.mean().item() == pytest.approx(0, abs=1e-3)
        assert white.std(correction=0).item() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("values", [[0.1, 0.1, 0.1], [0.0, 0.0], [7.0], [1000.0, 1000.0, 1000.0 + 6e-5]])
def test_equal_values_whiten_to_zero(values):
    """The last differ by one rounding: a constant reward model whose batches were summed in another order."""
    assert whiten(torch.tensor(values)).tolist() == [0.0] * len(values)


def test_masked_values_change_nothing():
    x, mask = torch.tensor([[1.0, 5.0, math.nan], [3.0, 9.0, math.inf]]), torch.tensor([[1, 1, 0], [1, 1, 0]])
    white = whiten(x, mask)
    torch.testing.assert_close(white[:, :2], whiten(x[:, :2]))
    assert white[:, 2].tolist() == [0.0, 0.0]


def test_whiten_refuses_nothing_and_nan():
    with pytest.raises(ValueError, match="nothing to whiten"):
        whiten(torch.ones(3), torch.zeros(3))
    with pytest.raises(ValueError, match="row 1 is nan"):
        whiten(torch.tensor([0.0, math.nan]))


def test_a_reward_function_of_two_models():
    def by_length(prompts, answers):
        return torch.tensor([float(len(answer)) for answer in answers])

    def by_prompt(prompts, answers):
        return torch.tensor([-float(prompt[0]) for prompt in prompts])

    prompts, answers, is_safety = [[1], [9], [1]], [[2], [4, 2], [4, 5, 2]], torch.tensor([False, False, True])
    assert two_model_reward(by_prompt, by_length)(prompts, answers, is_safety).tolist() == [1.0, -9.0, -1.0]
    assert two_model_reward(by_length, by_prompt, 0.99)(prompts, answers, is_safety).tolist() == [1.0, 2.0, 3.0]


def test_equal_answers_are_scored_once_and_in_their_places():
    asked = []

    def reward(prompts, answers, is_safety):
        asked.append(len(answers))
        return torch.tensor(
            [10.0 * prompt[0] + answer[0] + flag for prompt, answer, flag in zip(prompts, answers, is_safety.tolist())]
        )

    prompts, answers = [[1], [2], [1], [1]], [[3], [3], [3], [4]]
    flags = torch.tensor([False, True, False, False])
    assert scored_once(reward)(prompts, answers, flags).tolist() == reward(prompts, answers, flags).tolist()
    assert asked == [3, 4]
