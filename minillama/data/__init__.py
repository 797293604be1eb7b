"""From raw text to batches."""

from minillama.data.collate import IGNORE, Batch, pack_dialogs, pad_dialogs
from minillama.data.packing import PretrainLoader, ShardWriter, TokenShards, tokenizer_fingerprint, write_shards

__all__ = [
    "IGNORE",
    "Batch",
    "PretrainLoader",
    "ShardWriter",
    "TokenShards",
    "pack_dialogs",
    "pad_dialogs",
    "tokenizer_fingerprint",
    "write_shards",
]
