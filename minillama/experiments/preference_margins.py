"""Tables 27 and 28, Figure 27: a margin by rating helps on clear pairs; a large one makes the scores two-sided.

Three helpfulness models start from the same chat model and read the same pairs in the same order; only the margin
differs. The pairs are the pipeline's, of which those rated negligibly better are left out, so the smallest margin in
training is that of "slightly better". Held-out pairs are compared without noise.

A large margin asks for large differences between scores, so they spread; that alone is no second peak. Two-sidedness is
therefore measured by Sarle's bimodality coefficient, which does not change when all scores are scaled: 1/3 for a
normal distribution, 5/9 for an even one, 1 for two points. In the control the large margins are dealt out at random
among the same pairs, so that they say nothing of their pair: the model is asked for as much distance, but not where a
rater saw one.

Source: section 3.2.2, Tables 27 and 28; Figure 27.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from minillama.evaluation.rewards import reward_accuracy
from minillama.experiments._reward_pairs import (
    TRAINING_MODULES,
    Scored,
    held_out_pairs,
    mean_of,
    pooled,
    scored,
    trained,
    training_pairs,
    with_error,
    with_shuffled_ratings,
)
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.pipeline import load
from minillama.pipeline.alignment_presets import FIRST_HELPFULNESS
from minillama.valley.raters import RATINGS

MARGINS = ("none", "small", "large")
DEALT = "large, dealt at random"
GAIN, GAIN_CLEAR = "gain over no margin", "gain over no margin on significantly better pairs"
SIDES = "two-sidedness"
PAIRS, QUICK_PAIRS = 2000, 500
PROMPTS, QUICK_PROMPTS = 700, 250
DRAWS = 2  # times that each held-out prompt is answered
LEAST_SIDES = 0.03  # what a large margin must add to the bimodality coefficient
PAPER_GAIN = 0.013  # of the small margin on significantly better pairs: 79.1 to 80.4
HISTOGRAM = 40  # bins of the curve of scores


def run(seed: int, quick: bool) -> list[Row]:
    """Train a model with each margin and one with margins dealt at random; quick is fewer pairs."""
    sft = load("sft", seed=seed)
    pairs = training_pairs(seed, "helpfulness", most=QUICK_PAIRS if quick else PAIRS)
    held_out = held_out_pairs(
        sft, "helpfulness", QUICK_PROMPTS if quick else PROMPTS, seed, draws=1 if quick else DRAWS
    )
    found = {}
    for arm in (*MARGINS, DEALT):
        margin = "large" if arm == DEALT else arm
        given = with_shuffled_ratings(pairs, seed) if arm == DEALT else pairs
        settings = replace(FIRST_HELPFULNESS.train, margin=margin)
        model = trained(
            sft.model, given, sft, settings, seed, reads=FIRST_HELPFULNESS.reads, description=f"table-28, {arm}"
        )
        found[arm] = scored(model.score, held_out, sft)
    return [
        Row(
            arm=arm,
            seed=seed,
            numbers=numbers_of(each, found["none"]),
            control=arm == DEALT,
            curve={"score": histogram(each.answers)[0], "share of answers": histogram(each.answers)[1]},
        )
        for arm, each in found.items()
    ]


def numbers_of(found: Scored, without: Scored) -> dict[str, float]:
    """Accuracy by rating, what it gains over the model without a margin on the same pairs, and the scores' shape."""
    accuracy = reward_accuracy(found.chosen, found.rejected, found.ratings)
    clear = [rating == RATINGS[0] for rating in found.ratings]
    numbers = {"average": accuracy.average, "average of clear pairs": float(found.clear.right.mean())}
    numbers |= {rating: accuracy.by_rating.get(rating, 0.5) for rating in RATINGS}
    numbers |= with_error(GAIN, found.clear.right - without.clear.right)
    numbers |= with_error(GAIN_CLEAR, found.where(clear).right - without.where(clear).right)
    return numbers | {SIDES: bimodality(found.answers), "spread": float(found.answers.std())}


