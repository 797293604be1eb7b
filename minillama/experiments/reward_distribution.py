"""Figure 20: the distribution of rewards moves to the right from version to version, and the poor tail goes first.

Every version answers the same held-out prompts once, sampled at temperature 1. The scores are those of one reward
model, the newest, for all versions; what the answers are worth is the judge's to say. The judge's helpfulness ends at 1
and many answers are there from the start, so its upper quantiles cannot move: which tail goes first is read off the
scores, which have no such end, and confirmed by the judge's share of poor answers. The control changes nothing but the
random numbers. A third arm samples the SFT model at temperature 0.5: how much of the shift is mere sharpening.
"""

from collections.abc import Sequence

import torch

from minillama.experiments._chat_samples import (
    MODULES,
    VERSIONS,
    Samples,
    Scorers,
    by_seed,
    difference,
    heldout,
    interval,
    mean_of,
    sample,
)
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.pipeline import load

STAGES = ("sft", "rlhf-v1", "rlhf-v4", "rlhf-v5")
AGAIN, SHARPENED = "SFT again", "SFT at temperature 0.5"
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
POOR = 0.25  # an answer that helps less than this is poor
RIGHT = 0.05  # least gain of the judge's mean
FIRST = 1.5  # how many times as far as the upper tail the lower one moves
PROMPTS = {True: 150, False: 500}


def run(seed: int, quick: bool) -> list[Row]:
    """Sample and measure all versions of one seed."""
    prompts = heldout(PROMPTS[quick])
    scorers = Scorers.at("rlhf-v5", seed)
    rows = []
    for stage in STAGES:
        artifact = load(stage, seed=seed)
        found = sample(artifact.model, artifact.tokenizer, prompts, seed=seed)
        rows.append(measured(VERSIONS[stage], seed, found, scorers))
    artifact = load("sft", seed=seed)
    found = sample(artifact.model, artifact.tokenizer, prompts, seed=seed + 1000)
    rows.append(measured(AGAIN, seed, found, scorers, control=True))
    found = sample(artifact.model, artifact.tokenizer, prompts, temperature=0.5, seed=seed)
    return [*rows, measured(SHARPENED, seed, found, scorers)]


def measured(arm: str, seed: int, samples: Samples, scorers: Scorers, control: bool = False) -> Row:
    """Quantiles of the score and of the judge's value of one arm's answers."""
    values, scores = samples.helpfulness().flatten(), samples.scores(scorers.of_helpfulness).flatten()
    return distribution(arm, seed, values.tolist(), scores.tolist(), control)


def distribution(arm: str, seed: int, values: Sequence[float], scores: Sequence[float], control: bool = False) -> Row:
    """A row of one distribution."""
    numbers = {
        "judge, mean": sum(values) / len(values),
        "poor answers": sum(value < POOR for value in values) / len(values),
        "score, mean": sum(scores) / len(scores),
    }
    for name, row in (("score", scores), ("judge", values)):
        quantiles = torch.tensor(row, dtype=torch.float64).quantile(torch.tensor(QUANTILES, dtype=torch.float64))
        numbers |= {f"{name}, quantile {at:g}": value for at, value in zip(QUANTILES, quantiles.tolist())}
    return Row(
        arm=arm,
        seed=seed,
        numbers=numbers,
        control=control,
        curve={"judge": list(values), "sorted scores": sorted(scores)},
    )


def shift(rows: Sequence[Row], arm: str, quantile: float) -> float:
    """How far a quantile of the score lies to the right of SFT's, mean over seeds."""
    name = f"score, quantile {quantile:g}"
    return mean_of(rows, arm, name) - mean_of(rows, "SFT", name)


def judge(rows: Sequence[Row]) -> Verdict:
    """The judge's mean must rise, the score's lower tail move further than its upper one, and the control stay."""
    gain, still = difference(rows, "V5", "SFT", "judge"), difference(rows, AGAIN, "SFT", "judge")
    low, high = shift(rows, "V1", 0.1), shift(rows, "V1", 0.9)
    idle = abs(shift(rows, AGAIN, 0.1))
    poor = [mean_of(rows, arm, "poor answers") for arm in ("SFT", "V1", "V5")]
    sharpened = difference(rows, SHARPENED, "SFT", "judge")
    seen = (
        f"the judge's mean rises by {interval(gain)} from SFT to V5 ({sharpened.mean:+.3f} by sampling SFT at 0.5); "
        f"from SFT to V1 the score's lowest tenth moves by {low:+.2f}, its highest by {high:+.2f}; the share of poor "
        f"answers goes {poor[0]:.2f}, {poor[1]:.2f}, {poor[2]:.2f} (SFT, V1, V5); sampled again, SFT's lowest tenth "
        f"moves by {idle:.2f}"
    )
    if still.mean > RIGHT or idle > 0.5 * abs(low):
        return Verdict("cannot be seen at this scale", f"the control moves, too: {seen}")
    each = [row.numbers["poor answers"] for row in by_seed(rows, "V1")]
    before = [row.numbers["poor answers"] for row in by_seed(rows, "SFT")]
    moved = gain.low > 0 and gain.mean >= RIGHT and low > 0
    first = low >= FIRST * max(high, 0.0) and all(a < b for a, b in zip(each, before))
    return Verdict("reproduced" if moved and first else "not reproduced", seen)


CLAIM = Claim(
    name="figure-20",
    paper="Figure 20",
    chapter=17,
    statement="From SFT to the last RLHF version rewards move to the right, and the poor answers go first.",
    paper_numbers={},
    counts_as_reproduced=(
        f"the judge's mean rises by at least {RIGHT} from SFT to V5 (95 % interval above 0, seeds pooled); from SFT to "
        f"V1 the score's quantile 0.1 moves at least {FIRST:g} times as far right as its quantile 0.9, and the judge "
        "finds fewer poor answers in every seed"
    ),
    control="the SFT model sampled again with other random numbers: its lowest tenth moves less than half as far",
    seeds=3,
    minutes=0.6,
    run=run,
    judge=judge,
    modules=MODULES,
)
