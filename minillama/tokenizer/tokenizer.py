"""The tokenizer a reader holds: train, encode, decode, save, load."""

import os
import tempfile
from collections.abc import Iterable
from operator import index as as_int
from pathlib import Path
from typing import Any, SupportsIndex

from minillama.tokenizer.bpe import BPESettings, train_bpe
from minillama.tokenizer.encoder import Encoder
from minillama.tokenizer.sentencepiece_model import BOS_ID, EOS_ID, UNK_ID, Kind, read_model, write_model
from minillama.tokenizer.words import SPACE

_UNKNOWN_TEXT = " \u2047 "  # what SentencePiece decodes <unk> to; encoding never gives <unk>


class Tokenizer:
    """Llama's tokenizer: byte-pair encoding with byte fallback, in SentencePiece's file format.

    Two tokenizers are equal when their files would be. Ids run from 0 to ``vocab_size - 1``: specials 0 to 2, then (in
    models trained here and in Llama's) bytes 3 to 258, merged pieces and single characters.
    """

    unk_id = UNK_ID
    bos_id = BOS_ID
    eos_id = EOS_ID
    pad_id = UNK_ID  # Llama has no padding piece: id 0 fills the gaps, and masks hide it

    def __init__(self, model: bytes) -> None:
        """Make a tokenizer from the bytes of a ``.model`` file; raises ValueError where `read_model` does."""
        self._model = bytes(model)
        self._vocabulary = read_model(self._model)
        self._encoder = Encoder(self._vocabulary)
        self._byte_of = {piece: byte for byte, piece in enumerate(self._encoder.byte_ids)}
        self._text_of = [piece.replace(SPACE, " ") for piece in self._vocabulary.pieces]
        for i, kind in enumerate(self._vocabulary.kinds):
            if kind == Kind.CONTROL:
                self._text_of[i] = ""
        self._text_of[UNK_ID] = _UNKNOWN_TEXT

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocab_size: int = 1024,
        *,
        character_coverage: float = 0.99995,
        max_piece_length: int = 16,
    ) -> "Tokenizer":
        """Learn a vocabulary from texts with Llama's settings (Llama 2 paper, section 2.2.2).

        Args:
            texts: the corpus; read once, so a generator is fine.
            vocab_size: number of ids, 3 specials and 256 bytes included.
            character_coverage: share of the corpus's characters that get a piece of their own; others become bytes.
            max_piece_length: longest piece, in characters.

        Raises:
            ValueError: see `train_bpe` and `BPESettings`.
        """
        settings = BPESettings(
            vocab_size=vocab_size, character_coverage=character_coverage, max_piece_length=max_piece_length
        )
        return cls(write_model(train_bpe(texts, settings), settings))

    @property
    def vocab_size(self) -> int:
        """Number of ids."""
        return len(self._vocabulary.pieces)

    @property
    def pieces(self) -> list[str]:
        """Piece of each id, spaces written as U+2581."""
        return list(self._vocabulary.pieces)

    @property
    def scores(self) -> list[float]:
        """Score of each id; encoding merges the pair with the highest."""
        return list(self._vocabulary.scores)

    def encode(self, text: str, bos: bool = False, eos: bool = False) -> list[int]:
        """Return the ids of ``text``, with BOS in front and EOS behind where asked for.

        Specials written out in the text (``<s>``) are ordinary characters. An empty text has no ids of its own.

        Raises:
            ValueError: ``text`` is no ``str`` or holds a lone surrogate, which has no UTF-8 bytes.
        """
        if not isinstance(text, str):
            raise ValueError(f"text is a {type(text).__name__}; encode takes one str")
        try:
            ids = self._encoder.encode(text)
        except UnicodeEncodeError as error:
            raise ValueError(f"the text holds the lone surrogate {error.object[error.start]!r}; remove it") from None
        return [BOS_ID] * bos + ids + [EOS_ID] * eos

    def decode(self, ids: Iterable[SupportsIndex]) -> str:
        """Return the text of ``ids``; ``decode(encode(s)) == s`` for every ``s`` without U+2581.

        Specials but ``<unk>`` give nothing; the space that encoding put in front is taken away; bytes that are no UTF-8
        (such as a character cut in two) give U+FFFD each.

        Raises:
            ValueError: an id outside ``range(vocab_size)``, or not an integer.
        """
        parts: list[str] = []
        pending = bytearray()
        strip_prefix = self._vocabulary.add_dummy_prefix
        for i in map(self._check_id, ids):
            if i in self._byte_of:
                pending.append(self._byte_of[i])
                continue
            if pending:
                parts.append(_decode_utf8(pending))
                pending.clear()
                strip_prefix = False
            text = self._text_of[i]
            if strip_prefix and text:
                strip_prefix = False
                if i != UNK_ID:
                    text = text.removeprefix(" ")
            parts.append(text)
        parts.append(_decode_utf8(pending))
        return "".join(parts)

    def _check_id(self, value: Any) -> int:
        try:
            number = as_int(value)
        except TypeError:
            raise ValueError(f"id {value!r} is not an integer") from None
        if not 0 <= number < len(self._text_of):
            raise ValueError(f"id {number} is outside the vocabulary; ids run from 0 to {self.vocab_size - 1}")
        return number

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a ``.model`` file that this class and the sentencepiece library read; never leaves half a file."""
        path = Path(path)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(self._model)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Tokenizer":
        """Read a ``.model`` file, made here or by the sentencepiece library.

        Raises:
            ValueError: not such a file, or one with settings that are not supported; see `read_model`.
        """
        try:
            return cls(Path(path).read_bytes())
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    def __eq__(self, other: object) -> bool:
        return self._model == other._model if isinstance(other, Tokenizer) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._model)

    def __reduce__(self) -> tuple[type["Tokenizer"], tuple[bytes]]:
        return type(self), (self._model,)

    def __repr__(self) -> str:
        return f"Tokenizer(vocab_size={self.vocab_size})"


def _decode_utf8(data: bytes | bytearray) -> str:
    """Decode UTF-8, with one U+FFFD for each byte that is not part of a character, as SentencePiece does."""
    text = ""
    while data:
        try:
            return text + data.decode("utf-8")
        except UnicodeDecodeError as error:
            text += data[: error.start].decode("utf-8") + "\ufffd" * (error.end - error.start)
            data = data[error.end :]
    return text
