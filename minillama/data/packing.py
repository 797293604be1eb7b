"""Token shards on disk, and the loader that draws pretraining windows from them.

All documents stand one after the other, each as BOS + ids + EOS, in files of unsigned 16-bit numbers that are mapped
into memory, so that a corpus larger than memory costs none. ``index.json`` says what the files hold; it is written
last, so a folder without it, or whose index is not marked complete, is an unfinished one.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int, UInt
from torch import Tensor

from minillama.data.atomic import write_atomically
from minillama.data.collate import IGNORE, Batch
from minillama.tokenizer import Tokenizer

INDEX = "index.json"
SHARD_TOKENS = 1 << 24  # 32 MB a shard
FORMAT = 1


def tokenizer_fingerprint(tokenizer: Tokenizer) -> str:
    """A short hash of a tokenizer's pieces and scores: two tokenizers that share it give the same ids."""
    content = json.dumps([list(tokenizer.pieces), [float(score) for score in tokenizer.scores]])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


class ShardWriter:
    """Appends documents to the shards of a folder; what has been flushed survives whatever happens later.

    ``resume=True`` goes on behind the shards of an unfinished folder that was written with the same settings;
    otherwise what the folder held before is removed first.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        vocab_size: int,
        bos_id: int = 1,
        eos_id: int = 2,
        shard_tokens: int = SHARD_TOKENS,
        fingerprint: str = "",
        resume: bool = False,
    ) -> None:
        """Raises ValueError for a vocabulary that 32 bits cannot number or a shard without tokens."""
        if not 3 <= vocab_size <= 1 << 32:
            raise ValueError(f"vocab_size is {vocab_size}; shards hold vocabularies of 3 to {1 << 32} ids")
        if shard_tokens < 1:
            raise ValueError(f"shard_tokens is {shard_tokens}; a shard holds at least 1 token")
        self.folder, self.shard_tokens = Path(folder), shard_tokens
        self.folder.mkdir(parents=True, exist_ok=True)
        self.settings: dict[str, Any] = {
            "format": FORMAT,
            "dtype": "uint16" if vocab_size <= 1 << 16 else "uint32",
            "vocab_size": vocab_size,
            "bos_id": bos_id,
            "eos_id": eos_id,
            "tokenizer": fingerprint,
        }
        self.shards: list[dict[str, Any]] = []
        self.progress: dict[str, Any] = {}
        self._pending: list[np.ndarray] = []
        self._n_pending = 0
        if not (resume and self._continue()):
            self.clear()

    def add(self, ids: Sequence[int]) -> None:
        """Append one document; BOS and EOS are put around it here. Raises ValueError for ids outside the vocabulary."""
        bos, eos, vocab_size = (self.settings[key] for key in ("bos_id", "eos_id", "vocab_size"))
        document = np.asarray([bos, *ids, eos], dtype=np.int64)
        inner = document[1:-1]
        if inner.size and (inner.min() < 0 or inner.max() >= vocab_size):
            bad = inner[(inner < 0) | (inner >= vocab_size)][0]
            raise ValueError(f"token id {bad} is outside the vocabulary of {vocab_size}")
        if ((inner == bos) | (inner == eos)).any():
            raise ValueError(
                f"a document holds BOS ({bos}) or EOS ({eos}) itself; give the ids of its text alone, "
                "as encode(text) returns them"
            )
        self._pending.append(document.astype(self.settings["dtype"]))
        self._n_pending += len(document)

    @property
    def full(self) -> bool:
        """Whether enough documents wait to fill a shard."""
        return self._n_pending >= self.shard_tokens

    def flush(self, complete: bool = False) -> None:
        """Write the waiting documents as one shard, then the index that names it."""
        if self._pending:
            name = f"shard-{len(self.shards):05d}.bin"
            write_atomically(self.folder / name, np.concatenate(self._pending).tobytes())
            self.shards.append({"file": name, "tokens": self._n_pending, "documents": len(self._pending)})
            self._pending, self._n_pending = [], 0
        index = {
            **self.settings,
            "complete": complete,
            "n_tokens": sum(shard["tokens"] for shard in self.shards),
            "n_documents": sum(shard["documents"] for shard in self.shards),
            "progress": self.progress,
            "shards": self.shards,
        }
        write_atomically(self.folder / INDEX, json.dumps(index, indent=1).encode())

    def clear(self) -> None:
        """Forget all documents and remove the folder's shards."""
        self.shards, self.progress, self._pending, self._n_pending = [], {}, [], 0
        (self.folder / INDEX).unlink(missing_ok=True)  # first, so that no index ever names missing shards
        for shard in self.folder.glob("shard-*.bin"):
            shard.unlink()

    def _continue(self) -> bool:
        """Take over what an unfinished folder holds; False when it cannot be gone on with."""
        try:
            index = _read_index(self.folder)
        except (ValueError, FileNotFoundError):
            return False
        if any(index[key] != value for key, value in self.settings.items()):
            return False
        self.shards, self.progress = index["shards"], index["progress"]
        return True


def write_shards(
    token_documents: Iterable[Sequence[int]],
    folder: str | Path,
    *,
    vocab_size: int,
    bos_id: int = 1,
    eos_id: int = 2,
    shard_tokens: int = SHARD_TOKENS,
    fingerprint: str = "",
) -> "TokenShards":
    """Write documents (ids of the text alone) as shards of about ``shard_tokens`` tokens and open them.

    Numbers are 16 bits wide for up to 65,536 ids and 32 bits beyond.
    Raises ValueError when there are no documents or an id is outside the vocabulary.
    """
    writer = ShardWriter(
        folder,
        vocab_size=vocab_size,
        bos_id=bos_id,
        eos_id=eos_id,
        shard_tokens=shard_tokens,
        fingerprint=fingerprint,
    )
    for ids in token_documents:
        writer.add(ids)
        if writer.full:
            writer.flush()
    writer.flush(complete=True)
    if not writer.shards:
        raise ValueError(f"there are no documents to write to {folder}; give at least one")
    return TokenShards.open(folder)


class TokenShards:
    """Read-only view of a folder of shards as one long row of tokens."""

    def __init__(self, folder: Path, index: dict[str, Any], files: list[np.ndarray]) -> None:
        self.folder, self.index, self._files = folder, index, files
        self._ends = np.cumsum([len(file) for file in files])
        self.n_tokens, self.n_documents = int(index["n_tokens"]), int(index["n_documents"])
        self.bos_id, self.eos_id, self.vocab_size = index["bos_id"], index["eos_id"], index["vocab_size"]

    @classmethod
    def open(cls, folder: str | Path, fingerprint: str | None = None) -> "TokenShards":
        """Map a finished folder into memory.

        Raises ValueError when the folder is unfinished or damaged, or when ``fingerprint`` (of the tokenizer in hand)
        is not the one that the ids were made with.
        """
        folder = Path(folder)
        try:
            index = _read_index(folder)
        except FileNotFoundError:
            raise ValueError(f"{folder} holds no {INDEX}, so no finished shards; write them first") from None
        if not index["complete"]:
            raise ValueError(f"{folder} is unfinished (a run stopped half-way); prepare the corpus again, it goes on")
        if fingerprint is not None and fingerprint != index["tokenizer"]:
            raise ValueError(
                f"{folder} was written with tokenizer {index['tokenizer']!r}, not {fingerprint!r}; "
                "load that tokenizer or prepare the corpus again with this one"
            )
        return cls(folder, index, [np.memmap(folder / s["file"], index["dtype"], mode="r") for s in index["shards"]])

    def __len__(self) -> int:
        return self.n_tokens

    def read(self, start: int, stop: int) -> UInt[np.ndarray, " n"]:
        """Tokens ``start`` to ``stop`` (exclusive) of the whole row, across shards where need be."""
        if not 0 <= start <= stop <= self.n_tokens:
            raise ValueError(f"cannot read tokens {start} to {stop}; the shards hold 0 to {self.n_tokens}")
        parts = []
        shard = int(np.searchsorted(self._ends, start, side="right"))
        while start < stop:
            offset = int(self._ends[shard]) - len(self._files[shard])
            end = min(stop, int(self._ends[shard]))
            parts.append(np.asarray(self._files[shard][start - offset : end - offset]))
            start, shard = end, shard + 1
        return np.concatenate(parts) if parts else np.empty(0, self.index["dtype"])


