"""The same ids as the sentencepiece library, in both directions, on any string."""

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from minillama.tokenizer import Tokenizer

from .conftest import CORPUS, train_with_library

# Text of many kinds: any Unicode, what the corpus is made of (so that long merges happen), and awkward signs in runs.
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
awkward = [" ", "  ", "    ", "\u2581", "\u2581\u2581", "\n", "\t", "\0", "<s>", "</s>", "<unk>", "<0x0A>", "\u0301"]
awkward += ["7", "42", "１", "٣", "²", "😀", "👩‍👩‍👧", "\ufffd", "\ufffe", "\u2585", "\u200d", "_", "the", "valley"]
fragments = st.sampled_from(sorted({word for text in CORPUS for word in text.split(" ")}) + awkward)
runs = st.builds(
    lambda text, n: text * n, st.sampled_from([" ", "a", "=", "\u2581", "in", "0", "😀"]), st.integers(1, 70)
)
strings = st.one_of(anything, st.lists(st.one_of(fragments, runs, anything), max_size=12).map("".join))


class Pair:
    """One model file, opened by both."""

    def __init__(self, model: bytes) -> None:
        self.ours = Tokenizer(model)
        self.library = sentencepiece.SentencePieceProcessor(model_proto=model)

    def check(self, text: str) -> None:
        ids = self.ours.encode(text)
        assert ids == self.library.encode(text), text
        assert self.ours.decode(ids) == text.replace("\u2581", " ") == self.library.decode(ids)
        assert not {0, 1, 2} & set(ids)

    def check_ids(self, ids: list[int]) -> None:
        assert self.ours.decode(ids) == self.library.decode(ids), ids


@pytest.fixture(scope="module")
def trained_there(library_model) -> Pair:
    return Pair(library_model)


@pytest.fixture(scope="module")
def trained_here(tmp_path_factory) -> Pair:
    path = tmp_path_factory.mktemp("tokenizer") / "here.model"
    Tokenizer.train(CORPUS, vocab_size=540).save(path)
    return Pair(path.read_bytes())


@pytest.fixture(scope="module")
def crossing() -> Pair:
    """A model whose pieces hold spaces, digits and several scripts: nothing can be cut beforehand."""
    splits = ("split_by_whitespace", "split_digits", "split_by_unicode_script", "split_by_number")
    flags = dict.fromkeys(splits, False)
    return Pair(train_with_library([line for text in CORPUS for line in text.split("\n")], 600, **flags))


@pytest.fixture(scope="module")
def without_prefix() -> Pair:
    return Pair(train_with_library(CORPUS[:1] + CORPUS[2:], 520, add_dummy_prefix=False))


@settings(max_examples=400, deadline=None)
@given(strings)
def test_library_model_gives_the_same_ids_here(trained_there, text):
    trained_there.check(text)


@settings(max_examples=400, deadline=None)
@given(strings)
def test_our_model_gives_the_same_ids_there(trained_here, text):
    trained_here.check(text)


@settings(max_examples=200, deadline=None)
@given(strings)
def test_pieces_that_cross_words(crossing, text):
    crossing.check(text)


@settings(max_examples=200, deadline=None)
@given(strings)
def test_model_without_dummy_prefix(without_prefix, text):
    without_prefix.check(text)


def test_the_cuts_fit_the_models(trained_there, trained_here, crossing):
    assert trained_there.ours._encoder.cut is not None
    assert trained_here.ours._encoder.cut is not None
    assert crossing.ours._encoder.cut is None
    assert any("\u2581" in piece.strip("\u2581") for piece in crossing.ours.pieces)


@settings(max_examples=300, deadline=None)
@given(ids=st.lists(st.one_of(st.integers(0, 258), st.integers(0, 539)), max_size=12))
def test_any_ids_decode_to_the_same_text(trained_there, trained_here, ids):
    trained_there.check_ids(ids)
    trained_here.check_ids(ids)


@settings(max_examples=200, deadline=None)
@given(ids=st.lists(st.integers(0, 519), max_size=8))
def test_any_ids_decode_to_the_same_text_without_prefix(without_prefix, ids):
    without_prefix.check_ids(ids)


def test_scores_that_tie_go_to_the_leftmost_pair(library_model):
    from sentencepiece import sentencepiece_model_pb2

    model = sentencepiece_model_pb2.ModelProto.FromString(library_model)
    for piece in model.pieces[259:]:
        piece.score = -1.0
    pair = Pair(model.SerializeToString())
    for text in ("aaaaaaa", "the valley the children", "        x     ", "日本のカタカナ"):
        pair.check(text)


def test_real_text_of_this_machine(trained_there, trained_here):
    import argparse
    import typing

    for module in (argparse, typing):
        with open(module.__file__, encoding="utf-8") as file:
            text = file.read()[:60_000]
        trained_there.check(text)
        trained_here.check(text)
