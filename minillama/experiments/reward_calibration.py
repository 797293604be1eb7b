"""Figure 29: answers with higher scores are worth more, and a difference of scores says how sure a preference is.

Figure 29 sets the mean score of answers against what people gave them on a scale of seven points. Here the judge takes
the people's place. The second half is what the loss promises: it makes ``sigmoid(score a - score b)`` the probability
that a is preferred. Held-out pairs are laid in bins of rising difference, and in each the expected share of wins is
held against the observed one; a tie of the judge counts as half a win. The slope says by how much the differences would
have to be multiplied to fit best: 1 is calibrated, below 1 too sure. Two things make it too sure by construction: the
margin in the training loss asks for more difference than the odds do, and pairs that a rater could hardly tell apart
are not in the helpfulness model's training but are among these. In the control the judge's values are dealt out at
random among the answers.

The held-out prompts are those of a model's own domain; helpfulness is the judge's helpfulness, safety what a rater of
safety sees (safety first, helpfulness between equals).

Source: section 3.2.2 and A.3.3, Figure 29.
"""

import random
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from minillama.alignment.preferences import PreferencePair
from minillama.evaluation.rewards import calibration, calibration_error, rank_correlation
from minillama.experiments._reward_pairs import ASPECTS, MODULES, Scored, held_out_pairs, mean_of, scored
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.pipeline import load
from minillama.pipeline.demonstrations import WORLD_SEED
from minillama.valley.dialogues import prompt_from_dict
from minillama.valley.judge import Judge
from minillama.valley.world import World

DEALT = ", values dealt at random"
ERROR, SLOPE, CORRELATION, RISE = "calibration error", "slope", "rank correlation", "value, highest over lowest fifth"
PROMPTS = {"helpfulness": 750, "safety": 800}
QUICK_PROMPTS = 250
BINS = 10
TIE_BREAK = 0.2  # how much helpfulness counts for the raters of safety: it decides between equally safe answers
SLOPES = np.geomspace(0.01, 10, 301)
MOST_ERROR = 0.1
LEAST_RISE = 0.1
MOST_CORRELATION_IN_CONTROL = 0.1


def run(seed: int, quick: bool) -> list[Row]:
    """Score fresh held-out answers by the two first reward models; nothing is trained."""
    sft = load("sft", seed=seed)
    rows = []
    for aspect in ASPECTS:
        model = load(f"reward-{aspect}", seed=seed).reward_model
        pairs = held_out_pairs(sft, aspect, QUICK_PROMPTS if quick else PROMPTS[aspect], seed)
        found, values = scored(model.score, pairs, sft), judged_values(pairs)
        rows.append(row(aspect, seed, found, values, control=False))
        rows.append(row(aspect + DEALT, seed, found, dealt(values, seed), control=True))
    return rows


def judged_values(pairs: Sequence[PreferencePair]) -> Float[np.ndarray, " answers"]:
    """What a rater without noise finds each answer worth, the chosen ones first."""
    world = World.create(WORLD_SEED)
    judge = Judge(world)
    values = []
    for side in ("chosen", "rejected"):
        for pair in pairs:
            verdict = judge.judge(prompt_from_dict(world, pair.prompt), getattr(pair, side))
            safety = verdict.safety + TIE_BREAK * verdict.helpfulness
            values.append(safety if pair.aspect == "safety" else verdict.helpfulness)
    return np.array(values)


def dealt(values: Float[np.ndarray, " answers"], seed: int) -> Float[np.ndarray, " answers"]:
    """The same values on other answers."""
    order = list(range(len(values)))
    random.Random(f"dealt values {seed}").shuffle(order)
    return values[order]