class PretrainLoader:
    """Windows of ``seq_len`` tokens in a fresh random order every epoch, without end.

    Each epoch cuts the row of tokens at a new offset and shuffles the windows, both from (seed, epoch) alone. All
    ranks count through the same order, each taking its own ``batch_size`` windows of every step, so they never share
    one, and a count of windows is all the state there is. A window may hold the end of one document and the start of
    the next, as is usual in pretraining; with ``document_ids=True`` attention and positions stop at the border.
    """

    def __init__(
        self,
        shards: TokenShards,
        batch_size: int,
        seq_len: int,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        document_ids: bool = False,
    ) -> None:
        """Raises ValueError for sizes below 1, a rank outside the world, or shards shorter than one window."""
        for name, value in (("batch_size", batch_size), ("seq_len", seq_len), ("world_size", world_size)):
            if value < 1:
                raise ValueError(f"{name} is {value}; it must be at least 1")
        if not 0 <= rank < world_size:
            raise ValueError(f"rank is {rank}; with world_size {world_size} it must be 0 to {world_size - 1}")
        if shards.n_tokens < seq_len + 1:
            raise ValueError(
                f"{shards.folder} holds {shards.n_tokens} tokens, fewer than one window of {seq_len} and its "
                "last target; give more text or a shorter seq_len"
            )
        self.shards, self.batch_size, self.seq_len, self.seed = shards, batch_size, seq_len, seed
        self.rank, self.world_size, self.document_ids = rank, world_size, document_ids
        # One window is given up so that every offset below seq_len leaves the same number of windows.
        self.windows_per_epoch = max(1, (shards.n_tokens - seq_len) // seq_len)
        self._max_offset = min(seq_len - 1, shards.n_tokens - 1 - self.windows_per_epoch * seq_len)
        self._windows_seen = 0
        self._order: tuple[int, Int[np.ndarray, " windows"]] | None = None

    def __iter__(self) -> "PretrainLoader":
        return self

    def __next__(self) -> Batch:
        first = self._windows_seen + self.rank * self.batch_size
        rows = np.stack([self._window(first + row) for row in range(self.batch_size)])
        self._windows_seen += self.batch_size * self.world_size
        tokens, targets = torch.from_numpy(rows[:, :-1].copy()), torch.from_numpy(rows[:, 1:].copy())
        return self._split_documents(tokens, targets) if self.document_ids else Batch(tokens, targets)

    @property
    def epoch(self) -> float:
        """How many times all windows have been gone through, with its fraction."""
        return self._windows_seen / self.windows_per_epoch

    def state_dict(self) -> dict[str, int]:
        """Where the loader stands; plain numbers, so that a checkpoint can hold it as JSON."""
        return {"windows_seen": self._windows_seen, **self._identity()}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on where another loader stood. Raises ValueError when its data, seed or window length were others."""
        for name, value in self._identity().items():
            if state.get(name) != value:
                raise ValueError(f"the saved loader had {name} = {state.get(name)}, this one has {value}")
        self._windows_seen = int(state["windows_seen"])

    def _identity(self) -> dict[str, int]:
        return {"seed": self.seed, "seq_len": self.seq_len, "n_tokens": self.shards.n_tokens}

    def _window(self, number: int) -> Int[np.ndarray, " window"]:
        """The tokens of the ``number``-th window since the beginning of training, and the one that follows them."""
        epoch, place = divmod(number, self.windows_per_epoch)
        start = int(self._starts(epoch)[place])
        return self.shards.read(start, start + self.seq_len + 1).astype(np.int64)

    def _starts(self, epoch: int) -> Int[np.ndarray, " windows"]:
        if self._order is None or self._order[0] != epoch:
            rng = np.random.default_rng([self.seed, epoch])
            offset = int(rng.integers(0, self._max_offset + 1))
            self._order = epoch, rng.permutation(self.windows_per_epoch) * self.seq_len + offset
        return self._order[1]

    def _split_documents(self, tokens: Int[Tensor, "batch seq"], targets: Int[Tensor, "batch seq"]) -> Batch:
        """Number the documents of each row, start positions again in each, and predict nothing across borders."""
        begins = tokens == self.shards.bos_id
        place = torch.arange(self.seq_len).expand_as(tokens)
        start = torch.where(begins, place, torch.zeros_like(place)).cummax(dim=1).values
        targets = targets.masked_fill(targets == self.shards.bos_id, IGNORE)
        return Batch(tokens, targets, place - start, begins.long().cumsum(dim=1))


def _read_index(folder: Path) -> dict[str, Any]:
    """The index of a folder, after a check that its shards have the sizes it says. Raises ValueError otherwise."""
    path = folder / INDEX
    try:
        index = json.loads(path.read_text("utf-8"))
        width = np.dtype(index["dtype"]).itemsize
        expected = {folder / shard["file"]: shard["tokens"] * width for shard in index["shards"]}
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}); prepare the corpus again") from error
    if index.get("format") != FORMAT:
        raise ValueError(f"{path} has format {index.get('format')}, this version reads {FORMAT}; prepare it again")
    for file, n_bytes in expected.items():
        found = file.stat().st_size if file.exists() else None
        if found != n_bytes:
            raise ValueError(f"{file} has {found} bytes, the index says {n_bytes}; prepare the corpus again")
    return index
