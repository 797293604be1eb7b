"""Answers to dialogues that grow turn by turn: what was read for one turn is not read again for the next.

Reading a dialogue anew for each of twenty turns costs ten times the tokens that it has. The keys and values of a
prompt depend on what stands before them alone, so those of the last turn's prompt are kept, and for the next turn only
the answer and the new question are read behind them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minillama.chat import Message, encode_dialog
from minillama.model import KVCache, Transformer
from minillama.model.decode_step import DecodeStep, suits
from minillama.sampling import SamplingSettings, choose_tokens, row_uniforms
from minillama.tokenizer import Tokenizer

READ_AT_ONCE = 8192  # tokens over all rows, which bounds the memory of the scores
Ids = tuple[int, ...]


@dataclass(frozen=True)
class Read:
    """Where the keys and values of the ``length`` tokens of a prompt are kept: behind ``padding`` slots of a row."""

    cache: KVCache
    row: int
    padding: int
    length: int


class DialogSampler:
    """Replies to dialogues; those of the call before, each a turn longer, are read on and not anew.

    The replies are those of :func:`minillama.generation.generate`, up to rounding. The model must not change between
    the calls.

    Args:
        model: A chat model.
        tokenizer: The one it was trained with.
        max_new_tokens: Longest reply; a dialogue near the end of the context gets a shorter one.
        batch_size: Dialogues answered at a time.
    """

    def __init__(self, model: Transformer, tokenizer: Tokenizer, max_new_tokens: int = 64, batch_size: int = 32):
        if max_new_tokens < 1 or batch_size < 1:
            raise ValueError(f"max_new_tokens is {max_new_tokens}, batch_size {batch_size}; both must be at least 1")
        self.model, self.tokenizer = model, tokenizer
        self.max_new_tokens, self.batch_size = max_new_tokens, batch_size
        self._known: dict[Ids, Read] = {}

    @torch.no_grad()
    def __call__(self, dialogs: Sequence[Sequence[Message]], temperature: float | int, seed: int) -> list[str]:
        """One reply for each dialogue, in order.

        Raises:
            ValueError: A dialogue is not well formed, ends with the assistant or leaves no room for a reply.
        """
        for dialog in dialogs:
            if dialog[-1]["role"] != "user":
                role = dialog[-1]["role"]
                raise ValueError(f"the last message is from {role!r}: a dialogue to answer ends with the user")
        prompts = [self._encode(dialog) for dialog in dialogs]
        earlier = [self._encode(dialog[:-2]) if len(dialog) > 2 else () for dialog in dialogs]
        numbers = _sample_numbers(prompts)
        settings = SamplingSettings(temperature=temperature)
        replies = [""] * len(prompts)
        known: dict[Ids, Read] = {}
        was_training = self.model.training
        self.model.eval()
        try:
            order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
            for start in range(0, len(order), self.batch_size):
                chosen = order[start : start + self.batch_size]
                rows = [prompts[index] for index in chosen]
                cache, logits = self._read(rows, [self._known.get(earlier[index]) for index in chosen], known)
                uniforms = row_uniforms(seed, [(prompts[i], numbers[i]) for i in chosen], self._room(rows))
                for index, tokens in zip(chosen, self._decode(cache, logits, uniforms, settings), strict=True):
                    replies[index] = self.tokenizer.decode(tokens).strip()
        finally:
            self.model.train(was_training)
        self._known = known
        return replies

    def _encode(self, dialog: Sequence[Message]) -> Ids:
        return encode_dialog(dialog, self.tokenizer, max_seq_len=self.model.args.max_seq_len - 1).tokens

    def _room(self, rows: Sequence[Ids]) -> int:
        return min(self.max_new_tokens, self.model.args.max_seq_len - max(map(len, rows)))

    def _read(
        self, rows: Sequence[Ids], before: Sequence[Read | None], known: dict[Ids, Read]
    ) -> tuple[KVCache, Float[Tensor, "batch vocab"]]:
        """Read the rows, left-padded, and note in ``known`` where they are kept.

        As many tokens of each row are read as the row with most new ones has, so that all rows fill the same slots.
        """
        width, device = max(map(len, rows)), self.model.device
        old = [0 if read is None else read.length for read in before]
        new = max(len(row) - kept for row, kept in zip(rows, old, strict=True))
        cache = self.model.new_cache(len(rows), width + self._room(rows))
        padding = [width - len(row) for row in rows]
        if any(padding):
            cache.padding = torch.tensor(padding, device=device)
        for kept_before in (cache.keys, cache.values):
            kept_before[:, :, :, : width - new] = 0  # no one sees padding, but what is not a number spreads
        cache.advance(width - new)
        for place, (read, empty) in enumerate(zip(before, padding, strict=True)):
            if read is not None and (kept := width - new - empty) > 0:
                slots = slice(read.padding, read.padding + kept)
                cache.keys[:, place, :, empty : empty + kept] = read.cache.keys[:, read.row, :, slots]
                cache.values[:, place, :, empty : empty + kept] = read.cache.values[:, read.row, :, slots]
        tokens = torch.tensor([[0] * empty + list(row) for row, empty in zip(rows, padding, strict=True)])
        for piece in tokens[:, width - new :].to(device).split(max(1, READ_AT_ONCE // len(rows)), dim=1):
            states = self.model.hidden(piece, cache=cache)
        for place, (row, empty) in enumerate(zip(rows, padding, strict=True)):
            known[row] = Read(cache, place, empty, len(row))
        return cache, self.model.output(states[:, -1]).float()

    def _decode(
        self,
        cache: KVCache,
        logits: Float[Tensor, "batch vocab"],
        uniforms: Float[np.ndarray, "batch new"],
        settings: SamplingSettings,
    ) -> list[list[int]]:
        """Choose and feed tokens until every row has ended; the end mark is left out."""
        step = DecodeStep(self.model) if suits(self.model) else None
        numbers = torch.from_numpy(uniforms).to(self.model.device)
        rows: list[list[int]] = [[] for _ in range(len(logits))]
        going = set(range(len(rows)))
        for time in range(numbers.shape[1]):
            chosen, logprobs = choose_tokens(logits, numbers[:, time], settings)
            if bool(logprobs.isnan().any()):
                raise ValueError("the model's logits are not numbers; its weights may hold NaN or infinity")
            tokens = chosen.tolist()
            going = {row for row in going if tokens[row] != self.tokenizer.eos_id}
            for row in going:
                rows[row].append(tokens[row])
            if not going or time + 1 == numbers.shape[1]:
                break
            logits = step(chosen, cache) if step else self.model(chosen[:, None], cache=cache)[:, -1]
        return rows


def _sample_numbers(prompts: Sequence[Ids]) -> list[int]:
    """Of each prompt how many equal ones stand before it, so that they get different random numbers."""
    seen: Counter[Ids] = Counter()
    numbers = []
    for prompt in prompts:
        numbers.append(seen[prompt])
        seen[prompt] += 1
    return numbers
