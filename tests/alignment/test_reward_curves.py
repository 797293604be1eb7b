"""Curves of best-of-N from one sample: equal to the mean over all subsets, for scores and for the judge's values."""

import itertools
import statistics

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minillama.alignment.best_of_n import best_of_n
from minillama.alignment.reward_curves import median_weights, order_statistic_weights, reward_curves
from minillama.generation import Generation


def over_all_subsets(scores, values, usable, n):
    """Mean maximum, median and picked value over all subsets, by the definition."""
    picked, medians, maxima = [], [], []
    for subset in itertools.combinations(range(len(scores)), n):
        generation = Generation(
            tokens=[[5, 2]] * n, logprobs=[[0.0, 0.0]] * n, finished=[usable[index] for index in subset]
        )
        row = int(best_of_n(generation, torch.tensor([scores[index] for index in subset]), n))
        picked.append(values[subset[row]])
        maxima.append(scores[subset[row]])
        medians.append(statistics.median(scores[index] for index in subset))
    return tuple(statistics.fmean(each) for each in (maxima, medians, picked))


def test_hand_computed_maximum_and_median_of_two_of_three():
    """Subsets of {1, 5, 3}: {1, 5}, {1, 3}, {5, 3} have maxima 5, 3, 5 and medians 3, 2, 4."""
    curves = reward_curves(torch.tensor([[1.0, 5.0, 3.0]]), [1, 2, 3], values=torch.tensor([[10.0, 0.0, 7.0]]))
    assert curves.ns == (1, 2, 3)
    assert curves.maximum.tolist() == [pytest.approx([3, 13 / 3, 5])]
    assert curves.median.tolist() == [pytest.approx([3, 3, 3])]
    assert curves.picked.tolist() == [pytest.approx([17 / 3, 7 / 3, 0])]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_they_equal_the_mean_over_all_subsets(data):
    """Scores from few values, so that ties come; some answers not usable."""
    count = data.draw(st.integers(1, 7))

    def table(elements):
        return data.draw(st.lists(elements, min_size=count, max_size=count))

    scores, values, usable = table(st.sampled_from([-1.0, 0.0, 0.5, 2.0])), table(st.floats(0, 1)), table(st.booleans())
    n = data.draw(st.integers(1, count))
    curves = reward_curves(
        torch.tensor([scores]),
        [n],
        values=torch.tensor([values], dtype=torch.float64),
        usable=torch.tensor([usable]),
    )
    found = curves.maximum.item(), curves.median.item(), curves.picked.item()
    assert found == pytest.approx(over_all_subsets(scores, values, usable, n), abs=1e-9)


@pytest.mark.parametrize(("samples", "n"), [(1, 1), (7, 3), (100, 50), (2000, 1000)])
def test_weights_are_a_distribution(samples, n):
    for weights in (order_statistic_weights(samples, n, n), median_weights(samples, n)):
        assert weights.min() >= 0
        assert weights.sum().item() == pytest.approx(1, abs=1e-9)


def test_without_bias_where_reusing_the_first_n_answers_is_only_noisier():
    """Maximum of n uniform numbers has mean n / (n + 1); the estimate from 40 has that mean and a smaller spread."""
    torch.manual_seed(0)
    scores = torch.rand(4000, 40)
    curve = reward_curves(scores, [1, 4, 16, 40]).maximum
    for column, n in enumerate((1, 4, 16, 40)):
        assert curve[:, column].mean().item() == pytest.approx(n / (n + 1), abs=0.006)
    assert curve[:, 1].std() < 0.5 * scores[:, :4].amax(dim=1).std()


def test_maximum_grows_and_a_median_stays():
    torch.manual_seed(1)
    curves = reward_curves(torch.randn(200, 101), [1, 3, 9, 27, 81])
    assert (curves.maximum.diff(dim=1) > 0).all()
    assert curves.median.mean(dim=0).tolist() == pytest.approx([curves.median[:, 0].mean().item()] * 5, abs=0.02)


def test_a_constant_reward_gains_nothing():
    curves = reward_curves(torch.zeros(3, 8), [1, 8], values=torch.ones(3, 8))
    assert curves.maximum.abs().max() == 0
    assert curves.picked.tolist() == [[pytest.approx(1.0)] * 2] * 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ns": [0]}, "from 1 to the 3"),
        ({"ns": [4]}, "from 1 to the 3"),
        ({"ns": []}, "ns is"),
        ({"scores": torch.tensor([[0.0, float("nan"), 1.0]])}, r"scores\[0, 1\] is nan"),
        ({"scores": torch.zeros(0, 3)}, "0 prompts"),
        ({"values": torch.tensor([[0.0, 1.0, float("inf")]])}, r"values\[0, 2\] is inf"),
    ],
)
def test_faults_are_named(changes, message):
    arguments = {"scores": torch.zeros(1, 3), "ns": [1]} | changes
    with pytest.raises(ValueError, match=message):
        reward_curves(arguments.pop("scores"), arguments.pop("ns"), **arguments)
