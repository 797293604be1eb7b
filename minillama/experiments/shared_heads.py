"""Table 18: query heads that share keys and values keep the quality, when the feed-forward layer is widened for it.

Sharing takes weights away from wk and wv. The paper gives them back to the feed-forward layer, so that models of equal
size are compared. Here the widths are chosen so that the sizes really are equal, to less than one part in 500.

That no difference is seen says little by itself: a measurement that sees nothing sees no difference either. So the
control takes the cause away altogether. Its wq is zero and stays zero: all scores are equal and every head reads the
plain mean of the past, whatever the tokens are. It gets all weights back in the feed-forward layer, too. If a loss of
attention were made up for by width, the control would be as good as the others. A second control trains MHA again
from other random weights: what changes then is chance.

How the settings came about: the batch and the rate were chosen on one text (seed 0 of an earlier form) so that the
control could be told apart; margin and bound of the control were fixed before. That text's results were known when the
second control and the comparison of GQA with MQA were added. So the runs use other texts, from `FIRST_TEXT` on.
"""

import statistics
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Int
from torch import Tensor

from minillama.evaluation import perplexity
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.experiments.loss_still_falls import MODULES as PRETRAINING
from minillama.experiments.loss_still_falls import Size, token_stream, windows
from minillama.model import ModelArgs, Transformer
from minillama.training import Precision, TrainSettings, train

MHA, GQA, MQA, MEAN, AGAIN = "MHA", "GQA", "MQA", "plain mean", "MHA, another start"
N_KV_HEADS = {MHA: 8, GQA: 2, MQA: 1, MEAN: 8, AGAIN: 8}
FIRST_TEXT = 100  # seed 0 trains on the Valley's text number 100, seed 1 on number 101, ...
MARGIN = 0.05  # nats per token: what counts as "about as good"
LEAST_SEEN = 3.0  # the control must lose this many margins, or the measurement could not see a loss
SHAPE = ModelArgs(dim=64, n_layers=2, n_heads=8, vocab_size=1024, multiple_of=1)
# Small batches, since models must take many steps before attention matters: with 16 rows a step the quick run's
# control lost next to nothing.
FULL = Size(characters=800_000, batch_size=4, measurements=1, held_out_tokens=20_000, peak_lr=6e-3)
QUICK = Size(characters=400_000, batch_size=4, measurements=1, held_out_tokens=8_000, peak_lr=6e-3)


def with_shared_heads(shape: ModelArgs, kv_heads: int) -> ModelArgs:
    """The shape with fewer key and value heads, and a feed-forward layer so much wider that the size stays.

    One hidden unit of a SwiGLU layer has 3 dim weights; a key head and its value head have 2 dim head_dim of them. The
    result is equal to within half a hidden unit a layer.
    """
    more = round(2 * (shape.kv_heads - kv_heads) * shape.head_dim / 3)
    return with_width(replace(shape, n_kv_heads=kv_heads), shape.ffn_hidden_dim + more)


def with_width(shape: ModelArgs, width: int) -> ModelArgs:
    """The shape with a feed-forward layer of exactly this width."""
    plain = int(8 * shape.dim / 3)
    # half a unit more, so that no rounding of the product falls below the width
    return replace(shape, multiple_of=1, ffn_dim_multiplier=(width + 0.5) / plain)


def shape_of(arm: str) -> ModelArgs:
    """The shape of an arm.

    Raises:
        ValueError: there is no such arm.
    """
    if arm not in N_KV_HEADS:
        raise ValueError(f"no arm {arm!r}; there are {', '.join(N_KV_HEADS)}")
    if arm == MEAN:
        # wq and wk decide nothing when all scores are zero: 2 dim weights for every number of their width
        return with_width(SHAPE, SHAPE.ffn_hidden_dim + round(2 * SHAPE.dim / 3))
    return with_shared_heads(SHAPE, N_KV_HEADS[arm])


def build(arm: str, vocab_size: int, seq_len: int) -> Transformer:
    """A fresh model of an arm; the control's wq and wk are zero and frozen."""
    model = Transformer(replace(shape_of(arm), vocab_size=vocab_size, max_seq_len=seq_len))
    if arm == MEAN:
        for name, weight in model.named_parameters():
            if name.endswith(("wq.weight", "wk.weight")):
                weight.requires_grad_(False).zero_()
    return model


