from minillama.tokenizer.bpe import BPESettings, is_valid_piece, learn_merges, train_bpe
from minillama.tokenizer.sentencepiece_model import Vocabulary, read_model, write_model
from minillama.tokenizer.tokenizer import Tokenizer

__all__ = [
    "BPESettings",
    "Tokenizer",
    "Vocabulary",
    "is_valid_piece",
    "learn_merges",
    "read_model",
    "train_bpe",
    "write_model",
]
