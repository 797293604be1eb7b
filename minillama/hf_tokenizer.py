"""A tokenizer as Hugging Face's `tokenizer.json`, spelt out so that ids agree on every text.

Left to itself, `transformers` converts a SentencePiece file with a rule of its own for texts that begin with a
space. One difference stays: there `<s>` in a text becomes the special token, which here it never does.
"""

import re
from typing import Any

from minillama.tokenizer import Tokenizer

_BYTE_PIECE = re.compile(r"<0x[0-9A-F]{2}>")
_SPACE = "\u2581"


def tokenizer_json(tokenizer: Tokenizer) -> dict[str, Any]:
    """The contents of `tokenizer.json` for `transformers.PreTrainedTokenizerFast`, which adds the begin token."""
    begin = tokenizer.pieces[tokenizer.bos_id]
    specials = {tokenizer.pieces[i]: i for i in (tokenizer.unk_id, tokenizer.bos_id, tokenizer.eos_id)}
    begin_token = {"SpecialToken": {"id": begin, "type_id": 0}}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added_token(piece, index) for piece, index in specials.items()],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "Prepend", "prepend": _SPACE},
                {"type": "Replace", "pattern": {"String": " "}, "content": _SPACE},
            ],
        },
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [begin_token, text],
            "pair": [begin_token, text, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {begin: {"id": begin, "ids": [tokenizer.bos_id], "tokens": [begin]}},
        },
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": _SPACE}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
                {"type": "Strip", "content": " ", "start": 1, "stop": 0},
            ],
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": tokenizer.pieces[tokenizer.unk_id],
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": {piece: index for index, piece in enumerate(tokenizer.pieces)},
            "merges": _merges(tokenizer, set(specials)),
        },
    }


def _merges(tokenizer: Tokenizer, specials: set[str]) -> list[list[str]]:
    """Every way to put a piece together from two others, the best-scored piece first.

    SentencePiece scores the result of a merge, Hugging Face ranks the pair, so all pairs are listed.
    """
    scores = {
        piece: score
        for piece, score in zip(tokenizer.pieces, tokenizer.scores)
        if piece not in specials and not _BYTE_PIECE.fullmatch(piece)
    }
    pairs = [
        (-score, [piece[:cut], piece[cut:]])
        for piece, score in scores.items()
        for cut in range(1, len(piece))
        if piece[:cut] in scores and piece[cut:] in scores
    ]
    return [pair for _, pair in sorted(pairs, key=lambda entry: entry[0])]


def _added_token(piece: str, index: int) -> dict[str, Any]:
    return {
        "id": index,
        "content": piece,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }
