"""Reads a reader's own text: ``.txt``, ``.jsonl``, ``.parquet`` or a folder of these, as a stream of documents.

A file is read in pieces, so one larger than memory is no trouble. Whatever is wrong with it is said with file and
line, after everything before it has been handed out.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minillama.valley.corpus import Document

SUFFIXES = (".txt", ".jsonl", ".parquet")
END_OF_TEXT = "<|endoftext|>"  # how TinyStories and others separate the documents of a text file
MAX_CHARACTERS = 1 << 20  # a longer text file is cut, at a blank line where there is one
_PIECE = 1 << 20


def read_texts(path: str | Path, text_field: str = "text") -> Iterator[Document]:
    """The documents of a file, or of all files below a folder in the order of their names.

    A text file is one document, or several where it says ``<|endoftext|>``; a JSON line or a parquet row is one, whose
    text stands in ``text_field``. The source of a document is the name of its file.

    Raises ValueError, naming file and line, for a path that is none of these, text that is not UTF-8, a line that is
    no JSON object with text, a missing column, and, at the end, a corpus without text or of one repeated character.
    """
    path = Path(path)
    seen: set[str] = set()
    last = path
    for last in _files(path):
        for document in _read_file(last, text_field):
            if len(seen) < 2:
                seen |= set(document.text) - set(" \t\r\n")
            yield document
    if not seen:
        raise ValueError(f"{path}: line 1: there is no text; give a file or folder that holds some")
    if len(seen) == 1:
        raise ValueError(
            f"{last}: line 1: the whole corpus is the character {seen.pop()!r} repeated; give text to learn from"
        )


def corpus_bytes(path: str | Path) -> int:
    """How many bytes the files that ``read_texts`` would read have together."""
    return sum(file.stat().st_size for file in _files(Path(path)))


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        below = (file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
        files = sorted(file for file in below if file.suffix.lower() in SUFFIXES)
        if not files:
            raise ValueError(f"{path}: no {', '.join(SUFFIXES)} file in this folder or below; add some")
        return files
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file or folder; check the path")
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(
            f"{path}: {path.suffix or 'no ending'} is not one of {', '.join(SUFFIXES)}; convert or rename it"
        )
    return [path]


def _read_file(path: Path, text_field: str) -> Iterator[Document]:
    readers = {".txt": _read_text, ".jsonl": _read_json_lines, ".parquet": _read_parquet}
    for text in readers[path.suffix.lower()](path, text_field):
        if text.strip():
            yield Document(text=text, source=path.name, labels=frozenset())


def _decoded(path: Path) -> Iterator[str]:
    """The text of a file in pieces, line ends as ``\\n``. Raises ValueError at the first byte that is not UTF-8."""
    rest, offset, line = b"", 0, 1
    with path.open("rb") as file:
        while True:
            piece = file.read(_PIECE)
            data = rest + piece
            # A cut may fall inside a character or between \r and \n: keep the last few bytes for the next piece.
            cut = len(data) if not piece else _safe_end(data)
            try:
                text = data[:cut].decode("utf-8")
            except UnicodeDecodeError as error:
                before = data[: error.start]
                number = line + before.count(b"\n")
                raise ValueError(
                    f"{path}: line {number}: byte {data[error.start]:#04x} at offset "
                    f"{offset + error.start} is not UTF-8; convert the file (for example iconv -f latin1 -t utf-8)"
                ) from None
            if offset == 0:
                text = text.removeprefix("\ufeff")
            line += data.count(b"\n", 0, cut)
            offset, rest = offset + cut, data[cut:]
            yield text.replace("\r\n", "\n")
            if not piece:
                return


def _safe_end(data: bytes) -> int:
    end = len(data)
    while end and len(data) - end < 3 and data[end - 1] & 0xC0 == 0x80:
        end -= 1
    if end and data[end - 1] >= 0xC0:
        return end - 1  # starts a character that may go on in the next piece
    return len(data) - 1 if data.endswith(b"\r") else len(data)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    number, rest = 1, ""
    for piece in _decoded(path):
        *whole, rest = (rest + piece).split("\n")
        for line in whole:
            yield number, line
            number += 1
    if rest:
        yield number, rest


def _read_text(path: Path, text_field: str) -> Iterator[str]:
    rest = ""
    for piece in _decoded(path):
        *whole, rest = (rest + piece).split(END_OF_TEXT)
        for text in whole:
            yield from _cut(text)
        while len(rest) > 2 * MAX_CHARACTERS:
            end = _cutting_place(rest)
            yield rest[:end].strip("\n")
            rest = rest[end:]
    yield from _cut(rest)


def _cut(text: str) -> Iterator[str]:
    while len(text) > MAX_CHARACTERS:
        end = _cutting_place(text)
        yield text[:end].strip("\n")
        text = text[end:]
    yield text.strip("\n")


def _cutting_place(text: str) -> int:
    for mark in ("\n\n", "\n", " "):
        end = text.rfind(mark, MAX_CHARACTERS // 2, MAX_CHARACTERS)
        if end != -1:
            return end + len(mark)
    return MAX_CHARACTERS


def _read_json_lines(path: Path, text_field: str) -> Iterator[str]:
    for number, line in _lines(path):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(
                f"{path}: line {number}: not JSON ({error.msg} at column {error.colno}); every line must be one object"
            ) from None
        yield _text_of(row, text_field, f"{path}: line {number}")


def _text_of(row: Any, text_field: str, place: str) -> str:
    if not isinstance(row, dict):
        raise ValueError(f"{place}: is a {type(row).__name__}, not an object; write lines as {{{text_field!r}: ...}}")
    text = row.get(text_field)
    if not isinstance(text, str) or not text.strip():
        problem = "has no text in" if text_field not in row or text in (None, "") else "has something else than text in"
        raise ValueError(
            f"{place}: {problem} {text_field!r} (its fields: {', '.join(map(str, row)) or 'none'}); "
            "fill it in, remove the line, or name the field that holds the text"
        )
    return text


def _read_parquet(path: Path, text_field: str) -> Iterator[str]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError:
        raise ValueError(f"{path}: reading parquet needs pyarrow; pip install 'minillama[hub]'") from None
    try:
        table = pyarrow.parquet.ParquetFile(path)
    except pyarrow.ArrowInvalid as error:
        raise ValueError(f"{path}: line 1: not a parquet file ({error}); check the download") from None
    if text_field not in table.schema_arrow.names:
        columns = ", ".join(table.schema_arrow.names)
        raise ValueError(f"{path}: line 1: no column {text_field!r} (columns: {columns}); name the one with the text")
    number = 0
    for batch in table.iter_batches(batch_size=1024, columns=[text_field]):
        for row in batch.to_pylist():
            number += 1
            yield _text_of(row, text_field, f"{path}: line {number}")
