"""Table 8: a reward model is right more often the more clearly one answer is better. Both models, both domains.

Two causes can make accuracy grow with the rating. A noisy rater errs where answers are close; that would be put in by
construction here, so the held-out pairs are compared by a rater without noise, whose rating is the judge's difference
read off thresholds. What is left is the model: a large difference is easier for it to see. "Negligibly better" holds
mostly pairs that the judge values exactly alike, of which nobody could rank more than half as the coin did; so the
verdict compares "significantly better" with the two ratings below it taken together, "negligibly" left aside. The judge
gives most helpfulness in full or not at all; what lies between are lists and descriptions, so that the comparison is
made on these two kinds alone as well. In the control the ratings are dealt out anew among the same pairs.

Source: section 3.2.2, Table 8.
"""

from collections.abc import Sequence

import numpy as np

from minillama.evaluation.rewards import reward_accuracy
from minillama.experiments._reward_pairs import (
    ASPECTS,
    MODULES,
    Scored,
    error_of,
    held_out_pairs,
    mean_and_error,
    pooled,
    scored,
    with_shuffled_ratings,
)
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.pipeline import load
from minillama.valley.raters import RATINGS

RISE = "significantly over less clearly"
SHUFFLED = ", ratings shuffled"
GRADED = ", lists and descriptions"
GRADED_KINDS = ("lists", "descriptions")
LESS_CLEAR = ("better", "slightly_better")
PROMPTS = {"helpfulness": 750, "safety": 800}  # held-out prompts, of which many give two equal answers
QUICK_PROMPTS = 250
DRAWS = {"helpfulness": 3, "safety": 1}  # times that each prompt is answered; pairs of middling ratings are rare
LEAST_RISE = 0.05
MOST_IN_CONTROL = 0.06


def run(seed: int, quick: bool) -> list[Row]:
    """Score fresh held-out pairs of both domains by both first reward models; nothing is trained."""
    sft = load("sft", seed=seed)
    models = {aspect: load(f"reward-{aspect}", seed=seed).reward_model for aspect in ASPECTS}
    rows = []
    for domain in ASPECTS:
        prompts, draws = (QUICK_PROMPTS, 1) if quick else (PROMPTS[domain], DRAWS[domain])
        pairs = held_out_pairs(sft, domain, prompts, seed, draws=draws)
        graded = [pair.prompt["kind"] in GRADED_KINDS for pair in pairs]
        dealt = tuple(pair.rating for pair in with_shuffled_ratings(pairs, seed))
        for aspect, model in models.items():
            found = scored(model.score, pairs, sft)
            arm = f"{aspect} model on {domain}"
            rows.append(Row(arm=arm, seed=seed, numbers=by_rating(found, found.ratings)))
            rows.append(Row(arm=arm + SHUFFLED, seed=seed, numbers=by_rating(found, dealt), control=True))
            if domain == "helpfulness":
                alone = found.where(graded)
                rows.append(Row(arm=arm + GRADED, seed=seed, numbers=by_rating(alone, alone.ratings)))
    return rows


def by_rating(found: Scored, ratings: Sequence[str]) -> dict[str, float]:
    """Accuracy and number of pairs of each rating, the average, and what clear pairs have over less clear ones."""
    accuracy = reward_accuracy(found.chosen, found.rejected, ratings)
    numbers: dict[str, float] = {"average": accuracy.average}
    for rating in RATINGS:
        # Of a rating that no pair has, nothing is known: one half, and no pairs.
        numbers[rating] = accuracy.by_rating.get(rating, 0.5)
        numbers[f"{rating}, pairs"] = float(accuracy.counts.get(rating, 0))
    labels = np.array(ratings)
    most, most_error = mean_and_error(found.right[labels == "significantly_better"])
    least, least_error = mean_and_error(found.right[np.isin(labels, LESS_CLEAR)])
    return numbers | {RISE: most - least, error_of(RISE): (most_error**2 + least_error**2) ** 0.5}


def judge(rows: Sequence[Row]) -> Verdict:
    """Each model must show the rise on its own domain, and shuffled ratings must not show it."""
    own = {aspect: pooled(rows, f"{aspect} model on {aspect}", RISE) for aspect in ASPECTS}
    control = {aspect: pooled(rows, f"{aspect} model on {aspect}{SHUFFLED}", RISE) for aspect in ASPECTS}
    seen = "; ".join(
        f"{aspect} model on its own domain {own[aspect]}, with shuffled ratings {control[aspect]}" for aspect in ASPECTS
    )
    # A wider bound where few pairs were measured: chance alone must not count as a control that fails.
    if any(abs(each.mean) > max(MOST_IN_CONTROL, each.high - each.mean) for each in control.values()):
        return Verdict("cannot be seen at this scale", f"accuracy differs by shuffled ratings, too: {seen}")
    if any(each.mean < LEAST_RISE or not each.above_zero for each in own.values()):
        return Verdict("not reproduced", f"accuracy does not rise clearly with the rating for both: {seen}")
    return Verdict("reproduced", f"accuracy on significantly better pairs over less clear ones: {seen}")


CLAIM = Claim(
    name="table-8",
    paper="Table 8",
    chapter=14,
    statement="A reward model's accuracy grows with how clearly one answer is better.",
    paper_numbers={
        "safety model on safety": "94.3 76.3 65.7 55.3, average 64.5",
        "helpfulness model on safety": "89.9 73.2 63.8 54.5, average 62.8",
        "safety model on helpfulness": "64.6 57.5 53.8 52.2, average 56.2",
        "helpfulness model on helpfulness": "80.7 67.5 60.9 54.7, average 63.2",
    },
    counts_as_reproduced=(
        f"on its own domain each model is right on significantly better pairs at least {LEAST_RISE} more often than on "
        "better and slightly better ones, more often in every seed, and the 95 % interval excludes 0"
    ),
    control=f"the ratings dealt out anew among the same pairs: the difference is at most {MOST_IN_CONTROL} or chance",
    seeds=3,
    minutes=0.6,
    run=run,
    judge=judge,
    modules=MODULES,
)
