"""Figure 5: the loss has not saturated when training ends. Measured at a constant learning rate, on held-out text.

A schedule that lowers the learning rate makes any loss fall in the end: the weights stop jumping about and settle.
A fall that is to show that there is more to learn must be seen without it. So the same model reads the same text once
at a constant rate and once under the paper's cosine, and its held-out loss is measured many times. In the control the
tokens of the text are shuffled: beyond how often each token comes there is nothing to learn, and the loss must stop at
the entropy of those counts.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

from minillama.data import Batch
from minillama.evaluation import perplexity
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.model import ModelArgs, Transformer
from minillama.tokenizer import Tokenizer
from minillama.training import Precision, StepRecord, TrainSettings, train
from minillama.valley.corpus import CorpusSettings, make_corpus
from minillama.valley.world import World

TEXT, SHUFFLED = "text, constant rate", "shuffled, constant rate"
TEXT_COSINE, SHUFFLED_COSINE = "text, cosine", "shuffled, cosine"
LEAST_FALL = 0.03  # nats per token over the last quarter; what text must exceed and shuffled tokens must not
LEAST_ERRORS = 4.0  # the fall in units of its standard error
LAST = 0.25
# Small, so that one pass over the text gives every weight some tokens: about 150,000 weights.
SHAPE = ModelArgs(dim=48, n_layers=2, n_heads=2, n_kv_heads=1, vocab_size=1024, multiple_of=32)


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large one run is. Every run reads its text once, so no loss falls because text comes again."""

    characters: int
    batch_size: int
    measurements: int
    seq_len: int = 64
    peak_lr: float = 4e-3
    warmup_steps: int = 20
    held_out_tokens: int = 8_000


FULL = Size(characters=2_000_000, batch_size=32, measurements=32)
QUICK = Size(characters=400_000, batch_size=16, measurements=24)


def run(seed: int, quick: bool) -> list[Row]:
    """Train the four arms of one seed."""
    size = QUICK if quick else FULL
    text, held_out, vocab_size = token_stream(seed, size)
    shuffled, shuffled_held_out = shuffle(text, seed), shuffle(held_out, seed + 1)
    arms: list[tuple[str, Tensor, Tensor, Literal["constant", "cosine"], bool]] = [
        (TEXT, text, held_out, "constant", False),
        (TEXT_COSINE, text, held_out, "cosine", False),
        (SHUFFLED, shuffled, shuffled_held_out, "constant", True),
        (SHUFFLED_COSINE, shuffled, shuffled_held_out, "cosine", True),
    ]
    return [
        measure(arm, seed, train_tokens, test_tokens, schedule, size, vocab_size, control)
        for arm, train_tokens, test_tokens, schedule, control in arms
    ]


def token_stream(seed: int, size: Size) -> tuple[Int[Tensor, " train"], Int[Tensor, " held_out"], int]:
    """Fresh documents of the Valley as one row of tokens, without any planted copy; some documents at its end are held
    out. Returns both rows and the size of the vocabulary.
    """
    settings = CorpusSettings(characters=size.characters, exact_duplicates=0.0, near_duplicates=0.0)
    texts = list(dict.fromkeys(document.text for document in make_corpus(World.create(), seed, settings=settings)))
    tokenizer = Tokenizer.train(texts, SHAPE.vocab_size)
    documents = [tokenizer.encode(text, bos=True, eos=True) for text in texts]
    held_out: list[int] = []
    while len(held_out) < size.held_out_tokens:
        held_out += documents.pop()
    tokens = [token for document in documents for token in document]
    return torch.tensor(tokens), torch.tensor(held_out), tokenizer.vocab_size


def shuffle(tokens: Int[Tensor, " n"], seed: int) -> Int[Tensor, " n"]:
    """The same tokens in random order: every count stays, all that one token says of the next is gone."""
    return tokens[torch.randperm(len(tokens), generator=torch.Generator().manual_seed(seed))]


def windows(tokens: Int[Tensor, " n"], size: Size) -> list[Batch]:
    """Cut a row of tokens into batches of windows; each target is the token after, and each token a target once."""
    count = (len(tokens) - 1) // size.seq_len
    inputs = tokens[: count * size.seq_len].view(count, size.seq_len)
    targets = tokens[1 : count * size.seq_len + 1].view(count, size.seq_len)
    return [Batch(x, y) for x, y in zip(inputs.split(size.batch_size), targets.split(size.batch_size))]