def row(arm: str, seed: int, found: Scored, values: Float[np.ndarray, " answers"], *, control: bool) -> Row:
    """The numbers and the two curves of one model."""
    gaps, wins = both_ways(found.gaps, values)
    expected = 1 / (1 + np.exp(-np.clip(gaps, -50, 50)))
    fifths = calibration(found.answers, values, bins=5)
    pairs_binned, answers_binned = calibration(expected, wins, BINS), calibration(found.answers, values, BINS)
    numbers = {
        ERROR: calibration_error(expected, wins, BINS),
        SLOPE: slope(gaps, wins),
        CORRELATION: rank_correlation(found.answers, values),
        RISE: fifths[-1].mean_value - fifths[0].mean_value,
        "pairs": float(len(found.gaps)),
    }
    curve = {
        "expected share of wins": [each.mean_score for each in pairs_binned],
        "observed share of wins": [each.mean_value for each in pairs_binned],
        "score": [each.mean_score for each in answers_binned],
        "value": [each.mean_value for each in answers_binned],
    }
    return Row(arm=arm, seed=seed, numbers=numbers, curve=curve, control=control)


def both_ways(
    gaps: Float[np.ndarray, " pairs"], values: Float[np.ndarray, " answers"]
) -> tuple[Float[np.ndarray, " rows"], Float[np.ndarray, " rows"]]:
    """Every pair in either order: the difference of scores, and 1, 0 or a half for what the values say of it.

    In one order alone the first would always be the better one, and a model that is always sure would look calibrated.
    """
    first, second = np.split(values, 2)
    wins = (first > second) + 0.5 * (first == second)
    return np.concatenate([gaps, -gaps]), np.concatenate([wins, 1 - wins])


def slope(gaps: Float[np.ndarray, " rows"], wins: Float[np.ndarray, " rows"]) -> float:
    """The factor under which ``sigmoid(factor * gap)`` predicts the wins best, by log-loss, from 0.01 to 10."""
    losses = [float((np.logaddexp(0, -factor * gaps) * wins + np.logaddexp(0, factor * gaps) * (1 - wins)).mean())
              for factor in SLOPES]  # fmt: skip
    return float(SLOPES[int(np.argmin(losses))])


def judge(rows: Sequence[Row]) -> Verdict:
    """For both models value must rise with the score and wins be about as frequent as expected; not where dealt."""
    value = {
        arm: {name: mean_of(rows, arm, name) for name in (ERROR, SLOPE, CORRELATION, RISE)}
        for arm in (each + suffix for each in ASPECTS for suffix in ("", DEALT))
    }
    seen = "; ".join(
        f"{aspect}: calibration error {value[aspect][ERROR]:.3f} (dealt {value[aspect + DEALT][ERROR]:.3f}), slope "
        f"{value[aspect][SLOPE]:.2f}, value rises by {value[aspect][RISE]:+.2f} from lowest to highest fifth (dealt "
        f"{value[aspect + DEALT][RISE]:+.2f})"
        for aspect in ASPECTS
    )
    if any(abs(value[aspect + DEALT][CORRELATION]) > MOST_CORRELATION_IN_CONTROL for aspect in ASPECTS):
        return Verdict("cannot be seen at this scale", f"values dealt at random rise with the score, too: {seen}")
    flat = [a for a in ASPECTS if min(float(r.numbers[RISE]) for r in rows if r.arm == a) < LEAST_RISE]
    if flat:
        return Verdict("not reproduced", f"value does not rise with the {' and the '.join(flat)} score: {seen}")
    if any(value[aspect][ERROR] > MOST_ERROR for aspect in ASPECTS):
        return Verdict("not reproduced", f"value rises with the score, but the scores are not calibrated: {seen}")
    return Verdict("reproduced", seen)


CLAIM = Claim(
    name="figure-29",
    paper="Figure 29",
    chapter=14,
    statement="Reward models' scores are well calibrated against what the answers are worth.",
    paper_numbers={},
    counts_as_reproduced=(
        f"for both models the judge's value rises by at least {LEAST_RISE} from the lowest to the highest fifth of the "
        f"scores in every seed, and the shares of wins expected from score differences miss the observed ones by at "
        f"most {MOST_ERROR} on average"
    ),
    control=(
        "the judge's values dealt out at random among the answers: their rank correlation with the score stays below "
        f"{MOST_CORRELATION_IN_CONTROL}"
    ),
    seeds=3,
    minutes=0.3,
    run=run,
    judge=judge,
    modules=MODULES,
)
