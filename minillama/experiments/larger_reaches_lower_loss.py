"""Figure 5: at every number of tokens the larger model has the lower loss. Measured with four sizes on held-out text.

Four models that differ in nothing but width and depth read the same tokens once, in the same order, and their held-out
loss is measured all along. Each has the peak learning rate of one rule (it falls with the root of the width), fixed
before looking. A rule may suit the large models better than the small ones, so in the full form the three smaller sizes
are also trained at half and at twice their rate, and a size has to beat the best of the three runs of the smaller one.

In the control the tokens are shuffled, so that nothing is left but how often each token comes. Even the smallest model
can hold those counts, so there size must not help.

The thresholds are those written before the first run. Seed 0 of the quick form was seen before the other rates were
added, which only makes the claim harder to hold.

The losses at the end are also fitted by a power law, ``loss = floor + scale * weights ** -exponent``. Four points and
three unknowns leave one degree of freedom, so the fit itself proves little; what tests it is the loss of the largest
model predicted from the three smaller ones.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from minillama.evaluation import perplexity
from minillama.experiments import loss_still_falls as figure5
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.model import ModelArgs, Transformer
from minillama.training import Precision, StepRecord, TrainSettings, train

VOCAB_SIZE = 1024
# Each has about five times the weights, without embeddings, of the one before.
SHAPES = {
    "smallest": ModelArgs(dim=16, n_layers=1, n_heads=2, n_kv_heads=1, vocab_size=VOCAB_SIZE, multiple_of=16),
    "small": ModelArgs(dim=32, n_layers=2, n_heads=2, n_kv_heads=1, vocab_size=VOCAB_SIZE, multiple_of=16),
    "large": ModelArgs(dim=64, n_layers=3, n_heads=4, n_kv_heads=2, vocab_size=VOCAB_SIZE, multiple_of=16),
    "largest": ModelArgs(dim=112, n_layers=4, n_heads=4, n_kv_heads=2, vocab_size=VOCAB_SIZE, multiple_of=16),
}
CONTROL = ", shuffled"
OTHER_RATES = {", half the rate": 0.5, ", twice the rate": 2.0}  # of all sizes but the largest, in the full form
LEAST_STEP = 0.02  # nats by which each size must beat the next smaller one
MOST_IN_CONTROL = 0.03  # nats between smallest and largest on shuffled tokens
MOST_ABOVE = 0.1  # nats above the entropy of the counts; a control that has not even learned those says nothing


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much every model reads."""

    characters: int
    batch_size: int
    measurements: int = 12
    rate_at_32: float = 8e-3
    warmup_share: float = 0.1

    def peak(self, args: ModelArgs) -> float:
        """The peak learning rate of a shape: it falls with the root of the width."""
        return self.rate_at_32 * (32 / args.dim) ** 0.5


FULL = Size(characters=330_000, batch_size=8)
QUICK = Size(characters=250_000, batch_size=8)


def run(seed: int, quick: bool) -> list[Row]:
    """Train all sizes on text, the smaller ones at other rates too unless quick; two sizes on shuffled tokens."""
    size = QUICK if quick else FULL
    reading = figure5.Size(characters=size.characters, batch_size=size.batch_size, measurements=size.measurements)
    text, held_out, vocab_size = figure5.token_stream(seed, reading)
    shuffled, shuffled_held_out = figure5.shuffle(text, seed), figure5.shuffle(held_out, seed + 1)
    arms = [(name, 1.0, name) for name in SHAPES]
    if not quick:
        arms += [(name + label, rate, name) for name in [*SHAPES][:-1] for label, rate in OTHER_RATES.items()]
    rows = [measure(arm, seed, name, text, held_out, size, reading, vocab_size, rate) for arm, rate, name in arms]
    for name in ("smallest", "largest"):
        rows.append(measure(name + CONTROL, seed, name, shuffled, shuffled_held_out, size, reading, vocab_size))
    return rows


