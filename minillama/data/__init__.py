"""From raw text to batches: reading, cleaning, mixing, packing."""

from minillama.data.cleaning import CleaningReport, CleaningSettings, clean
from minillama.data.collate import IGNORE, Batch, pack_dialogs, pad_dialogs
from minillama.data.dialog_loader import DialogLoader
from minillama.data.hub_datasets import load_hub
from minillama.data.mixing import mix, shares
from minillama.data.open_datasets import read_texts
from minillama.data.packing import PretrainLoader, ShardWriter, TokenShards, tokenizer_fingerprint, write_shards
from minillama.data.preparing import prepare_corpus
from minillama.data.quality import Scorers, TextScorer, valley_scorers

__all__ = [
    "IGNORE",
    "Batch",
    "CleaningReport",
    "CleaningSettings",
    "DialogLoader",
    "PretrainLoader",
    "Scorers",
    "ShardWriter",
    "TextScorer",
    "TokenShards",
    "clean",
    "load_hub",
    "mix",
    "pack_dialogs",
    "pad_dialogs",
    "prepare_corpus",
    "read_texts",
    "shares",
    "tokenizer_fingerprint",
    "valley_scorers",
    "write_shards",
]
