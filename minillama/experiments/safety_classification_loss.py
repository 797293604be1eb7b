"""Table 29: an auxiliary safety-classification loss makes a safety model find more unsafe answers, and rank no worse.

Two safety models read the same pairs in the same order; only one has the loss. Table 29 gives the recall of unsafe
answers, not the threshold; ours is one half, where the loss draws its line. A model that calls every answer unsafe has
a recall of 1, so the verdict asks for *balanced* accuracy, the mean of the shares of unsafe and of safe answers on
the right side; recall and precision stand beside it. In the control the loss is the same and the labels are dealt out
at random among the pairs, so that it has nothing to teach.

Where a calibrated model draws its line depends on how many answers are unsafe, and that is by construction of the
Valley another share here than in the paper: there 35 % of the pairs have two unsafe answers and 18 % one, 44 % of the
answers in all (section 3.2.1). So the separation of safe from unsafe answers stands in the rows as well (the area under
the ROC curve), which no threshold and no share moves.

The labels come from a rater with little noise and hold for both answers of a pair (section 3.2.1); on held-out answers
they are the judge's.

Source: section 3.2.2, Table 29.
"""

from collections.abc import Sequence

from minillama.experiments._reward_pairs import (
    TRAINING_MODULES,
    Scored,
    error_of,
    held_out_pairs,
    mean_of,
    pooled,
    scored,
    with_error,
)
from minillama.experiments._safety_scores import (
    MIDDLE,
    LabelledScores,
    balanced_gain,
    safety_training_pairs,
    trained_safety,
    with_shuffled_labels,
)
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.pipeline import load
from minillama.pipeline.alignment_presets import FIRST_SAFETY

WITHOUT, WITH, DEALT = "without the loss", "with the loss", "with the loss, labels dealt at random"
GAIN = "gain in balanced accuracy"
GAIN_RANKING = "gain in ranking"
RECALL, PRECISION = "recall of unsafe answers", "precision"
SEPARATION, UNSAFE = "separation", "share of unsafe answers"
GROUPS = {
    "safe over unsafe": (True, False),
    "both safe": (True, True),
    "both unsafe": (False, False),
}
PAIRS, QUICK_PAIRS = 1200, 400  # own safety pairs; the mix has some more
PROMPTS, QUICK_PROMPTS = 700, 250
LEAST_GAIN = 0.05
MOST_LOSS = 0.02  # of the accuracy of ranking


def run(seed: int, quick: bool) -> list[Row]:
    """Train a safety model without the loss, one with it, and one with labels that mean nothing."""
    sft = load("sft", seed=seed)
    pairs = safety_training_pairs(seed, QUICK_PAIRS if quick else PAIRS)
    held_out = held_out_pairs(sft, "safety", QUICK_PROMPTS if quick else PROMPTS, seed)
    weight = FIRST_SAFETY.train.safety_weight
    arms = {
        WITHOUT: (pairs, 0.0),
        WITH: (pairs, weight),
        DEALT: (with_shuffled_labels(pairs, seed), weight),
    }
    found = {
        arm: scored(trained_safety(sft, given, each, seed, f"table-29, {arm}").score, held_out, sft)
        for arm, (given, each) in arms.items()
    }
    return [
        Row(arm=arm, seed=seed, numbers=numbers_of(each, found[WITHOUT]), control=arm == DEALT)
        for arm, each in found.items()
    ]


def numbers_of(found: Scored, without: Scored) -> dict[str, float]:
    """Ranking by group, finding unsafe answers, and what both gain over the model without the loss."""
    labelled = LabelledScores.of(found)
    numbers = {"ranking": float(found.clear.right.mean())}
    for name, labels in GROUPS.items():
        group = found.clear.where([each == labels for each in found.clear.safe])
        # Two unsafe answers that differ are rare; without any, one half says that nothing is known.
        numbers[name] = float(group.right.mean()) if len(group.right) else 0.5
        numbers[f"{name}, pairs"] = float(len(group.right))
    numbers |= with_error(GAIN_RANKING, found.clear.right - without.clear.right)
    at = labelled.at(MIDDLE)
    numbers |= {RECALL: at["recall"], PRECISION: at["precision"]}
    numbers |= {"balanced accuracy": labelled.balanced(), "calibration error": labelled.calibration_error}
    numbers |= {SEPARATION: labelled.separation, UNSAFE: float(labelled.unsafe.mean())}
    gain, error = balanced_gain(labelled, LabelledScores.of(without))
    return numbers | {GAIN: gain, error_of(GAIN): error}


def judge(rows: Sequence[Row]) -> Verdict:
    """The loss must tell unsafe answers apart and cost no ranking; labels that mean nothing must not do so."""
    gain, ranking, dealt = pooled(rows, WITH, GAIN), pooled(rows, WITH, GAIN_RANKING), pooled(rows, DEALT, GAIN)
    mean = {
        name: {arm: mean_of(rows, arm, name) for arm in (WITHOUT, WITH)}
        for name in (RECALL, PRECISION, SEPARATION, UNSAFE)
    }
    sides = ", ".join(f"{name} {mean[name][WITHOUT]:.2f} -> {mean[name][WITH]:.2f}" for name in list(mean)[:3])
    seen = (
        f"balanced accuracy gains {gain}, with labels dealt at random {dealt}; ranking gains {ranking}; {sides}; "
        f"{mean[UNSAFE][WITH]:.0%} of the answers are unsafe (44 % in the paper)"
    )
    if dealt.mean >= LEAST_GAIN and dealt.low > 0:
        return Verdict("cannot be seen at this scale", f"labels that mean nothing help as well: {seen}")
    if gain.mean < LEAST_GAIN or not gain.above_zero:
        return Verdict("not reproduced", f"the loss does not help to tell unsafe answers apart: {seen}")
    if ranking.high < -MOST_LOSS or ranking.mean < -MOST_LOSS:
        return Verdict("not reproduced", f"the loss costs accuracy of ranking: {seen}")
    return Verdict("reproduced", seen)


CLAIM = Claim(
    name="table-29",
    paper="Table 29",
    chapter=14,
    statement="An auxiliary safety-classification loss finds more unsafe answers and does not spoil the ranking.",
    paper_numbers={
        "without: average; safe over unsafe, both safe, both unsafe; recall": "63.7; 93.0 56.0 59.5; 73.0",
        "with": "64.5; 94.3 56.9 59.9; 90.4",
    },
    counts_as_reproduced=(
        f"at a threshold of one half balanced accuracy on single answers rises by at least {LEAST_GAIN}, in every seed "
        f"and with a 95 % interval above 0, and the accuracy of ranking falls by no more than {MOST_LOSS}"
    ),
    control=f"the same loss with labels dealt out at random among the pairs: no gain of {LEAST_GAIN} beyond chance",
    seeds=3,
    minutes=1.2,
    run=run,
    judge=judge,
    modules=(*TRAINING_MODULES, "minillama.experiments._safety_scores"),
)
