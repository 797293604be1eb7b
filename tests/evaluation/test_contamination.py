"""Matching runs: length, budget, and which tokens are marked, against a search over every pair of places."""

import random

import pytest

from minillama.evaluation.contamination import SEED, contaminated_tokens, contamination, run_length

TEXT = list(range(30))


def test_a_run_ends_in_an_equal_token():
    assert run_length(TEXT, [*range(12), *[99] * 18]) == 12
    assert run_length(TEXT, [*range(12), 99, *range(13, 30)]) == 30


@pytest.mark.parametrize(("budget", "length"), [(0, 11), (1, 14), (2, 17), (3, 20), (4, 30)])
def test_the_budget_counts_differences(budget, length):
    text = [99 if place in (11, 14, 17, 20) else place for place in range(30)]
    assert run_length(TEXT, text, budget) == length


def test_the_first_ten_tokens_may_not_differ():
    assert run_length(TEXT, [*range(9), 99, *range(10, 30)]) == 0


def test_ten_tokens_are_no_run_and_eleven_are():
    assert sum(contaminated_tokens([TEXT], [TEXT[5:15]])[0]) == 0
    assert sum(contaminated_tokens([TEXT], [[7, *TEXT[5:16], 7]])[0]) == 11
    assert sum(contaminated_tokens([TEXT], [TEXT[-11:]])[0]) == 11


def test_the_same_tokens_are_marked_as_by_trying_every_pair_of_places():
    chance = random.Random(0)
    samples = [[chance.randrange(50) for _ in range(40)] for _ in range(6)]
    documents = []
    for sample in samples[:4]:
        edited = [50 if chance.random() < 0.1 else token for token in sample]
        documents.append([*(chance.randrange(50) for _ in range(chance.randrange(9))), *edited])
    slow = [[False] * len(sample) for sample in samples]
    for sample, marks in zip(samples, slow):
        for document in documents:
            for i in range(len(sample)):
                for j in range(len(document)):
                    length = run_length(sample[i:], document[j:])
                    if length > SEED:
                        marks[i : i + length] = [True] * length
    assert contaminated_tokens(samples, documents) == slow
    assert any(map(any, slow))
    assert not any(map(any, slow[4:]))


def test_shares():
    assert contamination([TEXT, [5] * 20], [TEXT[:15]]) == [0.5, 0.0]


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="budget is -1"):
        contaminated_tokens([TEXT], [TEXT], budget=-1)
    with pytest.raises(ValueError, match="empty"):
        contamination([[]], [TEXT])
