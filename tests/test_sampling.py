"""Each setting against its definition, on distributions small enough to write down."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minillama.sampling import SamplingSettings, choose_tokens, row_uniforms

PROBS = torch.tensor([0.1, 0.4, 0.05, 0.3, 0.15])  # in falling order: ids 1, 3, 4, 0, 2


def share_of_each(probs=PROBS, count=20_000, **kwargs):
    """How often each token comes, with uniforms spread evenly over the unit interval."""
    uniforms = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    tokens, _ = choose_tokens(probs.log().expand(count, -1), uniforms, SamplingSettings(**kwargs))
    return torch.bincount(tokens, minlength=len(probs)) / count


def test_plain_sampling_gives_the_distribution():
    assert torch.allclose(share_of_each(), PROBS, atol=1e-3)


def test_temperature_divides_the_logits():
    assert torch.allclose(share_of_each(temperature=2.0), PROBS.sqrt() / PROBS.sqrt().sum(), atol=1e-3)
    assert share_of_each(temperature=1e-9).tolist() == [0, 1, 0, 0, 0]
    assert share_of_each(temperature=0.0).tolist() == [0, 1, 0, 0, 0]


def test_top_k_keeps_the_likeliest():
    assert torch.allclose(share_of_each(top_k=2), torch.tensor([0, 4, 0, 3, 0]) / 7, atol=1e-3)
    assert torch.allclose(share_of_each(top_k=99), PROBS, atol=1e-3)


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0.05, [1]), (0.39, [1]), (0.41, [1, 3]), (0.69, [1, 3]), (0.71, [1, 3, 4]), (0.999, range(5))]
)
def test_top_p_keeps_the_smallest_set_that_reaches_it(top_p, kept):
    expected = torch.zeros(5)
    expected[list(kept)] = PROBS[list(kept)] / PROBS[list(kept)].sum()
    assert torch.allclose(share_of_each(top_p=top_p), expected, atol=1e-3)


def test_top_p_comes_after_top_k():
    # Of the two likeliest, 0.4 and 0.3, the first has 4/7 of what is left.
    assert share_of_each(top_k=2, top_p=0.55)[1] == 1
    assert torch.allclose(share_of_each(top_k=2, top_p=0.6), torch.tensor([0, 4, 0, 3, 0]) / 7, atol=1e-3)


def test_top_p_looks_further_when_the_distribution_is_flat():
    flat = torch.full((1000,), 1e-3)
    assert int((share_of_each(flat, top_p=0.5) > 0).sum()) in (500, 501)


def test_logprobs_are_of_the_whole_distribution_at_the_temperature():
    logits = PROBS.log().expand(3, -1)
    uniforms = torch.tensor([0.0, 0.5, 0.9], dtype=torch.float64)
    for kwargs in ({}, {"top_k": 2}, {"top_p": 0.5}, {"temperature": 0.5}, {"temperature": 0.5, "top_k": 2}):
        tokens, logprobs = choose_tokens(logits, uniforms, SamplingSettings(**kwargs))
        whole = torch.log_softmax(PROBS.log() / kwargs.get("temperature", 1.0), dim=-1)
        assert torch.allclose(logprobs, whole[tokens])
    _, greedy = choose_tokens(logits, uniforms, SamplingSettings(temperature=0.0))
    assert torch.allclose(greedy, torch.full((3,), math.log(0.4)))


@given(
    st.lists(st.one_of(st.just(-math.inf), st.floats(-80, 80, width=32)), min_size=2, max_size=80),
    st.sampled_from([0.0, 0.5, 1 - 2.0**-53]),
    st.sampled_from([{}, {"top_k": 3}, {"top_p": 0.9}, {"temperature": 0.01}, {"temperature": 50.0}]),
)
@settings(max_examples=100, deadline=None)
def test_what_has_no_probability_is_never_chosen(logits, uniform, kwargs):
    if max(logits) == -math.inf:
        logits[0] = 0.0
    row = torch.tensor([logits])
    tokens, logprobs = choose_tokens(row, torch.tensor([uniform], dtype=torch.float64), SamplingSettings(**kwargs))
    assert row[0, tokens[0]] > -math.inf
    assert logprobs[0] > -math.inf


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"temperature": -0.1}, r"temperature is -0\.1"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"temperature": math.inf}, "temperature is inf"),
        ({"top_k": 0}, "top_k is 0"),
        ({"top_p": 0.0}, r"top_p is 0\.0"),
        ({"top_p": 1.01}, r"top_p is 1\.01"),
        ({"top_p": math.nan}, "top_p is nan"),
    ],
)
def test_settings_out_of_range_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        SamplingSettings(**kwargs)


def test_uniforms_are_uniform_and_independent():
    numbers = row_uniforms(0, [((row,), 0) for row in range(400)], 500)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    counts, _ = np.histogram(numbers, bins=20, range=(0, 1))
    assert abs(counts / 10_000 - 1).max() < 0.05
    for first, second in ((numbers[:, :-1], numbers[:, 1:]), (numbers[:-1], numbers[1:])):
        assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.01


def test_uniforms_belong_to_seed_prompt_and_sample():
    rows = [((1, 2), 0), ((1, 2), 1), ((12,), 0)]
    numbers = row_uniforms(5, rows, 8)
    assert len({tuple(row) for row in numbers}) == 3
    assert np.array_equal(row_uniforms(5, rows[::-1], 4), numbers[::-1, :4])
    assert not np.array_equal(row_uniforms(6, rows, 8), numbers)
    # The same on every machine and in every version: samples that a report quotes must come again.
    assert numbers[0, 0] == pytest.approx(row_uniforms(5, [([1, 2], 0)], 1)[0, 0], abs=0)
