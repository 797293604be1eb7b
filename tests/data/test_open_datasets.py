import json

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minillama.data import open_datasets
from minillama.data.open_datasets import corpus_bytes, read_texts


def texts(path, **options):
    return [document.text for document in read_texts(path, **options)]


def test_every_format_and_a_folder_of_them(tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeffOne café.\r\nTwo.\n".encode())
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c.jsonl").write_text('{"text": "three"}\n\n{"text": "four", "x": 1}', "utf-8")
    pyarrow.parquet.write_table(pyarrow.table({"text": ["five", "six"], "n": [1, 2]}), tmp_path / "d.parquet")
    (tmp_path / "notes.md").write_text("not read")
    (tmp_path / ".hidden.txt").write_text("not read")
    assert texts(tmp_path) == ["One café.\nTwo.", "three", "four", "five", "six"]
    assert texts(tmp_path / "d.parquet") == ["five", "six"]
    sources = [(d.source, d.labels) for d in read_texts(str(tmp_path))]
    assert sources[:2] == [("a.txt", frozenset()), ("c.jsonl", frozenset())]
    assert corpus_bytes(tmp_path / "b") == (tmp_path / "b" / "c.jsonl").stat().st_size


def test_a_text_file_is_split_at_its_separator(tmp_path):
    (tmp_path / "a.txt").write_text("one\n<|endoftext|>\ntwo\n\nmore\n<|endoftext|>\n")
    assert texts(tmp_path / "a.txt") == ["one", "two\n\nmore"]


def test_another_field(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"story": "once"}')
    assert texts(tmp_path / "a.jsonl", text_field="story") == ["once"]


@settings(deadline=None, max_examples=100)
@given(text=st.text(st.characters(exclude_characters="\r\ufeff", codec="utf-8"), min_size=1), piece=st.integers(1, 7))
def test_reading_in_pieces_changes_nothing(tmp_path_factory, text, piece):
    path = tmp_path_factory.mktemp("pieces") / "a.txt"
    path.write_bytes(text.replace("\n", "\r\n").encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(open_datasets, "_PIECE", piece)
        assert "".join(open_datasets._decoded(path)) == text


def test_a_huge_text_is_cut_at_blank_lines_and_loses_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(open_datasets, "MAX_CHARACTERS", 100)
    monkeypatch.setattr(open_datasets, "_PIECE", 64)
    paragraphs = [f"paragraph {i} with some words" for i in range(50)]
    (tmp_path / "a.txt").write_text("\n\n".join(paragraphs))
    parts = texts(tmp_path / "a.txt")
    assert max(map(len, parts)) <= 100
    assert "\n\n".join(parts).split("\n\n") == paragraphs


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.txt",
            "eins\nzwei café\n".encode("latin-1"),
            r"a\.txt: line 2: byte 0xe9 at offset 13 is not UTF-8; convert",
        ),
        ("a.txt", b"ok \xe2\x82", r"a\.txt: line 1: byte 0xe2 at offset 3 is not UTF-8"),
        ("a.txt", b"", r"a\.txt: line 1: there is no text"),
        ("a.txt", b" \n\n", r"a\.txt: line 1: there is no text"),
        ("a.txt", b"aaaa aaaa\naaa", r"a\.txt: line 1: the whole corpus is the character 'a' repeated"),
        (
            "a.jsonl",
            b'{"text": "x y"}\n{"title": "z"}',
            r"a\.jsonl: line 2: has no text in 'text' \(its fields: title\)",
        ),
        ("a.jsonl", b'{"text": "x y"}\n\n{"text": " "}', r"a\.jsonl: line 3: has"),
        ("a.jsonl", b'{"text": 5}', r"a\.jsonl: line 1: has something else than text"),
        ("a.jsonl", b'{"text": "x y"}\n{"text": "z"', r"a\.jsonl: line 2: not JSON"),
        ("a.jsonl", b'["x"]', r"a\.jsonl: line 1: is a list, not an object"),
        ("a.jsonl", b'{"text": "x"}\n{"text": "\xff"}', r"a\.jsonl: line 2: byte 0xff at offset 24 is not UTF-8"),
        ("a.parquet", b"PAR0", r"a\.parquet: line 1: not a parquet file"),
        ("a.csv", b"x", r"a\.csv: \.csv is not one of"),
    ],
)
def test_faults_name_file_line_and_cure(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        texts(tmp_path / name)


def test_faults_of_paths_and_columns(tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        texts(tmp_path / "none.txt")
    with pytest.raises(ValueError, match="file in this folder"):
        texts(tmp_path)
    pyarrow.parquet.write_table(pyarrow.table({"body": ["x"]}), tmp_path / "d.parquet")
    with pytest.raises(ValueError, match=r"no column 'text' \(columns: body\)"):
        texts(tmp_path / "d.parquet")
    pyarrow.parquet.write_table(pyarrow.table({"text": ["x", None]}), tmp_path / "d.parquet")
    with pytest.raises(ValueError, match=r"d\.parquet: line 2: has no text"):
        texts(tmp_path / "d.parquet")


def test_what_stands_before_a_fault_is_handed_out(tmp_path):
    rows = [json.dumps({"text": f"text {i}"}) for i in range(5)]
    (tmp_path / "a.jsonl").write_text("\n".join([*rows, "{", *rows]))
    seen = []
    with pytest.raises(ValueError, match="line 6"):
        seen.extend(document.text for document in read_texts(tmp_path / "a.jsonl"))
    found = []
    reader = read_texts(tmp_path / "a.jsonl")
    for _ in range(5):
        found.append(next(reader).text)
    assert found == [f"text {i}" for i in range(5)]