def measure(
    arm: str,
    seed: int,
    tokens: Int[Tensor, " train"],
    held_out: Int[Tensor, " held_out"],
    schedule: Literal["constant", "cosine"],
    size: Size,
    vocab_size: int,
    control: bool,
) -> Row:
    """Train one model over the tokens once, and measure its held-out loss all along."""
    torch.manual_seed(seed)
    model = Transformer(replace(SHAPE, vocab_size=vocab_size, max_seq_len=size.seq_len))
    batches = windows(tokens, size)
    order = torch.randperm(len(batches)).tolist()
    test = windows(held_out, size)
    every = max(1, len(batches) // size.measurements)
    places: list[float] = []
    losses: list[float] = []

    def watch(record: StepRecord) -> None:
        if record.step % every == 0:
            places.append(record.step / len(batches))
            losses.append(perplexity(model, test).loss)

    settings = TrainSettings(
        steps=len(batches), peak_lr=size.peak_lr, warmup_steps=size.warmup_steps, schedule=schedule, compile=False
    )
    # float32 everywhere, so that the numbers hang on the machine as little as they can
    precision = Precision.detect(dtype="float32")
    report = train(
        model, [batches[i] for i in order], settings, precision=precision, on_step=watch, description=f"figure-5, {arm}"
    )
    fall, error = fall_at_the_end(places, losses)
    numbers = {
        "fall over the last quarter": fall,
        "its standard error": error,
        "loss at the end": losses[-1],
        "above the entropy of the counts": losses[-1] - count_entropy(tokens, held_out, vocab_size),
        "tokens per parameter": report.tokens / model.n_parameters,
    }
    return Row(
        arm=arm,
        seed=seed,
        numbers=numbers,
        control=control,
        curve={"share of the run": places, "held-out loss": losses},
    )


def fall_at_the_end(places: Sequence[float], losses: Sequence[float]) -> tuple[float, float]:
    """How far a straight line through the last quarter of a curve falls across that quarter, and its standard error.

    Args:
        places: Where on the run each loss was measured, from 0 to 1.
        losses: The measured losses.

    Raises:
        ValueError: Fewer than five measurements lie in the last quarter: too few to know the error.
    """
    last = [(place, loss) for place, loss in zip(places, losses) if place > 1 - LAST]
    if len(last) < 5:
        raise ValueError(f"the last quarter has {len(last)} measurements; it needs at least 5")
    x, y = zip(*last)
    slope, intercept = statistics.linear_regression(x, y)
    squares = sum((b - intercept - slope * a) ** 2 for a, b in last)
    spread = sum((a - statistics.fmean(x)) ** 2 for a in x)
    return -slope * LAST, LAST * (squares / (len(last) - 2) / spread) ** 0.5


def count_entropy(tokens: Int[Tensor, " train"], held_out: Int[Tensor, " held_out"], vocab_size: int) -> float:
    """Cross entropy in nats of held-out tokens under how often each token came in training (plus one): the best that
    can be done without looking at the tokens before.
    """
    counts = torch.bincount(tokens, minlength=vocab_size).double() + 1
    return float(-(counts / counts.sum()).log()[held_out].mean())


def judge(rows: Sequence[Row]) -> Verdict:
    """Text must still fall in every seed, clearly; shuffled tokens must not."""
    text, control = [r for r in rows if r.arm == TEXT], [r for r in rows if r.arm == SHUFFLED]
    if not text or not control:
        raise ValueError(f"the rows lack an arm; they must hold {TEXT!r} and {SHUFFLED!r}")
    falls = [row.numbers["fall over the last quarter"] for row in text]
    flat = max(row.numbers["fall over the last quarter"] for row in control)
    seen = f"at a constant rate text falls by {min(falls):.3f} nats or more, shuffled tokens by {flat:.3f} at most"
    if flat >= LEAST_FALL:
        return Verdict("cannot be seen at this scale", f"the control falls, too: {seen}")
    sure = all(fall > LEAST_ERRORS * row.numbers["its standard error"] for fall, row in zip(falls, text))
    if min(falls) < LEAST_FALL or not sure:
        return Verdict("not reproduced", f"the loss has flattened: {seen}")
    if flat > min(falls) / 2:
        return Verdict("cannot be seen at this scale", f"the control falls half as far: {seen}")
    return Verdict("reproduced", seen)


MODULES = (
    "minillama.model.transformer",
    "minillama.model.attention",
    "minillama.model.feed_forward",
    "minillama.training.loss",
    "minillama.training.optimizer",
    "minillama.training.schedule",
    "minillama.training.update",
    "minillama.tokenizer",
    "minillama.valley.corpus",
    "minillama.valley.writing",
)

CLAIM = Claim(
    name="figure-5",
    paper="Figure 5",
    chapter=8,
    statement="The training loss has not saturated when pretraining ends.",
    paper_numbers={"tokens": "2T", "tokens per parameter": "29 (70B) to 297 (7B)", "sign of saturation": "none"},
    counts_as_reproduced=(
        f"at a constant learning rate held-out loss falls by at least {LEAST_FALL} nats over the last quarter of a "
        f"single pass, and by more than {LEAST_ERRORS:g} standard errors, in every seed"
    ),
    control=(
        f"the same text with its tokens shuffled: the loss stops at the entropy of the counts; it falls by less than "
        f"{LEAST_FALL} nats and less than half as far as text"
    ),
    seeds=3,
    minutes=3,
    run=run,
    judge=judge,
    modules=MODULES,
)
