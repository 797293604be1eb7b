"""What the claims about reward models share: scores of pairs, shuffled ratings, likelihoods, estimates over seeds."""

import numpy as np
import pytest
import torch

from minillama.alignment.preferences import PreferencePair
from minillama.experiments import Row
from minillama.experiments._reward_pairs import (
    Scored,
    error_of,
    likelihood_scorer,
    mean_and_error,
    mean_of,
    pooled,
    shuffled,
    with_error,
    with_shuffled_ratings,
)
from minillama.model import ModelArgs, Transformer

RATINGS = ("significantly_better", "better", "slightly_better", "negligibly_better")


def pairs(count):
    return [
        PreferencePair(
            prompt={"text": f"Question {n}?"}, chosen=f"Yes {n}.", rejected="No.", rating=RATINGS[n % 4],
            aspect="helpfulness",
        )
        for n in range(count)
    ]  # fmt: skip


def some_scored():
    return Scored(
        chosen=np.array([2.0, 1.0, 0.0, 3.0]),
        rejected=np.array([1.0, 1.0, 1.0, 0.0]),
        ratings=RATINGS,
        safe=((True, False), (True, True), (True, True), (False, False)),
    )


def test_equal_scores_count_half_and_gaps_have_a_sign():
    found = some_scored()
    assert found.right.tolist() == [1.0, 0.5, 0.0, 1.0]
    assert found.gaps.tolist() == [1.0, 0.0, -1.0, 3.0]
    assert found.answers.tolist() == [2.0, 1.0, 0.0, 3.0, 1.0, 1.0, 1.0, 0.0]


def test_clear_pairs_leave_out_negligible_ones():
    clear = some_scored().clear
    assert clear.ratings == RATINGS[:3]
    assert clear.safe == ((True, False), (True, True), (True, True))
    assert clear.chosen.tolist() == [2.0, 1.0, 0.0]


def test_shuffled_ratings_are_the_same_ratings_on_other_pairs():
    before = pairs(40)
    after = with_shuffled_ratings(before, 3)
    assert sorted(p.rating for p in after) == sorted(p.rating for p in before)
    assert [p.rating for p in after] != [p.rating for p in before]
    assert [p.chosen for p in after] == [p.chosen for p in before]
    assert with_shuffled_ratings(before, 3) == after
    assert with_shuffled_ratings(before, 4) != after


def test_the_order_of_pairs_follows_the_seed():
    assert shuffled(pairs(30), 1) == shuffled(pairs(30), 1) != shuffled(pairs(30), 2)
    assert sorted(p.chosen for p in shuffled(pairs(30), 1)) == sorted(p.chosen for p in pairs(30))


def test_a_likelihood_is_the_mean_of_the_answers_tokens():
    torch.manual_seed(0)
    args = ModelArgs(dim=16, n_layers=1, n_heads=2, vocab_size=24, multiple_of=8, max_seq_len=32)
    model = Transformer(args).eval()
    prompts, answers = [(1, 5, 6), (1, 7)], [(8, 2), (9, 10, 11, 2)]
    scores = likelihood_scorer(model)(prompts, answers)
    for prompt, answer, score in zip(prompts, answers, scores):
        row = [*prompt, *answer]
        logprobs = model(torch.tensor([row])).log_softmax(dim=-1)[0]
        by_hand = [logprobs[place - 1, row[place]].item() for place in range(len(prompt), len(row))]
        assert score.item() == pytest.approx(sum(by_hand) / len(by_hand), abs=1e-4)


def test_a_mean_has_a_standard_error():
    assert mean_and_error([0.0, 1.0]) == (0.5, 0.5)
    assert with_error("gain", [0.0, 1.0]) == {"gain": 0.5, error_of("gain"): 0.5}
    with pytest.raises(ValueError, match="at least 2"):
        mean_and_error([1.0])


def test_seeds_are_pooled_with_an_interval():
    rows = [
        Row(arm="a", seed=seed, numbers={"gain": gain, error_of("gain"): 0.03})
        for seed, gain in enumerate((0.1, 0.2, 0.3))
    ]
    found = pooled(rows, "a", "gain")
    assert found.mean == pytest.approx(0.2)
    assert found.high - found.mean == pytest.approx(1.96 * 0.03 * 3**0.5 / 3)
    assert found.by_seed == (0.1, 0.2, 0.3)
    assert found.above_zero
    assert mean_of(rows, "a", "gain") == pytest.approx(0.2)


def test_one_seed_below_zero_is_not_above_zero():
    rows = [
        Row(arm="a", seed=seed, numbers={"gain": gain, error_of("gain"): 0.01})
        for seed, gain in enumerate((0.4, 0.4, -0.1))
    ]
    assert pooled(rows, "a", "gain").low > 0
    assert not pooled(rows, "a", "gain").above_zero


@pytest.mark.parametrize("function", [pooled, mean_of])
def test_an_arm_that_is_not_there_is_named(function):
    with pytest.raises(ValueError, match="lack the arm 'b'"):
        function([Row(arm="a", seed=0, numbers={"gain": 0.1})], "b", "gain")
