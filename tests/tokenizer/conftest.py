import io

import pytest
import sentencepiece

LLAMA_FLAGS = {
    "model_type": "bpe",
    "character_coverage": 0.99995,
    "split_digits": True,
    "byte_fallback": True,
    "max_sentencepiece_length": 16,
    "allow_whitespace_only_pieces": True,
    "normalization_rule_name": "identity",
    "add_dummy_prefix": True,
    "remove_extra_whitespaces": False,
    "num_threads": 1,
    "minloglevel": 2,
}

CORPUS = [
    "The miller's wife sells 12 loaves; each costs 3 coins, and so she earns 36 coins a day.",
    "def add(a, b):\n    if a:\n        return a + b\n    return b  # naïve café",
    "In the valley the river runs slowly. In the valley the children run quickly.",
    "[INST] Where does the baker live? [/INST] The baker lives beside the old mill.",
    "Le village est petit, mais la rivière est très belle. Ça va?",
    "Привет, мир! Привет, деревня! 日本のカタカナとひらがな 日本の村 😀😀 🙂",
    "a    b        c                d ======== ----- ...",
    "cafe\u0301 cafe\u0301s and cafe\u0301 again; na\u0308ive na\u0308ive",
] * 8


def train_with_library(texts: list[str], vocab_size: int, **flags) -> bytes:
    """Train with the sentencepiece library and Llama's flags; each text is one of its sentences."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, vocab_size=vocab_size, **(LLAMA_FLAGS | flags)
    )
    return model.getvalue()


@pytest.fixture(scope="session")
def library_model() -> bytes:
    return train_with_library([line for text in CORPUS for line in text.split("\n")], 600)
