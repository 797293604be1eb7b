"""Section 2.2 of the paper: Llama normalises the input of every sublayer with RMSNorm. What is that worth?

One small Llama is trained with RMSNorm, with LayerNorm, and with no norm at all, from the same weights, on the same
batches. All three see two peak rates. At the low one a norm has little to do: the fresh weights were chosen so that
the stream of numbers stays near size 1. At the high one the weights soon leave that size, and only a norm can keep what
a layer reads from growing with what the layers before it wrote. A fourth arm normalises after each sum instead
(post-norm), as the first transformers did; it is measured, and the claim does not rest on it.

Both rates were found in trials with the first seed, so the verdict rests on the other seeds.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from minillama.experiments._small_text import MODULES, Run, held_out_loss_after, token_streams, untouched
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.model import ModelArgs, Transformer
from minillama.model.kv_cache import KVCache
from minillama.model.rms_norm import RMSNorm
from minillama.model.transformer import TransformerBlock

RMS, LAYER, POST, NONE = "RMSNorm", "LayerNorm", "RMSNorm after the sum", "no norm"
ARMS = (RMS, LAYER, POST, NONE)
LOW = ", low rate"
LOW_RATE, HIGH_RATE = 1e-2, 1e-1
LEAST_LOSS = 0.5  # nats per token that the model without a norm must lie behind at the high rate
MOST_APART = 0.1  # nats between RMSNorm and LayerNorm
MOST_IN_CONTROL = 0.25  # nats that no norm may lie behind at the low rate
SHAPE = ModelArgs(dim=48, n_layers=6, n_heads=4, n_kv_heads=2, vocab_size=512, multiple_of=16, max_seq_len=64)
CHARACTERS = 500_000
FULL_STEPS, QUICK_STEPS = 150, 50


class PostNormBlock(TransformerBlock):
    """The same parts, but each norm stands on the stream, after a sublayer's output was added."""

    def forward(
        self,
        x: Float[Tensor, "batch seq dim"],
        turn: Float[Tensor, "two #batch seq 1 head_dim"],
        bias: Float[Tensor, "#batch 1 seq keys"] | None,
        cache: KVCache | None = None,
        layer: int = 0,
    ) -> Float[Tensor, "batch seq dim"]:
        """As :meth:`TransformerBlock.forward`."""
        x = self.attention_norm(x + self.attention(x, turn, bias, cache, layer))
        return self.ffn_norm(x + self.feed_forward(x))


def build(arm: str, args: ModelArgs, seed: int) -> Transformer:
    """A fresh model of an arm. Norms draw no random numbers, so all arms of a seed start from the same matrices.

    Raises:
        ValueError: There is no such arm.
    """
    if arm not in ARMS:
        raise ValueError(f"there is no arm {arm!r}; there are {', '.join(ARMS)}")
    torch.manual_seed(seed)
    model = Transformer(args)
    if arm == POST:
        for index, block in enumerate(model.layers):
            model.layers[index] = after_the_sum(block, args)
    if arm in (LAYER, NONE):
        replace_norms(model, nn.Identity if arm == NONE else lambda: nn.LayerNorm(args.dim, eps=args.norm_eps))
    return model


def after_the_sum(block: nn.Module, args: ModelArgs) -> PostNormBlock:
    """A block with the same weights whose norms stand after the sums."""
    with torch.random.fork_rng():
        changed = PostNormBlock(args)
    changed.load_state_dict(block.state_dict())
    return changed


def replace_norms(model: Transformer, make: Callable[[], nn.Module]) -> None:
    """Put something else where a model's norms stand, the last one included."""
    for name in [name for name, module in model.named_modules() if isinstance(module, RMSNorm)]:
        model.set_submodule(name, make())


def run(seed: int, quick: bool) -> list[Row]:
    """Train all arms of one seed at both rates; quick takes fewer steps."""
    steps = QUICK_STEPS if quick else FULL_STEPS
    tokens, held_out = token_streams(seed, CHARACTERS)
    return [measure(arm, rate, seed, steps, tokens, held_out) for rate in (HIGH_RATE, LOW_RATE) for arm in ARMS]


def measure(
    arm: str, rate: float, seed: int, steps: int, tokens: Int[Tensor, " train"], held_out: Int[Tensor, " held_out"]
) -> Row:
    """Train one model; the low rate is the control."""
    losses: list[float] = []
    name = arm + LOW * (rate == LOW_RATE)
    model, schedule = build(arm, SHAPE, seed), Run(steps=steps, peak_lr=rate)
    end = held_out_loss_after(model, tokens, held_out, schedule, seed, name, losses.append)
    numbers = {"held-out loss": end, "steps done": len(losses)}
    return Row(arm=name, seed=seed, numbers=numbers, control=rate == LOW_RATE, curve={"training loss": losses})


def judge(rows: Sequence[Row]) -> Verdict:
    """At the high rate no norm must fall behind in every seed, and the two norms stay together; at the low rate no
    norm must nearly keep up. The seed of the trials has no say.
    """
    loss: dict[str, dict[int, float]] = {}
    for row in untouched(rows):
        loss.setdefault(row.arm, {})[row.seed] = row.numbers["held-out loss"]
    if missing := [arm for arm in (RMS, LAYER, NONE, RMS + LOW, NONE + LOW) if arm not in loss]:
        raise ValueError(f"the rows lack the arms {missing}")
    behind = [loss[NONE][seed] - loss[RMS][seed] for seed in loss[RMS]]
    apart = [loss[RMS][seed] - loss[LAYER][seed] for seed in loss[RMS]]
    control = [loss[NONE + LOW][seed] - loss[RMS + LOW][seed] for seed in loss[RMS + LOW]]
    seen = (
        f"the loss without a norm minus RMSNorm's is {min(behind):+.2f} to {max(behind):+.2f} nats at the high rate "
        f"and {min(control):+.2f} to {max(control):+.2f} at the low one; "
        f"RMSNorm's minus LayerNorm's is {min(apart):+.3f} to {max(apart):+.3f} at the high rate"
    )
    if max(control) > MOST_IN_CONTROL:
        return Verdict("cannot be seen at this scale", f"the control shows it, too: {seen}")
    if min(behind) < LEAST_LOSS or max(apart) > MOST_APART:
        return Verdict("not reproduced", seen)
    return Verdict("reproduced", f"{seen}; the paper gives no number to compare with")


CLAIM = Claim(
    name="norm-or-none",
    paper="section 2.2",
    chapter=4,
    statement="RMSNorm keeps a deep model trainable at rates where no norm fails, and does as well as LayerNorm.",
    paper_numbers={},
    counts_as_reproduced=(
        f"at a peak rate of {HIGH_RATE:g} the model without norms ends at least {LEAST_LOSS:g} nats per token behind, "
        f"and RMSNorm at most {MOST_APART:g} behind LayerNorm, in every seed but the first, which chose the rates"
    ),
    control=f"a peak rate of {LOW_RATE:g}: the model without norms ends at most {MOST_IN_CONTROL:g} nats behind",
    seeds=3,
    minutes=2,
    run=run,
    judge=judge,
    modules=MODULES,
)
