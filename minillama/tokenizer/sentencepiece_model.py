"""SentencePiece's ``.model`` format, both ways: a protobuf with the pieces and the settings of trainer and normaliser.

Only the message classes come from the sentencepiece package. What cannot be encoded here exactly as the library would
do it is refused by name, because a tokenizer that is nearly right makes a model silently worse.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from google.protobuf.message import DecodeError
from sentencepiece import sentencepiece_model_pb2

from minillama.tokenizer.bpe import BPESettings

_FORMAT: Any = sentencepiece_model_pb2  # its message classes are made at import time, unseen by type checkers

SPECIALS = ("<unk>", "<s>", "</s>")
UNK_ID, BOS_ID, EOS_ID = range(3)


class Kind(IntEnum):
    """The types of piece that may stand in a model file, numbered as in the file."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    BYTE = 6


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """What encoding and decoding need from a model file; entry i of each tuple belongs to id i."""

    pieces: tuple[str, ...]
    scores: tuple[float, ...]
    kinds: tuple[Kind, ...]
    add_dummy_prefix: bool = True

    @property
    def mergeable(self) -> dict[str, int]:
        """Piece -> id for the pieces that text can turn into; specials and bytes are not among them."""
        return {piece: i for i, (piece, kind) in enumerate(zip(self.pieces, self.kinds)) if kind == Kind.NORMAL}

    @property
    def byte_ids(self) -> list[int]:
        """Id of the piece for each byte value, 256 of them."""
        ids = {piece: i for i, (piece, kind) in enumerate(zip(self.pieces, self.kinds)) if kind == Kind.BYTE}
        return [ids[byte_piece(byte)] for byte in range(256)]


def byte_piece(byte: int) -> str:
    """Return the name of a byte's piece, ``<0x0A>`` for 10."""
    return f"<0x{byte:02X}>"


def write_model(learned: Sequence[str], settings: BPESettings) -> bytes:
    """Return the bytes of a ``.model`` file: specials at 0 to 2, bytes at 3 to 258, then the learned pieces.

    The score of the i-th learned piece is -i; specials and bytes have 0.
    """
    model = _FORMAT.ModelProto()
    for piece, kind in zip(SPECIALS, (Kind.UNKNOWN, Kind.CONTROL, Kind.CONTROL)):
        model.pieces.add(piece=piece, score=0.0, type=int(kind))
    for byte in range(256):
        model.pieces.add(piece=byte_piece(byte), score=0.0, type=int(Kind.BYTE))
    for rank, piece in enumerate(learned):
        model.pieces.add(piece=piece, score=-float(rank), type=int(Kind.NORMAL))
    trainer = model.trainer_spec
    trainer.model_type = _FORMAT.TrainerSpec.BPE
    trainer.vocab_size = settings.vocab_size
    trainer.character_coverage = settings.character_coverage
    trainer.max_sentencepiece_length = settings.max_piece_length
    for flag in ("split_by_unicode_script", "split_by_number", "split_by_whitespace", "split_digits"):
        setattr(trainer, flag, True)
    trainer.allow_whitespace_only_pieces = True
    trainer.byte_fallback = True
    trainer.unk_id, trainer.bos_id, trainer.eos_id, trainer.pad_id = UNK_ID, BOS_ID, EOS_ID, -1
    normalizer = model.normalizer_spec
    normalizer.name = "identity"
    normalizer.add_dummy_prefix = True
    normalizer.remove_extra_whitespaces = False
    normalizer.escape_whitespaces = True
    return model.SerializeToString(deterministic=True)


def read_model(data: bytes) -> Vocabulary:
    """Read the bytes of a ``.model`` file.

    Raises:
        ValueError: the data is no such file, is cut short, or asks for something that is not done here; the message
            says what was found and what would be right.
    """
    model = _FORMAT.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        raise ValueError(f"not a SentencePiece .model file, or one that is cut short or damaged ({error})") from None
    if not model.pieces:
        raise ValueError("not a SentencePiece .model file: it has no pieces")
    if not model.HasField("normalizer_spec"):
        raise ValueError("the SentencePiece .model file is cut short: the normaliser's settings at its end are missing")
    _check_settings(model)
    _check_pieces(model)
    return Vocabulary(
        pieces=tuple(piece.piece for piece in model.pieces),
        scores=tuple(piece.score for piece in model.pieces),
        kinds=tuple(Kind(piece.type) for piece in model.pieces),
        add_dummy_prefix=model.normalizer_spec.add_dummy_prefix,
    )


def _check_settings(model: Any) -> None:
    trainer, normalizer = model.trainer_spec, model.normalizer_spec
    kind = _FORMAT.TrainerSpec.ModelType.Name(trainer.model_type)
    if kind != "BPE":
        raise ValueError(f"the model is of type {kind}; only BPE is supported (train with model_type='bpe')")
    if normalizer.precompiled_charsmap or model.denormalizer_spec.precompiled_charsmap:
        name = normalizer.name or model.denormalizer_spec.name or "unnamed"
        raise ValueError(f"the normaliser {name!r} is not supported; train with normalization_rule_name='identity'")
    wanted = (
        ("byte_fallback", trainer.byte_fallback, True),
        ("treat_whitespace_as_suffix", trainer.treat_whitespace_as_suffix, False),
        ("remove_extra_whitespaces", normalizer.remove_extra_whitespaces, False),
        ("escape_whitespaces", normalizer.escape_whitespaces, True),
    )
    for flag, found, right in wanted:
        if found != right:
            raise ValueError(f"the model was trained with {flag}={found}, which is not supported; train with {right}")


def _check_pieces(model: Any) -> None:
    supported = set(Kind)
    for index, entry in enumerate(model.pieces):
        if entry.type not in supported:
            name = _FORMAT.ModelProto.SentencePiece.Type.Name(entry.type)
            raise ValueError(
                f"piece {index} ({entry.piece!r}) is of type {name}; supported are NORMAL, CONTROL, BYTE, UNKNOWN"
            )
    pieces = [entry.piece for entry in model.pieces]
    if len(set(pieces)) < len(pieces) or "" in pieces:
        raise ValueError("the model has an empty piece or two equal ones; every piece must be there once")
    specials = tuple((entry.piece, entry.type) for entry in model.pieces[:3])
    if specials != tuple(zip(SPECIALS, (Kind.UNKNOWN, Kind.CONTROL, Kind.CONTROL))):
        raise ValueError(
            f"ids 0, 1, 2 are {pieces[:3]}; they must be the specials {list(SPECIALS)} as in Llama's model"
        )
    if sum(entry.type == Kind.UNKNOWN for entry in model.pieces) > 1:
        raise ValueError("the model has more than one UNKNOWN piece; only id 0 may be one")
    found = {entry.piece for entry in model.pieces if entry.type == Kind.BYTE}
    if found != {byte_piece(byte) for byte in range(256)}:
        raise ValueError(f"the model has {len(found)} byte pieces; it must have <0x00> to <0xFF>, 256 of them")
