"""Which tokens of a test the training text holds: matching runs with a few differences (Llama 2, section A.6).

A token is contaminated when it lies in a run of more than ten tokens that the test sample and the training text share.
Runs may differ in up to four places, the *skip-gram budget*, so that a slightly edited copy is found as well. None of
those places is among the first ten tokens of a run or at its end.

The paper uses suffix arrays over 2T tokens. Here the short side, the test, is indexed and the training text is read
past it once, which finds the same runs.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

SEED = 10  # a run is longer than this, and begins with so many equal tokens
BUDGET = 4


def run_length(sample: Sequence[int], text: Sequence[int], budget: int = BUDGET) -> int:
    """Length of the run that begins at the start of both; 0 where the first ``SEED`` tokens differ somewhere.

    >>> run_length([*range(15)], [*range(12), 99, 13, 14])
    15
    >>> run_length([*range(15)], [*range(12), 99, 13, 14], budget=0)
    12
    """
    length = missed = 0
    for place, (ours, theirs) in enumerate(zip(sample, text)):
        if ours == theirs:
            length = place + 1
        elif place < SEED:
            return 0
        else:
            missed += 1
            if missed > budget:
                break
    return length


def contaminated_tokens(
    samples: Sequence[Sequence[int]], documents: Iterable[Sequence[int]], budget: int = BUDGET
) -> list[list[bool]]:
    """For each token of each sample, whether it lies in a run that one of the documents holds.

    Args:
        samples: Token ids of the test, without begin and end tokens.
        documents: Token ids of the training text.
        budget: In how many places a run may differ.

    Raises:
        ValueError: The budget is negative.
    """
    if budget < 0:
        raise ValueError(f"the skip-gram budget is {budget}; it has to be 0 or more")
    places: dict[tuple[int, ...], list[tuple[int, int]]] = defaultdict(list)
    for number, sample in enumerate(samples):
        for start in range(len(sample) - SEED):
            places[tuple(sample[start : start + SEED])].append((number, start))
    marks = [[False] * len(sample) for sample in samples]
    for document in documents:
        for place in range(len(document) - SEED):
            for number, start in places.get(tuple(document[place : place + SEED]), ()):
                sample = samples[number]
                length = run_length(sample[start:], document[place:], budget)
                if length > SEED:
                    marks[number][start : start + length] = [True] * length
    return marks


def contamination(
    samples: Sequence[Sequence[int]], documents: Iterable[Sequence[int]], budget: int = BUDGET
) -> list[float]:
    """Share of contaminated tokens of each sample.

    Raises:
        ValueError: A sample is empty, or the budget is negative.
    """
    if not all(samples):
        raise ValueError("a sample is empty; give at least one token of each")
    return [sum(marks) / len(marks) for marks in contaminated_tokens(samples, documents, budget)]
