import json

import pytest
import sentencepiece
from sentencepiece import sentencepiece_model_pb2

from minillama.tokenizer import BPESettings, Tokenizer, read_model, train_bpe, write_model

from .conftest import CORPUS, train_with_library

LINES = [line for text in CORPUS for line in text.split("\n")]


@pytest.fixture(scope="module")
def model() -> bytes:
    settings = BPESettings(vocab_size=400)
    return write_model(train_bpe(CORPUS, settings), settings)


def changed(model: bytes, change) -> bytes:
    message = sentencepiece_model_pb2.ModelProto.FromString(model)
    change(message)
    return message.SerializeToString()


def test_what_is_written_is_read(model):
    vocabulary = read_model(model)
    learned = train_bpe(CORPUS, BPESettings(vocab_size=400))
    assert vocabulary.pieces[:3] == ("<unk>", "<s>", "</s>")
    assert vocabulary.pieces[259:] == tuple(learned)
    assert vocabulary.scores[259:] == tuple(-float(i) for i in range(len(learned)))
    assert vocabulary.byte_ids == list(range(3, 259))
    assert vocabulary.add_dummy_prefix


def test_the_library_finds_llamas_settings_in_the_file(model):
    library = sentencepiece.SentencePieceProcessor(model_proto=model)
    assert (library.unk_id(), library.bos_id(), library.eos_id(), library.pad_id()) == (0, 1, 2, -1)
    assert library.vocab_size() == 400
    assert [i for i in range(400) if library.is_byte(i)] == list(range(3, 259))
    message = sentencepiece_model_pb2.ModelProto.FromString(model)
    trainer = message.trainer_spec
    assert trainer.model_type == trainer.BPE
    assert trainer.split_digits
    assert trainer.byte_fallback
    assert trainer.allow_whitespace_only_pieces
    assert trainer.character_coverage == pytest.approx(0.99995)
    assert trainer.max_sentencepiece_length == 16
    assert message.normalizer_spec.name == "identity"
    assert message.normalizer_spec.add_dummy_prefix
    assert not message.normalizer_spec.remove_extra_whitespaces


def test_saving_what_the_library_trained_changes_nothing(library_model, tmp_path):
    Tokenizer(library_model).save(tmp_path / "copy.model")
    assert (tmp_path / "copy.model").read_bytes() == library_model


def test_a_padding_piece_is_a_special_too():
    model = train_with_library(LINES, 500, pad_id=3)
    library, ours = sentencepiece.SentencePieceProcessor(model_proto=model), Tokenizer(model)
    text = "the <pad> valley\n\x05"
    assert ours.encode(text) == library.encode(text)
    assert ours.decode([1, 3, *ours.encode(text), 3]) == text


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"model_type": "unigram", "vocab_size": 350}, "of type UNIGRAM; only BPE is supported"),
        ({"normalization_rule_name": "nmt_nfkc"}, "normaliser 'nmt_nfkc' is not supported.*identity"),
        (
            {"remove_extra_whitespaces": True},
            "remove_extra_whitespaces=True, which is not supported; train with False",
        ),
        ({"byte_fallback": False}, "byte_fallback=False, which is not supported; train with True"),
        ({"treat_whitespace_as_suffix": True}, "treat_whitespace_as_suffix=True"),
        ({"user_defined_symbols": ["[INST]"]}, r"piece 3 \('\[INST\]'\) is of type USER_DEFINED; supported are"),
        ({"bos_id": 2, "eos_id": 1}, r"ids 0, 1, 2 are \['<unk>', '</s>', '<s>'\]; they must be"),
        ({"bos_id": -1}, "they must be the specials"),
    ],
)
def test_models_that_would_encode_differently_are_refused(flags, message, tmp_path):
    path = tmp_path / "other.model"
    path.write_bytes(train_with_library(LINES, **({"vocab_size": 500} | flags)))
    with pytest.raises(ValueError, match=f"other.model: .*{message}"):
        Tokenizer.load(path)


def test_damaged_pieces_are_refused(model):
    def unescape(message):
        message.normalizer_spec.escape_whitespaces = False

    def repeat(message):
        message.pieces[300].piece = message.pieces[301].piece

    def unused(message):
        message.pieces[300].type = 5

    def lose_a_byte(message):
        del message.pieces[100]

    def denormalize(message):
        message.denormalizer_spec.precompiled_charsmap = b"rules"

    for change, expected in (
        (unescape, "escape_whitespaces=False"),
        (repeat, "two equal ones"),
        (unused, "of type UNUSED"),
        (lose_a_byte, "255 byte pieces"),
        (denormalize, "normaliser .* is not supported"),
    ):
        with pytest.raises(ValueError, match=expected):
            read_model(changed(model, change))


def test_a_file_cut_short_anywhere_is_refused(model):
    read_model(model)
    for length in [*range(0, len(model) - 100, 13), *range(len(model) - 100, len(model))]:
        with pytest.raises(ValueError, match=r"not a SentencePiece \.model file|is cut short"):
            read_model(model[:length])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 64,
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        json.dumps({"model": {"type": "BPE"}}).encode(),
        b"a b c\n" * 9,
    ],
)
def test_foreign_files_are_refused(data, tmp_path):
    path = tmp_path / "foreign.model"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"foreign\.model: .*not a SentencePiece \.model file"):
        Tokenizer.load(path)
