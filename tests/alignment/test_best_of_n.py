"""The best of N: the choice itself, what may not win, and sampling in pieces that fit into memory."""

import importlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minillama.alignment.best_of_n import best_of_n, blank_token_ids, bytes_of_row, sample_answers, usable_answers
from minillama.generation import Generation, generate
from minillama.model import ModelArgs, Transformer
from minillama.tokenizer import Tokenizer

MODULE = importlib.import_module("minillama.alignment.best_of_n")  # the package has a function of that name

GOOD, CUT_OFF, EMPTY = [7, 8, 2], [7, 8, 9], [2]


def answers(*rows):
    return Generation(tokens=list(rows), logprobs=[[0.0] * len(row) for row in rows], finished=[2 in r for r in rows])


def good(rows):
    return answers(*[GOOD] * rows)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    args = ModelArgs(dim=16, n_layers=2, n_heads=2, vocab_size=11, multiple_of=8, max_seq_len=40, rope_theta=100.0)
    return Transformer(args)


def test_the_highest_score_of_each_prompt_wins():
    scores = torch.tensor([0.1, 0.9, 0.5, -3.0, -2.0, -1.0])
    assert best_of_n(good(6), scores, 3).tolist() == [1, 5]
    assert best_of_n(good(6), scores, 2).tolist() == [1, 2, 5]
    assert best_of_n(good(6), scores, 1).tolist() == [0, 1, 2, 3, 4, 5]


def test_of_equal_scores_the_first_wins():
    assert best_of_n(good(6), torch.tensor([1.0, 2.0, 2.0, 5.0, 5.0, 5.0]), 3).tolist() == [1, 3]
    assert best_of_n(good(6), torch.zeros(6), 3).tolist() == [0, 3]


def test_cut_off_and_empty_answers_win_only_where_there_is_nothing_else():
    generation = answers(CUT_OFF, GOOD, EMPTY, EMPTY, CUT_OFF, CUT_OFF)
    assert usable_answers(generation).tolist() == [False, True, False, False, False, False]
    assert best_of_n(generation, torch.tensor([9.0, -9.0, 8.0, 1.0, 3.0, 2.0]), 3).tolist() == [1, 4]


def test_a_usable_answer_wins_even_at_minus_infinity():
    generation = answers(CUT_OFF, GOOD)
    assert best_of_n(generation, torch.tensor([-torch.inf, -torch.inf]), 2).tolist() == [1]


def test_an_answer_of_spaces_is_empty_once_the_tokenizer_says_so():
    tokenizer = Tokenizer.train(["Ada lives in Greyport.\nBen  lives in Dunmoor. " * 20], vocab_size=300)
    blank = blank_token_ids(tokenizer)
    spaces = [*tokenizer.encode("   "), tokenizer.encode("\n")[-1], 2]
    words = [*tokenizer.encode("Ada"), 2]
    assert {1, 2} <= blank
    assert not blank & set(tokenizer.encode("Adalivesin.")) - set(tokenizer.encode(" "))
    generation = answers(spaces, words)
    assert usable_answers(generation).tolist() == [True, True]
    assert usable_answers(generation, blank).tolist() == [False, True]
    assert best_of_n(generation, torch.tensor([5.0, 1.0]), 2, blank_ids=blank).tolist() == [1]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_it_agrees_with_a_plain_loop(data):
    n, prompts = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 4))
    rows = data.draw(st.lists(st.sampled_from([GOOD, CUT_OFF, EMPTY]), min_size=n * prompts, max_size=n * prompts))
    scores = data.draw(st.lists(st.integers(-2, 2), min_size=n * prompts, max_size=n * prompts))
    expected = []
    for prompt in range(prompts):
        best = None
        for row in range(prompt * n, prompt * n + n):
            key = (rows[row] is GOOD, scores[row])
            if best is None or key > best[0]:
                best = key, row
        expected.append(best[1])
    assert best_of_n(answers(*rows), torch.tensor(scores, dtype=torch.float32), n).tolist() == expected