def measure(
    arm: str,
    seed: int,
    name: str,
    tokens: Int[Tensor, " train"],
    held_out: Int[Tensor, " held_out"],
    size: Size,
    reading: figure5.Size,
    vocab_size: int,
    rate: float = 1.0,
) -> Row:
    """Train the size ``name`` over the tokens once, at ``rate`` times the rule's peak; its held-out loss all along."""
    torch.manual_seed(seed)
    args = replace(SHAPES[name], vocab_size=vocab_size, max_seq_len=reading.seq_len)
    model = Transformer(args)
    batches, test = figure5.windows(tokens, reading), figure5.windows(held_out, reading)
    # A generator of its own: a larger model draws more random weights, and the order must not hang on that.
    order = torch.randperm(len(batches), generator=torch.Generator().manual_seed(seed)).tolist()
    every = max(1, len(batches) // size.measurements)
    seen: list[int] = []
    losses: list[float] = []

    def watch(record: StepRecord) -> None:
        if record.step % every == 0 or record.step == len(batches):
            seen.append(record.tokens)
            losses.append(perplexity(model, test).loss)

    warmup = max(1, round(size.warmup_share * len(batches)))
    settings = TrainSettings(steps=len(batches), peak_lr=rate * size.peak(args), warmup_steps=warmup, compile=False)
    train(
        model,
        [batches[i] for i in order],
        settings,
        precision=Precision.detect(dtype="float32"),
        on_step=watch,
        description=f"four sizes, {arm}",
    )
    numbers = {
        "loss at the end": losses[-1],
        "weights": args.n_parameters,
        "weights without embeddings": inner_weights(args),
        "tokens": seen[-1],
        "above the entropy of the counts": losses[-1] - figure5.count_entropy(tokens, held_out, vocab_size),
    }
    curve: dict[str, Sequence[float | int]] = {"tokens": seen, "held-out loss": losses}
    return Row(arm=arm, seed=seed, numbers=numbers, control=arm.endswith(CONTROL), curve=curve)


def inner_weights(args: ModelArgs) -> int:
    """Weights without the embeddings and the output layer, which at small sizes would hide what a block adds."""
    return args.n_parameters - 2 * args.vocab_size * args.dim


@dataclass(frozen=True, kw_only=True)
class PowerLaw:
    """``loss = floor + scale * size ** -exponent``.

    Attributes:
        floor: What no size gets below, in nats.
        scale: Loss above the floor at size 1.
        exponent: Above 0; with 0.1 ten times the size takes a fifth off what lies above the floor.
        residual: Root mean square of what the law leaves unexplained, in nats.
    """

    floor: float
    scale: float
    exponent: float
    residual: float

    def __call__(self, size: float | int) -> float:
        """The loss that the law predicts."""
        return self.floor + self.scale * size**-self.exponent


def fit_power_law(sizes: Sequence[float | int], losses: Sequence[float]) -> PowerLaw:
    """Least squares: for each exponent on a grid floor and scale follow by linear regression; the best one wins.

    The floor is kept at 0 or above, since a loss cannot be negative.

    Raises:
        ValueError: Fewer than three points, or not as many losses as sizes.
    """
    if len(sizes) != len(losses) or len(sizes) < 3:
        raise ValueError(f"{len(sizes)} sizes and {len(losses)} losses; three unknowns need at least 3 of each")
    x, y = np.asarray(sizes, dtype=float), np.asarray(losses, dtype=float)
    return min((_fit_at(exponent, x, y) for exponent in np.geomspace(0.01, 2, 400)), key=lambda law: law.residual)


def _fit_at(exponent: float, x: np.ndarray, y: np.ndarray) -> PowerLaw:
    powers = x**-exponent
    spread = powers - powers.mean()
    scale = float((spread * (y - y.mean())).sum() / (spread**2).sum())
    floor = float(y.mean() - scale * powers.mean())
    if floor < 0:
        floor, scale = 0.0, float((powers * y).sum() / (powers**2).sum())
    residual = float(np.sqrt(np.mean((y - floor - scale * powers) ** 2)))
    return PowerLaw(floor=floor, scale=scale, exponent=float(exponent), residual=residual)


def judge(rows: Sequence[Row]) -> Verdict:
    """On text every size must beat all runs of the next smaller one in every seed; shuffled, size must not help."""
    steps, control, above = [], [], []
    for seed in sorted({row.seed for row in rows}):
        here = {row.arm: row.numbers for row in rows if row.seed == seed}
        ends = {arm: numbers["loss at the end"] for arm, numbers in here.items()}
        controls = ["smallest" + CONTROL, "largest" + CONTROL]
        if missing := [arm for arm in [*SHAPES, *controls] if arm not in ends]:
            raise ValueError(f"seed {seed} lacks {missing}; every seed needs all sizes and both controls")
        for smaller, larger in itertools.pairwise(SHAPES):
            best = min(ends[arm] for arm in (smaller, *(smaller + label for label in OTHER_RATES)) if arm in ends)
            steps.append(best - ends[larger])
        control.append(abs(ends[controls[0]] - ends[controls[1]]))
        above += [here[arm]["above the entropy of the counts"] for arm in controls]
    seen = (
        f"each size beats the best run of the next smaller one by {min(steps):.3f} nats or more on text; "
        f"smallest and largest differ by {max(control):.3f} at most on shuffled tokens"
    )
    if max(control) > MOST_IN_CONTROL:
        return Verdict("cannot be seen at this scale", f"the control does not remove the effect: {seen}")
    if max(above) > MOST_ABOVE:
        unlearned = f"{max(above):.3f} nats above the entropy of the counts"
        return Verdict("cannot be seen at this scale", f"the control ends {unlearned}, which it should reach: {seen}")
    if min(steps) < LEAST_STEP:
        return Verdict("not reproduced", seen)
    return Verdict("reproduced", seen)


CLAIM = Claim(
    name="four-sizes",
    paper="Figure 5",
    chapter=9,
    statement="At equal tokens a larger model reaches a lower loss.",
    paper_numbers={"sizes": "7B, 13B, 34B, 70B", "tokens": "2T", "order of the losses": "larger is lower"},
    counts_as_reproduced=(
        f"after one pass over the same tokens each of four sizes has a held-out loss at least {LEAST_STEP} nats below "
        "the next smaller one, in every seed, even where that one does best at half or at twice its rate"
    ),
    control=(
        f"the same tokens shuffled: smallest and largest model end within {MOST_IN_CONTROL} nats of each other, and "
        f"less than {MOST_ABOVE} above the entropy of the counts"
    ),
    seeds=3,
    minutes=2,
    run=run,
    judge=judge,
    modules=(
        "minillama.experiments.loss_still_falls",
        *figure5.MODULES,
    ),
)
