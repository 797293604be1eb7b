import os
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minillama import Tokenizer as LazyTokenizer
from minillama.tokenizer import Tokenizer

from .conftest import CORPUS


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(CORPUS, vocab_size=500)


def test_layout_of_the_ids(tokenizer):
    assert LazyTokenizer is Tokenizer
    assert tokenizer.vocab_size == len(tokenizer.pieces) == len(tokenizer.scores) == 500
    assert tokenizer.pieces[:4] == ["<unk>", "<s>", "</s>", "<0x00>"]
    assert tokenizer.pieces[258] == "<0xFF>"
    assert (tokenizer.unk_id, tokenizer.bos_id, tokenizer.eos_id, tokenizer.pad_id) == (0, 1, 2, 0)
    assert tokenizer.scores[:259] == [0.0] * 259
    assert tokenizer.scores[259:] == [-float(i) for i in range(241)]
    lengths = [len(piece) for piece in tokenizer.pieces[259:]]
    first_character = lengths.index(1)
    assert min(lengths[:first_character]) > 1  # merges first, then the characters
    assert set(lengths[first_character:]) == {1}


def test_a_case_by_hand():
    # ab is the most frequent pair (4), then ▁+ab (3): five characters leave room for exactly these two merges.
    tokenizer = Tokenizer.train(["ab ab abc", "ab1"], vocab_size=259 + 2 + 5, character_coverage=1.0)
    assert tokenizer.pieces[259:] == ["ab", "▁ab", "a", "b", "▁", "1", "c"]
    assert tokenizer.encode("ab abc") == [260, 260, 265]
    assert tokenizer.encode("ba") == [263, 262, 261]
    assert tokenizer.encode("é\n") == [263, 3 + 0xC3, 3 + 0xA9, 3 + 0x0A]


def test_bos_and_eos(tokenizer):
    assert tokenizer.encode("", bos=True, eos=True) == [1, 2]
    assert tokenizer.encode("the", bos=True, eos=True) == [1, *tokenizer.encode("the"), 2]
    assert tokenizer.decode(tokenizer.encode("  the ", bos=True, eos=True)) == "  the "


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\u2581")))
def test_round_trip(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("text", ["<s>", "</s>", "<unk>", "[INST] <s>x</s> <0x0A>"])
def test_specials_in_text_are_characters(tokenizer, text):
    ids = tokenizer.encode(text)
    assert not {0, 1, 2, 3 + 0x0A} & set(ids)
    assert tokenizer.decode(ids) == text


def test_newline_is_a_byte_and_digits_stand_alone(tokenizer):
    assert tokenizer.encode("\n")[-1] == 3 + 0x0A
    digits = [piece for piece in tokenizer.pieces[259:] if any(c.isdigit() for c in piece)]
    assert digits
    assert all(len(piece) == 1 for piece in digits)


def test_part_of_a_character_decodes_to_the_replacement_character(tokenizer):
    ids = tokenizer.encode("\U0001f9ff")
    assert tokenizer.decode(ids[:-1]) == "\ufffd" * 3
    assert tokenizer.decode([3 + 0xFF, *tokenizer.encode("the")]) == "\ufffd the"


def test_decode_takes_any_integers_and_refuses_others(tokenizer):
    ids = tokenizer.encode("the valley")
    assert tokenizer.decode(np.array(ids)) == "the valley"
    for bad in ([500], [-1], ["the"], [1.5]):
        with pytest.raises(ValueError, match=r"id .*(outside the vocabulary; ids run from 0 to 499|not an integer)"):
            tokenizer.decode(i for i in bad)


def test_surrogates_are_refused(tokenizer):
    with pytest.raises(ValueError, match=r"lone surrogate '\\ud800'"):
        tokenizer.encode("a\ud800")
    assert tokenizer.encode("a")  # a refused text leaves nothing behind


def test_long_text_without_spaces_takes_no_quadratic_time(tokenizer):
    import time

    start = time.perf_counter()
    tokenizer.encode("ab" * 2_000)
    short = time.perf_counter() - start
    start = time.perf_counter()
    tokenizer.encode("ab" * 32_000)
    assert time.perf_counter() - start < 16 * 6 * short


def test_save_load_pickle_equality(tokenizer, tmp_path):
    path = tmp_path / "tokenizer.model"
    tokenizer.save(path)
    assert os.listdir(tmp_path) == ["tokenizer.model"]
    for copy in (Tokenizer.load(path), Tokenizer.load(str(path)), pickle.loads(pickle.dumps(tokenizer))):
        assert copy == tokenizer
        assert hash(copy) == hash(tokenizer)
        assert copy.encode("the valley") == tokenizer.encode("the valley")
    assert Tokenizer.train(CORPUS, vocab_size=500) == tokenizer  # training is deterministic
    assert Tokenizer.train(CORPUS, vocab_size=501) != tokenizer
    assert tokenizer != "tokenizer"


def test_a_failed_save_leaves_the_old_file(tokenizer, tmp_path, monkeypatch):
    path = tmp_path / "tokenizer.model"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        tokenizer.save(path)
    assert os.listdir(tmp_path) == ["tokenizer.model"]
    assert path.read_bytes() == b"old"


def test_encode_refuses_what_is_no_text(tokenizer):
    # the run-time type check of the test-suite speaks first; without it the method's own ValueError does
    with pytest.raises(ValueError, match="encode takes one str"):
        Tokenizer.encode.__wrapped__(tokenizer, ["the"])