@pytest.mark.parametrize(
    ("rows", "scores", "n", "message"),
    [
        (4, [0.0, 1.0, float("nan"), 2.0], 2, "row 2 is NaN"),
        (4, [0.0, 1.0, 2.0], 2, r"shape \(3,\)"),
        (4, [[0.0, 1.0], [1.0, 2.0]], 2, r"shape \(2, 2\)"),
        (4, [0.0] * 4, 3, "4 answers and n is 3"),
        (4, [0.0] * 4, 0, "n is 0"),
        (0, [], 1, "0 answers"),
    ],
)
def test_what_cannot_be_ranked_is_refused(rows, scores, n, message):
    with pytest.raises(ValueError, match=message):
        best_of_n(good(rows), torch.tensor(scores), n)


PROMPTS = [[1, 4, 5], [1, 6], [1, 3, 3, 3, 8], [1, 9]]


def test_shared_prefill_gives_what_separate_rows_give(model):
    shared = sample_answers(model, PROMPTS, 3, max_new_tokens=12, seed=5)
    for index, prompt in enumerate(PROMPTS):
        # The same prompt three times in one call counts its samples on, each read for itself.
        alone = generate(model, [prompt], 12, n=3, seed=5)
        assert shared.tokens[3 * index : 3 * index + 3] == alone.tokens
        assert shared.finished[3 * index : 3 * index + 3] == alone.finished


@pytest.mark.parametrize("rows_at_once", [3, 5, 7])
def test_memory_changes_nothing_while_a_piece_holds_n_rows(model, monkeypatch, rows_at_once):
    whole = generate(model, PROMPTS, 12, n=3, seed=5)
    monkeypatch.setattr(MODULE, "bytes_of_row", lambda *_: 2**20 // rows_at_once)
    widths = watch_widths(monkeypatch)
    pieces = sample_answers(model, PROMPTS, 3, max_new_tokens=12, seed=5, cache_megabytes=1)
    assert pieces.tokens == whole.tokens
    assert pieces.finished == whole.finished
    for row, other in zip(pieces.logprobs, whole.logprobs, strict=True):
        assert row == pytest.approx(other, abs=1e-5)
    assert max(widths) <= rows_at_once
    assert len(widths) > 1


def watch_widths(monkeypatch):
    """Rows of each call of `generate` from now on."""
    widths = []

    def watched(model, prompts, max_new_tokens, *, n, **rest):
        widths.append(len(prompts) * n)
        return generate(model, prompts, max_new_tokens, n=n, **rest)

    monkeypatch.setattr(MODULE, "generate", watched)
    return widths


def test_samples_of_a_prompt_differ_however_it_is_cut(model, monkeypatch):
    """With one seed for all calls the second piece would repeat the first, and so would a prompt that comes twice."""
    monkeypatch.setattr(MODULE, "bytes_of_row", lambda *_: 2**19)
    result = sample_answers(model, [[1, 4], [1, 4]], 5, max_new_tokens=20, seed=5, cache_megabytes=1)
    long = [tuple(row) for row in result.tokens if len(row) > 3]  # short ones may well be equal by chance
    assert len(set(long)) == len(long) >= 5


def test_the_memory_of_a_row_is_that_of_its_cache(model):
    """2 layers, keys and values, 2 heads of 8 numbers, 4 bytes: 256 bytes a slot, copied once; 11 logits."""
    assert bytes_of_row(model, 20) == 2 * 256 * 20 + 11 * 16
    cache = model.new_cache(1, 20)
    assert cache.keys.nbytes + cache.values.nbytes == 256 * 20


@pytest.mark.parametrize("wrong", [{"n": 0}, {"cache_megabytes": 0}, {"prompts": []}])
def test_sampling_nothing_is_refused(model, wrong):
    arguments = {"prompts": PROMPTS, "n": 2, "max_new_tokens": 4} | wrong
    with pytest.raises(ValueError, match="must be at least 1"):
        sample_answers(model, **arguments)
