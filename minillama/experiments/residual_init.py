"""How the matrices that write to the residual stream start, and what depth makes of it (paper, section 2.2).

The paper states no initialisation. The usual one, and ours, divides the matrices that write to the stream (wo, w2) by
sqrt(2 n_layers), since so many of them add up. Here the same model starts in three ways: divided so, plain, and eight
times too large, which is less than what ``nn.init.normal_`` gives when its ``std`` is forgotten. Each start has the
best of several peak learning rates, so that none suffers from another's. In the control there is one layer, so that
next to nothing adds up. Two more numbers say what one sees before training: the growth of the stream, and the first
loss, which the final norm makes blind to it.

The thresholds stood before any run. One quick seed (0) was seen before the full size and its three rates were chosen.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Int
from torch import Tensor

from minillama.data import Batch
from minillama.evaluation import perplexity
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.experiments.loss_still_falls import Size as TextSize
from minillama.experiments.loss_still_falls import token_stream, windows
from minillama.model import ModelArgs, Transformer
from minillama.training import Precision, TrainSettings, train

SCALED, PLAIN, LARGE = "scaled", "plain", "too large"
TOO_LARGE = 8.0
SHALLOW = 1
LEAST_GAP = 0.1  # nats per token between too large and scaled in the deep model
MOST_OFFSET = 0.2  # nats between the first loss and log V + 1/6
SHAPE = ModelArgs(dim=48, n_layers=1, n_heads=2, n_kv_heads=1, vocab_size=1024, multiple_of=32, max_seq_len=64)
TEXT = TextSize(characters=450_000, batch_size=16, measurements=1)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Depth of the deep model, length of a run, and the peak learning rates of which the best counts."""

    depth: int = 12
    steps: int = 120
    peak_rates: tuple[float, ...] = (2e-3, 6e-3, 1.8e-2)
    text: TextSize = TEXT


FULL = Settings()
QUICK = Settings(steps=80, peak_rates=(6e-3,), text=replace(TEXT, characters=300_000))


def residual_gains(n_layers: int) -> dict[str, float]:
    """What each start multiplies 1 / sqrt(3 inputs) with in wo and w2.

    >>> residual_gains(8)
    {'scaled': 0.25, 'plain': 1.0, 'too large': 8.0}
    """
    return {SCALED: (2 * n_layers) ** -0.5, PLAIN: 1.0, LARGE: TOO_LARGE}


def start_model(args: ModelArgs, gain: float, seed: int) -> Transformer:
    """A fresh model; all starts of a seed are the same draw, but for the size of wo and w2."""
    torch.manual_seed(seed)
    model = Transformer(args)  # which divides them by sqrt(2 n_layers) itself
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("wo.weight", "w2.weight")):
                parameter.mul_(gain * math.sqrt(2 * args.n_layers))
    return model


@torch.no_grad()
def stream_growth(model: Transformer, tokens: Int[Tensor, "batch seq"]) -> float:
    """Root mean square of the stream after the last block, in units of what it was before the first."""
    seen: list[Tensor] = []
    hooks = [
        model.layers[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0])),
        model.layers[-1].register_forward_hook(lambda _, inputs, output: seen.append(output)),
    ]
    try:
        model.hidden(tokens)
    finally:
        for hook in hooks:
            hook.remove()
    before, after = (float(stream.square().mean()) for stream in seen)
    return math.sqrt(after / before)


def run(seed: int, quick: bool) -> list[Row]:
    """Three starts of the deep model, and of the shallow one as the control."""
    settings = QUICK if quick else FULL
    tokens, held_out, vocab_size = token_stream(seed, settings.text)
    batches, test = windows(tokens, settings.text)[: settings.steps], windows(held_out, settings.text)
    if len(batches) < settings.steps:
        raise ValueError(f"the text gives {len(batches)} batches; {settings.steps} steps need as many")
    rows = []
    for depth in (settings.depth, SHALLOW):
        args = replace(SHAPE, n_layers=depth, vocab_size=vocab_size)
        for start, gain in residual_gains(depth).items():
            rows.append(measure(start, args, gain, seed, batches, test, settings))
    return rows


