"""Figure 6: a reward model's accuracy grows with the number of pairs and with its size, and has not flattened.

Helpfulness models start from the fine-tuned model and read growing parts of the same pairs, the smaller parts inside
the larger, in one epoch each. The larger size is the whole fine-tuned model. The smaller one is its first two layers:
they were pretrained and fine-tuned, but as the lower half of a larger model, whose upper half is missing then. So the
comparison is one of depth, and it favours the larger size: a model that was pretrained at the smaller size would know
more than half of a larger one does. No such model is in the pipeline. Fewer pairs are also fewer steps, as in one epoch
they must be.

In the control a coin says which answer of each pair was the better one, so that more pairs are more of nothing.
Held-out pairs are compared without noise, negligible ones left out.

Source: section 3.2.2, Figure 6.
"""

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from minillama.alignment.preferences import PreferencePair
from minillama.experiments._reward_pairs import (
    TRAINING_MODULES,
    held_out_pairs,
    mean_of,
    pooled,
    scored,
    trained,
    training_pairs,
    with_error,
)
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.model import Transformer
from minillama.pipeline import load
from minillama.pipeline.alignment_presets import FIRST_HELPFULNESS
from minillama.pipeline.artifact import Artifact

AMOUNTS, QUICK_AMOUNTS = (300, 900, 2400), (100, 300, 900)
LAYERS = 2  # of the smaller size
WHOLE, LOWER, COIN = "whole model", "lower two layers", "whole model, better answer by a coin"
ACCURACY = "accuracy"
FROM_LEAST, FROM_MIDDLE, FROM_SMALLER = (
    "gain over the least data",
    "gain over the middle amount",
    "gain over two layers",
)
PROMPTS, QUICK_PROMPTS = 750, 250
DRAWS = 2
LEAST_GAIN = 0.02
MOST_BY_COIN = 0.56


def run(seed: int, quick: bool) -> list[Row]:
    """Train both sizes on three amounts of pairs, and the whole model once on pairs decided by a coin."""
    sft = load("sft", seed=seed)
    amounts = QUICK_AMOUNTS if quick else AMOUNTS
    pairs = training_pairs(seed, "helpfulness", most=amounts[-1])
    held_out = held_out_pairs(
        sft, "helpfulness", QUICK_PROMPTS if quick else PROMPTS, seed, draws=1 if quick else DRAWS
    )
    bodies = {WHOLE: sft.model, LOWER: lower_layers(sft.model, LAYERS)}
    right = {
        (arm, place): rightness(body, pairs[:amount], held_out, sft, seed, f"figure-6, {arm}, {amount} pairs")
        for arm, body in bodies.items()
        for place, amount in enumerate(amounts)
    }
    by_coin = rightness(sft.model, coin_decided(pairs, seed), held_out, sft, seed, "figure-6, by a coin")
    rows = [
        Row(arm=arm, seed=seed, numbers=gains([right[arm, place] for place in range(len(amounts))], right[LOWER, 2]))
        for arm in bodies
    ]
    return [*rows, Row(arm=COIN, seed=seed, numbers=with_error(ACCURACY, by_coin), control=True)]


def lower_layers(model: Transformer, layers: int) -> Transformer:
    """A transformer of a model's first layers, with its embeddings, final norm and output; the weights are copied.

    Raises ValueError where the model has no more layers than that.
    """
    if not 1 <= layers < model.args.n_layers:
        raise ValueError(f"layers is {layers}; a part of {model.args.n_layers} layers has at least 1 and fewer")
    part = Transformer(replace(model.args, n_layers=layers))
    state = model.state_dict()
    part.load_state_dict({name: state[name].detach().clone() for name in part.state_dict()})
    return part.to(model.device).eval()


def coin_decided(pairs: Sequence[PreferencePair], seed: int) -> list[PreferencePair]:
    """The same pairs, half of them at random with the worse answer preferred."""
    rng = random.Random(f"coin {seed}")
    return [replace(pair, chosen=pair.rejected, rejected=pair.chosen) if rng.random() < 0.5 else pair for pair in pairs]


def rightness(
    body: Transformer,
    pairs: Sequence[PreferencePair],
    held_out: Sequence[PreferencePair],
    sft: Artifact,
    seed: int,
    description: str,
) -> Float[np.ndarray, " pairs"]:
    """Train a model and say which of the held-out pairs it ranks rightly."""
    settings, reads = FIRST_HELPFULNESS.train, FIRST_HELPFULNESS.reads
    model = trained(body, pairs, sft, settings, seed, reads=reads, description=description)
    return scored(model.score, held_out, sft).clear.right


def gains(right: Sequence[Float[np.ndarray, " pairs"]], smaller: Float[np.ndarray, " pairs"]) -> dict[str, float]:
    """Accuracy with each amount, and what the most data gains on the same pairs over less data and a smaller model."""
    numbers = {f"{ACCURACY}, amount {place}": float(each.mean()) for place, each in enumerate(right, start=1)}
    least, middle, most = right
    return (
        numbers
        | with_error(FROM_LEAST, most - least)
        | with_error(FROM_MIDDLE, most - middle)
        | with_error(FROM_SMALLER, most - smaller)
    )


def judge(rows: Sequence[Row]) -> Verdict:
    """More data and more layers must help, the last step of data still so; a coin's pairs must teach nothing."""
    data, last, size = (pooled(rows, WHOLE, name) for name in (FROM_LEAST, FROM_MIDDLE, FROM_SMALLER))
    coin = mean_of(rows, COIN, ACCURACY)
    curves = {
        arm: " ".join(f"{mean_of(rows, arm, f'{ACCURACY}, amount {place}'):.3f}" for place in (1, 2, 3))
        for arm in (WHOLE, LOWER)
    }
    seen = (
        f"accuracy with three amounts of pairs {curves[WHOLE]} (two layers {curves[LOWER]}, by a coin {coin:.3f}); the "
        f"most data gains {data} over the least and {last} over the middle amount, all layers {size} over two"
    )
    if coin > MOST_BY_COIN:
        return Verdict("cannot be seen at this scale", f"pairs decided by a coin teach it as well: {seen}")
    if data.mean < LEAST_GAIN or not data.above_zero:
        return Verdict("not reproduced", f"no clear gain from more data: {seen}")
    if size.mean < LEAST_GAIN or not size.above_zero:
        return Verdict("not reproduced", f"more data helps, but the size makes no clear difference: {seen}")
    if last.mean <= 0:
        return Verdict("not reproduced", f"data and size help, but accuracy has flattened: {seen}")
    return Verdict("reproduced", seen)


CLAIM = Claim(
    name="figure-6",
    paper="Figure 6",
    chapter=14,
    statement="A reward model's accuracy grows with data and model size and has not flattened.",
    paper_numbers={"sizes": "7B, 13B, 70B", "sign of a plateau": "none"},
    counts_as_reproduced=(
        f"on held-out helpfulness pairs the most data gains at least {LEAST_GAIN} over the least, and four layers as "
        "much over two, each in every seed and with a 95 % interval above 0; and the last step of data still gains on "
        "average"
    ),
    control=f"a coin says which answer was better: accuracy with the most data stays at {MOST_BY_COIN} or below",
    seeds=3,
    minutes=1,
    run=run,
    judge=judge,
    modules=TRAINING_MODULES,
)
