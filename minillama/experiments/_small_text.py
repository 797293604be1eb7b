"""What small ablations share: a stream of the Valley's text, a plain training loop, and a held-out loss.

Rates and lengths of such runs are settled in trials, and trials look at results. They used `TRIAL_SEED` alone, and
`untouched` leaves it out of a verdict.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm

from minillama.data import Batch
from minillama.experiments.claim import Row
from minillama.model import Transformer
from minillama.tokenizer import Tokenizer
from minillama.training import Precision, TrainSettings, train
from minillama.training.progress import is_watched
from minillama.valley.corpus import CorpusSettings, make_corpus
from minillama.valley.world import World

VOCAB_SIZE = 512
HELD_OUT_TOKENS = 16_384
TRIAL_SEED = 0
MODULES = (
    "minillama.experiments._small_text",
    "minillama.model",
    "minillama.tokenizer",
    "minillama.valley.corpus",
    "minillama.valley.writing",
)


@dataclass(frozen=True, kw_only=True)
class Passes:
    """How often a text is read, in rows of which length and how many of them a step."""

    passes: int
    batch_size: int = 16
    seq_len: int = 64
    peak_lr: float


@dataclass(frozen=True, kw_only=True)
class Run:
    """How long one model is trained: AdamW as in the paper, a warm-up, then a cosine to 10 % of the peak."""

    steps: int
    peak_lr: float
    batch: int = 16
    seq_len: int = 64
    warmup: int = 20

    def rate(self, step: int) -> float:
        """The learning rate of a step, from 1."""
        if step <= self.warmup:
            return self.peak_lr * step / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.peak_lr * (0.1 + 0.45 * (1 + math.cos(math.pi * done)))


def token_streams(seed: int, characters: int) -> tuple[Int[Tensor, " train"], Int[Tensor, " held_out"]]:
    """Fresh documents of the Valley, without planted copies, as one row of tokens to train on and one of whole other
    documents, at least `HELD_OUT_TOKENS` long.

    Raises:
        ValueError: So few characters that nothing would be left to train on.
    """
    settings = CorpusSettings(characters=characters, exact_duplicates=0.0, near_duplicates=0.0)
    texts = list(dict.fromkeys(document.text for document in make_corpus(World.create(), seed, settings=settings)))
    tokenizer = Tokenizer.train(texts, VOCAB_SIZE)
    documents = [tokenizer.encode(text, bos=True, eos=True) for text in texts]
    held_out: list[int] = []
    while documents and len(held_out) < HELD_OUT_TOKENS:
        held_out += documents.pop()
    if sum(map(len, documents)) < HELD_OUT_TOKENS:
        raise ValueError(f"{characters:,} characters leave too little to train on; 100,000 and more do")
    return torch.tensor([token for document in documents for token in document]), torch.tensor(held_out)


def shuffle(tokens: Int[Tensor, " n"], seed: int) -> Int[Tensor, " n"]:
    """The same tokens in random order: every count stays, all that one token says of the next is gone."""
    return tokens[torch.randperm(len(tokens), generator=torch.Generator().manual_seed(seed))]


def untouched(rows: Sequence[Row]) -> list[Row]:
    """The rows of seeds that had no say in how a run was set up; all rows where there are no others (a quick run)."""
    return [row for row in rows if row.seed != TRIAL_SEED] or list(rows)


def held_out_loss_after(
    model: Transformer,
    tokens: Int[Tensor, " train"],
    held_out: Int[Tensor, " held_out"],
    run: Run,
    seed: int,
    name: str = "",
    on_loss: Callable[[float], None] | None = None,
) -> float:
    """Train a model and measure its held-out loss in nats per token.

    A run whose loss is no longer a finite number is over. It counts as log V, the loss of who knows nothing; so does
    a run that ends above that.

    Args:
        model: It is trained in place.
        tokens: What batches are drawn from.
        held_out: What the loss is measured on.
        run: How long, and at which rates.
        seed: Of the batches: models trained with the same one read the same batches.
        name: For the progress bar.
        on_loss: Told each training loss that is a finite number.
    """
    chance = torch.Generator().manual_seed(seed)
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-5, fused=True)
    places = torch.arange(run.seq_len + 1)
    knows_nothing = math.log(model.args.vocab_size)
    for step in tqdm(range(1, run.steps + 1), desc=name, leave=False, disable=not is_watched()):
        starts = torch.randint(len(tokens) - run.seq_len, (run.batch,), generator=chance)
        loss = _loss(model, tokens[starts[:, None] + places])
        if on_loss is not None and math.isfinite(loss.item()):
            on_loss(loss.item())
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        if not (math.isfinite(loss.item()) and math.isfinite(norm.item())):
            return knows_nothing
        for group in optimizer.param_groups:
            group["lr"] = run.rate(step)
        optimizer.step()
    with torch.no_grad():
        rows = held_out[: len(held_out) // (run.seq_len + 1) * (run.seq_len + 1)].view(-1, run.seq_len + 1)
        end = _loss(model, rows).item()
    return min(end, knows_nothing) if math.isfinite(end) else knows_nothing


def train_in_passes(
    model: Transformer, tokenizer: Tokenizer, texts: Sequence[str], reading: Passes, seed: int, description: str
) -> None:
    """Train a model in place on whole texts, each pass in an order of its own, as pretraining does."""
    documents, chance = [tokenizer.encode(text, bos=True, eos=True) for text in texts], random.Random(seed)
    stream: list[int] = []
    for _ in range(reading.passes):
        chance.shuffle(documents)
        stream += [token for document in documents for token in document]
    count = (len(stream) - 1) // (reading.seq_len * reading.batch_size) * reading.batch_size
    tokens = torch.tensor(stream[: count * reading.seq_len + 1])
    inputs, targets = (part.view(count, reading.seq_len) for part in (tokens[:-1], tokens[1:]))
    batches = [Batch(x, y) for x, y in zip(inputs.split(reading.batch_size), targets.split(reading.batch_size))]
    steps = len(batches)
    settings = TrainSettings(steps=steps, peak_lr=reading.peak_lr, warmup_steps=min(20, steps), compile=False)
    train(model, batches, settings, precision=Precision.detect(dtype="float32"), description=description)


def _loss(model: Transformer, rows: Int[Tensor, "batch seq_and_one"]) -> Float[Tensor, ""]:
    return cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
