import json

import pytest

from minillama.data.packing import TokenShards
from minillama.data.preparing import prepare_corpus
from minillama.tokenizer import Tokenizer
from minillama.valley.corpus import Document

LINES = [f"The fox number {i} runs to the river and drinks." for i in range(60)]


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train(LINES, vocab_size=310)


def flat(tokenizer, lines):
    return [token for line in lines for token in tokenizer.encode(line, bos=True, eos=True)]


def as_jsonl(path, lines):
    path.write_text("\n".join(json.dumps({"text": line}) for line in lines))
    return path


def test_shards_hold_the_encoded_documents(tmp_path, tokenizer):
    shards = prepare_corpus(as_jsonl(tmp_path / "a.jsonl", LINES), tmp_path / "out", tokenizer, shard_tokens=200)
    assert shards.read(0, len(shards)).tolist() == flat(tokenizer, LINES)
    assert shards.n_documents == 60
    documents = [Document(text=line, source="x", labels=frozenset()) for line in LINES]
    again = prepare_corpus(documents, tmp_path / "other", tokenizer)
    assert again.read(0, len(again)).tolist() == flat(tokenizer, LINES)


def test_what_was_encoded_before_a_fault_stays(tmp_path, tokenizer, monkeypatch):
    file, out = as_jsonl(tmp_path / "a.jsonl", LINES), tmp_path / "out"
    good = file.read_text().split("\n")
    file.write_text("\n".join([*good[:40], "{", *good[40:]]))
    with pytest.raises(ValueError, match=r"a\.jsonl: line 41"):
        prepare_corpus(file, out, tokenizer)
    with pytest.raises(ValueError, match="unfinished"):
        TokenShards.open(out)
    file.write_text("\n".join(good))
    encoded = []
    encode = Tokenizer.encode
    monkeypatch.setattr(Tokenizer, "encode", lambda self, text: encoded.append(text) or encode(self, text))
    shards = prepare_corpus(file, out, tokenizer)
    assert encoded == LINES[40:]
    monkeypatch.undo()
    assert shards.read(0, len(shards)).tolist() == flat(tokenizer, LINES)


def test_a_corpus_changed_before_that_place_is_encoded_anew(tmp_path, tokenizer):
    file, out = tmp_path / "a.jsonl", tmp_path / "out"
    prepare_corpus(as_jsonl(file, LINES), out, tokenizer)
    for lines in (["Other words.", *LINES[1:]], LINES[:3], LINES):
        shards = prepare_corpus(as_jsonl(file, lines), out, tokenizer)
        assert shards.read(0, len(shards)).tolist() == flat(tokenizer, lines)


def test_another_tokenizer_starts_anew(tmp_path, tokenizer):
    file = as_jsonl(tmp_path / "a.jsonl", LINES)
    prepare_corpus(file, tmp_path / "out", tokenizer)
    other = Tokenizer.train(LINES, vocab_size=300)
    shards = prepare_corpus(file, tmp_path / "out", other)
    assert shards.read(0, len(shards)).tolist() == flat(other, LINES)


def test_a_corpus_shorter_than_a_context(tmp_path, tokenizer):
    file = as_jsonl(tmp_path / "a.jsonl", LINES[:2])
    with pytest.raises(ValueError, match=r"a\.jsonl: line 1: all text makes \d+ tokens, fewer than one context of 500"):
        prepare_corpus(file, tmp_path / "out", tokenizer, context=500)
    assert prepare_corpus(as_jsonl(file, LINES), tmp_path / "out", tokenizer, context=500).n_documents == 60


def test_no_progress_bar_where_nobody_looks(tmp_path, tokenizer, capfd, monkeypatch):
    prepare_corpus(as_jsonl(tmp_path / "a.jsonl", LINES), tmp_path / "out", tokenizer)
    assert capfd.readouterr().err == ""
