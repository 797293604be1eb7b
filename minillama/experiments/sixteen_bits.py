"""Do 16-bit matrix products cost anything? One model, one row of batches, five ways to hold the numbers.

The paper does not say in which format it computes; bfloat16 products over float32 weights are the usual choice and the
book's. Every arm starts from the same weights and reads the same tokens in the same order. The summed loss of our 512
tokens is divided by four million targets, as a micro-batch of a step of Llama 2's size has to be, so that gradients are
small as they are there; the float32 gradients are then multiplied up again, since our step is one micro-batch.

An equality needs a proof that a difference would have been seen. Two arms give it: float16 without a loss scale, whose
gradients underflow, and bfloat16 for the weights themselves, which cannot take small steps. Both must be worse. One arm
more, float32 from other random weights, is not judged: it says how large a difference has no cause but chance.

The thresholds are those written before the first run; none was changed after seed 0 of the quick form was seen.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from minillama.evaluation import perplexity
from minillama.experiments import loss_still_falls as figure5
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.model import Transformer
from minillama.training import Precision, TrainSettings, learning_rate, token_loss
from minillama.training.optimizer import make_optimizer, set_learning_rate

BATCH_TARGETS = 4_000_000  # tokens of one step of Llama 2 (section 2.2)
MOST_APART = 0.02  # nats between 16 and 32 bits
LEAST_WORSE = 0.05  # nats by which each control must be worse than float32
FLOAT32, BFLOAT16, FLOAT16 = "float32", "bfloat16 products", "float16 products, scaled loss"
UNSCALED, ALL_BFLOAT16 = "float16 products, no scale", "bfloat16 weights"
OTHER_START = "float32, another start"


@dataclass(frozen=True, kw_only=True)
class Arm:
    """How one arm holds its numbers, and whether its weights start elsewhere than those of the others."""

    dtype: str
    scaled: bool = False
    weights: torch.dtype = torch.float32
    control: bool = False
    other_start: bool = False


ARMS = {
    FLOAT32: Arm(dtype="float32"),
    BFLOAT16: Arm(dtype="bfloat16"),
    FLOAT16: Arm(dtype="float16", scaled=True),
    UNSCALED: Arm(dtype="float16", control=True),
    ALL_BFLOAT16: Arm(dtype="bfloat16", weights=torch.bfloat16, control=True),
    OTHER_START: Arm(dtype="float32", other_start=True),
}


@dataclass(frozen=True, kw_only=True)
class Size:
    """How long every arm trains, all at one rate."""

    characters: int
    steps: int
    batch_size: int = 8
    peak_lr: float = 3e-3


FULL = Size(characters=320_000, steps=200)
QUICK = Size(characters=200_000, steps=120)


def run(seed: int, quick: bool) -> list[Row]:
    """Train all arms of one seed."""
    size = QUICK if quick else FULL
    reading = figure5.Size(characters=size.characters, batch_size=size.batch_size, measurements=1)
    text, held_out, vocab_size = figure5.token_stream(seed, reading)
    rows = []
    for name, arm in ARMS.items():
        torch.manual_seed(seed + 1000 * arm.other_start)
        model = Transformer(replace(figure5.SHAPE, vocab_size=vocab_size, max_seq_len=reading.seq_len)).to(arm.weights)
        numbers = train_arm(model, arm, figure5.windows(text, reading)[: size.steps], size)
        loss = perplexity(model.float(), figure5.windows(held_out, reading)).loss
        rows.append(Row(arm=name, seed=seed, numbers={"held-out loss": loss, **numbers}, control=arm.control))
    return rows


def train_arm(model: nn.Module, arm: Arm, batches: Sequence, size: Size) -> dict[str, float]:
    """Train in place; return the share of weights that the first gradient does not reach, and of skipped steps."""
    settings = TrainSettings(steps=len(batches), peak_lr=size.peak_lr, warmup_steps=len(batches) // 10)
    optimizer = make_optimizer(model, settings)
    precision = Precision.detect("cpu", arm.dtype)
    scaler = torch.amp.GradScaler("cpu", enabled=arm.scaled, growth_interval=50)
    silent, skipped = 0.0, 0
    for step, batch in enumerate(batches, start=1):
        set_learning_rate(optimizer, learning_rate(step, settings))
        optimizer.zero_grad()
        with precision.autocast():
            loss, targets = token_loss(model, batch)
        scaler.scale(loss / BATCH_TARGETS).backward()
        scaler.unscale_(optimizer)
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        if step == 1:
            silent = share_of_zeros(model)
        for gradient in gradients:
            gradient.mul_(BATCH_TARGETS / targets)
        nn.utils.clip_grad_norm_(model.parameters(), settings.clip or math.inf)
        before = scaler.get_scale()
        scaler.step(optimizer)
        scaler.update()
        skipped += scaler.get_scale() < before
    return {"share of zero gradients": silent, "share of skipped steps": skipped / len(batches)}


def share_of_zeros(model: nn.Module) -> float:
    """Share of the entries of all matrices inside the blocks whose gradient is exactly zero."""
    gradients = [p.grad for name, p in model.named_parameters() if name.startswith("layers") and p.ndim == 2]
    zeros = sum(int((g == 0).sum()) for g in gradients if g is not None)
    return zeros / sum(g.numel() for g in gradients if g is not None)


def judge(rows: Sequence[Row]) -> Verdict:
    """16-bit products must end where float32 ends, in every seed; both controls must not."""
    apart, worse = [], []
    for seed in sorted({row.seed for row in rows}):
        losses = {row.arm: row.numbers["held-out loss"] for row in rows if row.seed == seed}
        if missing := [arm for arm in ARMS if arm not in losses]:
            raise ValueError(f"seed {seed} lacks {missing}; every seed needs all arms")
        apart += [abs(losses[arm] - losses[FLOAT32]) for arm in (BFLOAT16, FLOAT16)]
        worse += [losses[arm] - losses[FLOAT32] for arm in (UNSCALED, ALL_BFLOAT16)]
    seen = (
        f"16-bit products end within {max(apart):.4f} nats of float32; "
        f"without a scale, or without float32 weights, it costs at least {min(worse):.3f}"
    )
    if min(worse) < LEAST_WORSE:
        return Verdict("cannot be seen at this scale", f"a format known to be too coarse is not seen as worse: {seen}")
    if max(apart) > MOST_APART:
        return Verdict("not reproduced", seen)
    return Verdict("reproduced", f"{seen}; the paper names no format, this is the book's own choice")


CLAIM = Claim(
    name="sixteen-bits",
    paper="section 2.2",
    chapter=9,
    statement="Matrix products in 16 bits over float32 weights train as well as float32.",
    paper_numbers={"format": "unstated"},
    counts_as_reproduced=(
        f"bfloat16 products, and float16 products with a scaled loss, end within {MOST_APART} nats of float32 on "
        "held-out text, in every seed"
    ),
    control=(
        f"float16 without a scale, and weights held in bfloat16: each at least {LEAST_WORSE} nats worse than float32, "
        "so that a difference of that size would have been seen"
    ),
    seeds=3,
    minutes=2,
    run=run,
    judge=judge,
    modules=(
        "minillama.experiments.loss_still_falls",
        "minillama.model.mixed",
        "minillama.model.transformer",
        "minillama.training.precision",
        "minillama.training.optimizer",
        "minillama.training.loss",
        "minillama.tokenizer",
        "minillama.valley.corpus",
        "minillama.valley.writing",
    ),
)