def bimodality(values: Float[np.ndarray, " n"]) -> float:
    """Sarle's coefficient, (skewness squared + 1) / kurtosis: 1/3 for a normal distribution, 1 for two points.

    Raises ValueError where all values are the same, which have no shape.
    """
    centred = np.asarray(values, dtype=np.float64) - np.mean(values)
    variance = float((centred**2).mean())
    if variance == 0:
        raise ValueError(f"all {len(centred)} values are the same, so their distribution has no sides")
    skewness = float((centred**3).mean()) / variance**1.5
    kurtosis = float((centred**4).mean()) / variance**2
    return (skewness**2 + 1) / kurtosis


def histogram(values: Float[np.ndarray, " n"]) -> tuple[list[float], list[float]]:
    """Middles and shares of equally wide bins, as Figure 27 draws the scores."""
    counts, edges = np.histogram(values, bins=HISTOGRAM)
    return ((edges[:-1] + edges[1:]) / 2).tolist(), (counts / counts.sum()).tolist()


def judge(rows: Sequence[Row]) -> Verdict:
    """A small margin must gain on clear pairs, a large one must make the scores two-sided; dealt margins neither."""
    gain, dealt = pooled(rows, "small", GAIN_CLEAR), pooled(rows, DEALT, GAIN_CLEAR)
    sides = {arm: mean_of(rows, arm, SIDES) for arm in (*MARGINS, DEALT)}
    by_seed = {arm: {r.seed: float(r.numbers[SIDES]) for r in rows if r.arm == arm} for arm in ("none", "large")}
    each_seed = all(by_seed["large"][seed] > by_seed["none"][seed] for seed in by_seed["none"])
    two_sided = sides["large"] - sides["none"] >= LEAST_SIDES and each_seed
    seen = (
        f"on significantly better pairs a small margin gains {gain}, large ones dealt at random {dealt}; two-sidedness "
        f"{sides['none']:.2f} without a margin, {sides['small']:.2f} small, {sides['large']:.2f} large, "
        f"{sides[DEALT]:.2f} dealt at random"
    )
    if dealt.low > 0:
        return Verdict("cannot be seen at this scale", f"margins that say nothing gain as well: {seen}")
    if not gain.above_zero:
        if gain.high >= PAPER_GAIN:
            shape = "the scores do become two-sided" if two_sided else "nor do the scores become two-sided"
            why = f"a gain as small as the paper's {PAPER_GAIN} is within our chance; {shape}: {seen}"
            return Verdict("cannot be seen at this scale" if two_sided else "not reproduced", why)
        return Verdict("not reproduced", f"a small margin gains nothing: {seen}")
    if not two_sided:
        return Verdict("not reproduced", f"a large margin does not make the scores two-sided: {seen}")
    return Verdict("reproduced", seen)


CLAIM = Claim(
    name="table-28",
    paper="Tables 27 and 28, Figure 27",
    chapter=14,
    statement="A margin by rating helps on clear pairs, and a large one makes the scores two-sided.",
    paper_numbers={
        "none": "79.1 66.9 59.8 54.5, average 62.5",
        "small": "80.4 67.3 60.4 55.0, average 63.0",
        "large": "80.7 67.5 60.5 54.3, average 62.9",
    },
    counts_as_reproduced=(
        "on significantly better pairs a small margin is right more often than none on the same pairs, in every seed "
        "and with a 95 % interval above 0; and the bimodality coefficient of the scores is larger with a large margin "
        f"than with none in every seed, by {LEAST_SIDES} on average"
    ),
    control="the large margins dealt out at random among the same pairs: no gain beyond chance on clear pairs",
    seeds=3,
    minutes=1,
    run=run,
    judge=judge,
    modules=TRAINING_MODULES,
)