def working_parameters(model: Transformer) -> int:
    """Number of parameters that training moves."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def run(seed: int, quick: bool) -> list[Row]:
    """Train the arms of one seed on the same text."""
    size = QUICK if quick else FULL
    text, held_out, vocab_size = token_stream(FIRST_TEXT + seed, size)
    return [measure(arm, seed, text, held_out, size, vocab_size) for arm in N_KV_HEADS]


def measure(
    arm: str, seed: int, text: Int[Tensor, " train"], held_out: Int[Tensor, " held_out"], size: Size, vocab_size: int
) -> Row:
    """Train one arm over the text once, under the paper's cosine, and measure its held-out loss."""
    torch.manual_seed(seed)
    batches = windows(text, size)
    order = torch.randperm(len(batches)).tolist()
    torch.manual_seed(seed + 1000 if arm == AGAIN else seed)
    model = build(arm, vocab_size, size.seq_len)
    settings = TrainSettings(
        steps=len(batches), peak_lr=size.peak_lr, warmup_steps=size.warmup_steps, schedule="cosine", compile=False
    )
    # float32 everywhere, so that the numbers hang on the machine as little as they can
    train(
        model,
        [batches[i] for i in order],
        settings,
        precision=Precision.detect(dtype="float32"),
        description=f"table-18, {arm}",
    )
    numbers = {
        "held-out loss": perplexity(model, windows(held_out, size)).loss,
        "parameters": working_parameters(model),
        "FFN width": model.args.ffn_hidden_dim,
        "cached numbers per token": 2 * model.args.n_layers * N_KV_HEADS[arm] * model.args.head_dim,
    }
    return Row(arm=arm, seed=seed, numbers=numbers, control=arm in (MEAN, AGAIN))


def judge(rows: Sequence[Row]) -> Verdict:
    """Compare with MHA seed by seed: GQA must stay within the margin, the control must be far outside."""
    losses: dict[str, dict[int, float]] = {}
    for row in rows:
        losses.setdefault(row.arm, {})[row.seed] = row.numbers["held-out loss"]
    if missing := [arm for arm in N_KV_HEADS if arm not in losses]:
        raise ValueError(f"the rows lack the arms {', '.join(missing)}")
    worse = {arm: [by_seed[seed] - losses[MHA][seed] for seed in by_seed] for arm, by_seed in losses.items()}
    behind_mqa = statistics.fmean(worse[GQA]) - statistics.fmean(worse[MQA])
    noise = max(abs(difference) for difference in worse[AGAIN])
    seen = (
        f"beside MHA the loss of GQA differs by {min(worse[GQA]):+.3f} to {max(worse[GQA]):+.3f} nats, of MQA by "
        f"{min(worse[MQA]):+.3f} to {max(worse[MQA]):+.3f}, of the plain mean by {min(worse[MEAN]):+.3f} at "
        f"least; a second start alone changes it by {noise:.3f}"
    )
    if min(worse[MEAN]) < LEAST_SEEN * MARGIN:
        return Verdict("cannot be seen at this scale", f"the control hardly loses: {seen}")
    if noise > MARGIN:
        return Verdict("cannot be seen at this scale", f"chance alone is larger than the margin: {seen}")
    if max(worse[GQA]) > MARGIN:
        return Verdict("not reproduced", f"sharing costs quality: {seen}")
    if behind_mqa > MARGIN:
        return Verdict("not reproduced", f"GQA is {behind_mqa:.3f} nats behind MQA on average: {seen}")
    return Verdict("reproduced", seen)


CLAIM = Claim(
    name="table-18",
    paper="Table 18",
    chapter=6,
    statement=(
        "At equal parameters grouped-query attention is about as good as multi-head attention, and on average no worse "
        "than multi-query attention."
    ),
    paper_numbers={
        "FFN factor": "1.33 (MQA), 1.3 (GQA)",
        "BoolQ": "71.0 MHA, 70.6 MQA, 69.4 GQA",
        "HellaSwag": "75.1 MHA, 74.5 MQA, 75.4 GQA",
        "TriviaQA": "44.7 MHA, 42.8 MQA, 46.2 GQA",
        "MMLU": "28.0 MHA, 26.5 MQA, 26.9 GQA",
        "mean of the eleven columns (computed here)": "44.2 MHA, 43.8 MQA, 44.3 GQA",
    },
    counts_as_reproduced=(
        f"at equal parameters the held-out loss of GQA is at most {MARGIN} nats above that of MHA, in every seed, and "
        f"on average over the seeds at most {MARGIN} nats above that of MQA"
    ),
    control=(
        f"attention that reads the plain mean of the past, widened alike: it must lose at least "
        f"{LEAST_SEEN * MARGIN:.2f} nats, or a loss could not have been seen; and MHA from other random weights, which "
        f"must stay within {MARGIN} nats, or chance alone is larger than the margin"
    ),
    seeds=3,
    minutes=2,
    run=run,
    judge=judge,
    modules=(
        "minillama.experiments.loss_still_falls",
        *PRETRAINING,
    ),
)