def measure(
    start: str,
    args: ModelArgs,
    gain: float,
    seed: int,
    batches: Sequence[Batch],
    test: Sequence[Batch],
    settings: Settings,
) -> Row:
    """Train one start at each peak rate and keep the run that ends lowest on held-out text."""
    model = start_model(args, gain, seed)
    offset = perplexity(model, test).loss - math.log(args.vocab_size) - 1 / 6
    growth = stream_growth(model, test[0].tokens)
    ends: dict[float, float] = {}
    curves: dict[float, Sequence[float]] = {}
    for rate in settings.peak_rates:
        model = start_model(args, gain, seed)
        plan = TrainSettings(
            steps=settings.steps, peak_lr=rate, warmup_steps=settings.steps // 10, schedule="cosine", compile=False
        )
        precision = Precision.detect(dtype="float32")
        about = f"residual-init, {start}, {args.n_layers} layers"
        curves[rate] = train(model, list(batches), plan, precision=precision, description=about).losses
        ends[rate] = perplexity(model, test).loss
    best = min(ends, key=lambda rate: ends[rate])
    numbers = {
        "loss at the end": ends[best],
        "first loss above log V + 1/6": offset,
        "growth of the stream": growth,
        "peak rate": best,
    }
    shallow = args.n_layers == SHALLOW
    layers = "1 layer" if shallow else f"{args.n_layers} layers"
    curve = {"training loss": curves[best]}
    return Row(arm=f"{start}, {layers}", seed=seed, numbers=numbers, control=shallow, curve=curve)


def judge(rows: Sequence[Row]) -> Verdict:
    """Deep, a start that is too large must cost in every seed; shallow, less than half as much."""
    deep, shallow = (_ends([row for row in rows if row.control == control]) for control in (False, True))
    for name, found in (("deep", deep), ("shallow", shallow)):
        if missing := {SCALED, PLAIN, LARGE} - set(found):
            raise ValueError(f"the {name} rows lack the start {sorted(missing)[0]!r}")
    large = [deep[LARGE][seed] - deep[SCALED][seed] for seed in deep[SCALED]]
    plain = [deep[PLAIN][seed] - deep[SCALED][seed] for seed in deep[SCALED]]
    control = max(shallow[LARGE][seed] - shallow[SCALED][seed] for seed in shallow[SCALED])
    offset = max(abs(row.numbers["first loss above log V + 1/6"]) for row in rows)
    seen = (
        f"deep, a start too large costs {min(large):.2f} nats or more and a plain one {min(plain):+.2f} to "
        f"{max(plain):+.2f}; with one layer too large costs {control:.2f} at most; first losses lie within "
        f"{offset:.2f} of log V + 1/6"
    )
    if min(large) < LEAST_GAP:
        return Verdict("not reproduced", seen)
    if control > min(large) / 2:
        return Verdict("cannot be seen at this scale", f"{seen}: one layer suffers, too, so it is not depth")
    if offset > MOST_OFFSET:
        return Verdict("not reproduced", f"{seen}: the first loss does give warning")
    return Verdict("reproduced", f"{seen}; the paper gives no number to compare with")


def _ends(rows: Sequence[Row]) -> dict[str, dict[int, float]]:
    """Loss at the end by start and seed."""
    ends: dict[str, dict[int, float]] = {}
    for row in rows:
        ends.setdefault(row.arm.split(",")[0], {})[row.seed] = row.numbers["loss at the end"]
    return ends


CLAIM = Claim(
    name="residual-init",
    paper="section 2.2 (initialisation unstated)",
    chapter=7,
    statement=(
        "Where the matrices that write to the residual stream start too large, a deep model learns less in the same "
        "steps, and its first loss gives no warning."
    ),
    paper_numbers={},
    counts_as_reproduced=(
        f"in the deep model a start {TOO_LARGE:g} times too large ends at least {LEAST_GAP} nats above the scaled "
        f"one in every seed, each at its best peak rate, and every first loss lies within {MOST_OFFSET} of "
        "log V + 1/6"
    ),
    control="one layer, where next to nothing adds up: too large costs less than half as much",
    seeds=3,
    minutes=2,
    run=run,
    judge=judge,
    modules=(
        "minillama.experiments.loss_still_falls",
        "minillama.model",
        "minillama.training.optimizer",
        "minillama.training.schedule",
        "minillama.training.update",
        "minillama.tokenizer",
        "minillama.valley.corpus",
        "minillama.valley.writing",
    ),
)
