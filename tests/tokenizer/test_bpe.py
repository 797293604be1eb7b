import itertools
from collections import Counter

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from minillama.tokenizer import BPESettings, Tokenizer, is_valid_piece, learn_merges, train_bpe
from minillama.tokenizer.words import LONGEST_CHUNK, choose_alphabet, count_words, split_chunks

from .conftest import CORPUS, train_with_library


def learn_by_recounting(chunks, n_merges, max_length=16):
    """The definition of BPE, word for word: count every pair anew before each merge."""
    words = [(tuple(chunk), count) for chunk, count in chunks.items()]
    pieces = []
    while len(pieces) < n_merges:
        counts = Counter()
        for symbols, count in words:
            previous = None
            for pair in itertools.pairwise(symbols):
                if pair == previous:  # aaa holds aa once, aaaa twice
                    previous = None
                    continue
                counts[pair] += count
                previous = pair
        candidates = [p for p in counts if is_valid_piece("".join(p), max_length)]
        if not candidates:
            break
        best = min(candidates, key=lambda p: (-counts[p], len("".join(p)), "".join(p), p))
        pieces.append("".join(best))
        words = [(merge(symbols, best), count) for symbols, count in words]
    return pieces


def merge(symbols, pair):
    out, i = [], 0
    while i < len(symbols):
        if symbols[i : i + 2] == pair:
            out.append("".join(pair))
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return tuple(out)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.text("ab▁", min_size=2, max_size=14), st.integers(1, 5), min_size=1, max_size=6),
    st.integers(1, 30),
    st.sampled_from([3, 16]),
)
def test_incremental_counts_equal_recounting(chunks, n_merges, max_length):
    assert learn_merges(chunks, n_merges, max_length) == learn_by_recounting(chunks, n_merges, max_length)


def test_incremental_counts_equal_recounting_on_text():
    words = count_words(CORPUS)
    chunks = split_chunks(words, choose_alphabet(words, 0.99995))
    assert learn_merges(chunks, 250) == learn_by_recounting(chunks, 250)


def test_cutting_into_chunks_changes_nothing():
    # whole words, with the rule about pieces alone to stop merges, give the same merges as chunks
    words = count_words(CORPUS)
    alphabet = choose_alphabet(words, 1.0)
    assert learn_merges(split_chunks(words, alphabet), 250) == learn_by_recounting(words, 250)


def test_chunks_by_hand():
    words = count_words(["don't 5x", "don't  naïve"])
    assert words == {"▁don't": 2, "▁5x": 1, "▁▁naïve": 1}
    assert split_chunks(words, choose_alphabet(words, 1.0)) == {"▁don": 2, "▁▁naïve": 1}
    assert split_chunks(words, "▁natx") == {"▁▁na": 1}
    assert split_chunks({"a\u0301!\u0301\u0301b!": 3}, "ab!\u0301") == {"a\u0301!\u0301\u0301b": 3}


def test_same_pieces_as_the_library():
    texts = [text for text in CORPUS if "\n" not in text and "  " not in text]
    ours = Tokenizer.train(texts, vocab_size=490, character_coverage=1.0)
    library = sentencepiece.SentencePieceProcessor(model_proto=train_with_library(texts, 490, character_coverage=1.0))
    assert ours.pieces == [library.id_to_piece(i) for i in range(490)]


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("the", True),
        ("▁the", True),
        ("▁", True),
        ("▁" * 16, True),
        ("▁" * 17, False),
        ("▁▁the", False),
        ("the▁", False),
        ("7", True),
        ("77", False),
        ("▁7", False),
        ("１２", False),
        ("a7", False),
        ("don't", False),
        ("...", True),
        ("日本のカタカナー", True),
        ("日a", False),
        ("мiр", False),
        ("e\u0301tude", True),
        ("\u0301日", True),
        ("a\u0301日", False),
        ("x" * 16, True),
        ("x" * 17, False),
        ("a\n", False),
        ("\ta", False),
        ("\t\t", True),
        ("", False),
    ],
)
def test_which_pieces_llamas_settings_allow(text, valid):
    assert is_valid_piece(text) is valid


def test_every_learned_piece_is_allowed():
    learned = train_bpe(CORPUS, BPESettings(vocab_size=540))
    assert len(learned) == 540 - 259
    assert len(set(learned)) == len(learned)
    assert all(is_valid_piece(piece) for piece in learned)
    assert "▁the" in learned
    assert "▁▁▁▁" in learned


def test_texts_may_come_from_a_generator_and_are_read_once():
    assert train_bpe((text for text in CORPUS), BPESettings(vocab_size=400)) == train_bpe(
        CORPUS, BPESettings(vocab_size=400)
    )


def test_settings_are_checked():
    for wrong, message in (
        ({"vocab_size": 259}, "vocab_size=259 is too small"),
        ({"character_coverage": 0.0}, "character_coverage=0.0"),
        ({"character_coverage": 1.5}, "character_coverage=1.5"),
        ({"max_piece_length": 0}, "max_piece_length=0"),
    ):
        with pytest.raises(ValueError, match=message):
            BPESettings(**wrong)


@pytest.mark.parametrize("texts", [[], [""], ["", "  ", "\n\n"]])
def test_an_empty_corpus_is_refused(texts):
    with pytest.raises(ValueError, match="the corpus is empty"):
        Tokenizer.train(texts)


def test_what_is_no_text_is_refused():
    with pytest.raises(ValueError, match="text number 1 is a bytes"):
        Tokenizer.train(text for text in ("a", b"a"))
    with pytest.raises(ValueError, match="pass a list of texts"):
        Tokenizer.train("one long string")
    with pytest.raises(ValueError, match="lone surrogate"):
        Tokenizer.train(["a\ud800" * 9])


def test_a_vocabulary_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"vocab_size=263 .* 5 characters need at least 264"):
        Tokenizer.train(["abcd"], vocab_size=263)
    assert Tokenizer.train(["abcd"], vocab_size=264).vocab_size == 264
    with pytest.raises(ValueError, match=r"vocab_size=1024 is too large.* 268 pieces at most"):
        Tokenizer.train(["abcd"])
    assert Tokenizer.train(["abcd"], vocab_size=268).decode([266]) == "d"


def test_text_without_spaces_is_cut():
    chunks = split_chunks(count_words(["abc" * 1000]), "abc▁")
    assert max(map(len, chunks)) == LONGEST_CHUNK
    assert sum(len(chunk) * count for chunk, count in chunks.items()) == 3001 - 1  # the last one has a single character


def test_one_repeated_character():
    learned = Tokenizer.train(["a" * 100_000], vocab_size=265).pieces[259:]
    assert "a" * 16 in learned
    assert max(map(len, learned)) == 16
