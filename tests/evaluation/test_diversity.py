"""Self-BLEU: by hand, and against a plain double loop."""

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minillama.evaluation.diversity import self_bleu


def plain_bleu(text, others, n, smooth):
    """BLEU as its definition reads, one reference at a time."""
    if not text:
        return 1.0 if () in others else 0.0
    logs = 0.0
    orders = range(1, min(n, len(text)) + 1)
    for order in orders:
        grams = [Counter(t[i : i + order] for i in range(len(t) - order + 1)) for t in (text, *others)]
        hits = sum(min(count, max(other[gram] for other in grams[1:])) for gram, count in grams[0].items())
        total = sum(grams[0].values())
        if hits == 0 and (order == 1 or not smooth):
            return 0.0
        logs += math.log((hits + 1) / (total + 1) if smooth and order > 1 else hits / total)
    nearest = min((len(other) for other in others), key=lambda length: (abs(length - len(text)), length))
    return min(1.0, math.exp(1 - nearest / len(text))) * math.exp(logs / len(orders))


def test_equal_texts_give_one_and_disjoint_ones_zero():
    for smooth in (False, True):
        for text in ("the cat sat on the mat", "a b", "yes", ""):
            assert self_bleu([text] * 3, smooth=smooth) == 1
        assert self_bleu(["a b c d e", "f g h i j", "k l m n o"], smooth=smooth) == 0


def test_by_hand():
    # Unigrams 3/4, bigrams 2/3 both ways; equal lengths.
    assert self_bleu(["a b c d", "a b c e"], n=2) == pytest.approx(math.sqrt(3 / 4 * 2 / 3))
    assert self_bleu(["a b c d", "a b c e"]) == 0  # trigrams 1/2, but no common 4-gram
    assert self_bleu(["a b c d", "a b c e"], smooth=True) == pytest.approx((3 / 4 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25)
    # "a a" has two a's, the other one: clipped to 1/2. "a" finds its a; it is shorter: exp(1 - 2/1).
    assert self_bleu(["a a", "a"], n=1) == pytest.approx((1 / 2 + math.exp(-1)) / 2)
    # Each n-gram may come from another reference; lengths 2 3 3: for "a b" the brevity penalty is exp(1 - 3/2).
    first = math.exp(-1 / 2)  # both words found
    second = (1 / 3 + 1 / 3) / 1  # "a x y" finds a; "b z w" finds b
    assert self_bleu(["a b", "a x y", "b z w"], n=1) == pytest.approx((first + second) / 3)


WORDS = st.lists(st.sampled_from("abc"), max_size=7).map(tuple)


@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS, min_size=2, max_size=6), st.integers(1, 4), st.booleans())
def test_one_pass_agrees_with_the_double_loop(texts, n, smooth):
    plain = [plain_bleu(text, texts[:i] + texts[i + 1 :], n, smooth) for i, text in enumerate(texts)]
    value = self_bleu(texts, n, smooth=smooth)
    assert value == pytest.approx(sum(plain) / len(plain))
    assert 0 <= value <= 1
    assert self_bleu(texts[::-1], n, smooth=smooth) == pytest.approx(value)
    assert self_bleu([" ".join(text) for text in texts], n, smooth=smooth) == pytest.approx(value)


def test_token_ids_will_do_and_more_variety_gives_less():
    narrow = [[1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [1, 2, 3, 4, 6]]
    wide = [[1, 2, 3, 4, 5], [1, 7, 3, 8, 5], [9, 2, 3, 4, 6]]
    assert self_bleu(narrow) > self_bleu(wide)
    assert self_bleu(narrow, smooth=True) > self_bleu(wide, smooth=True) > 0


def test_one_text_and_no_order_are_refused():
    for bad in ([], ["alone"], "a b c"):
        with pytest.raises(ValueError, match="at least two"):
            self_bleu(bad)
    with pytest.raises(ValueError, match="n is"):
        self_bleu(["a", "b"], n=0)
