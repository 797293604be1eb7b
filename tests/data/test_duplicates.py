import random

import numpy as np
import pytest

from minillama.data.duplicates import exact_duplicates, minhash, near_duplicates, shingles


def words(rng, n):
    return ["".join(rng.choices("abcdefghij", k=6)) for _ in range(n)]


def jaccard(first, second):
    one, two = (set(shingles(text).tolist()) for text in (first, second))
    return len(one & two) / len(one | two)


def test_exact_duplicates_name_the_first():
    assert exact_duplicates(["A fox.", "b", "a  FOX.\n", "a fox", "A fox."]) == [None, None, 0, None, 0]


def test_shingles_are_the_runs_of_words():
    assert len(shingles("one two three four five")) == 3
    assert set(shingles("two three four").tolist()) < set(shingles("one two three four five").tolist())
    assert len(shingles("one two")) == len(shingles("")) == 1
    assert shingles("one two three").tolist() != shingles("three two one").tolist()


def test_equal_minima_estimate_the_jaccard_similarity():
    rng = random.Random(0)
    base = words(rng, 300)
    for changed in (0, 5, 20, 60, 150):
        other = base.copy()
        for place in rng.sample(range(300), changed):
            other[place] = "new"
        pair = " ".join(base), " ".join(other)
        first, second = minhash(pair, permutations=1024)
        assert np.mean(first == second) == pytest.approx(jaccard(*pair), abs=0.06)


def test_signatures_do_not_depend_on_the_company():
    texts = [" ".join(words(random.Random(i), 5 + i % 40)) for i in range(1203)]
    together = minhash(texts, permutations=16)
    for index in (0, 999, 1000, 1202):
        assert (minhash([texts[index]], permutations=16)[0] == together[index]).all()


def test_near_duplicates_are_found_and_others_are_not():
    rng = random.Random(1)
    texts = [" ".join(words(rng, 80)) for _ in range(60)]
    copies = [text + " and that is all" for text in texts[:20]]
    half = [" ".join(text.split()[:40] + words(rng, 40)) for text in texts[20:40]]
    found = near_duplicates(texts + copies + half)
    assert found[:60] == [None] * 60
    assert found[60:80] == list(range(20))
    assert found[80:] == [None] * 20
    assert near_duplicates([]) == []


def test_faults_are_named():
    with pytest.raises(ValueError, match="threshold is 0"):
        near_duplicates(["a"], threshold=0.0)
    with pytest.raises(ValueError, match="30 bands do not divide 128"):
        near_duplicates(["a"], bands=30)
