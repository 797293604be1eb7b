"""Figure 7: the more answers are sampled, the higher the best reward among them, while the median stays.

That the highest of N scores grows with N is arithmetic, and so is that the median stays: a random score does both. What
a model can contradict is that the answer with the highest score is *better*. So a hundred answers are sampled to each
prompt, every N draws from them, and the judge values the answer that is picked, by the helpfulness model's score, by a
random score (the control), and by the chat model's own likelihood without any reward model: picking the likeliest
answer is sharpening, which needs no preferences and explains most of what best-of-N gains here, since the helpfulness
model itself counts likelihood. Prompts of the training
side ask for facts that demonstrations hold; held-out ones do not, and a reward model of this size may not know them.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from minillama.alignment.reward_curves import reward_curves
from minillama.experiments._chat_samples import (
    MODULES,
    Scorers,
    by_seed,
    difference,
    heldout,
    interval,
    mean_of,
    sample,
    training_side,
)
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.pipeline import load

PROMPT_SEED = 77  # the same prompts of the training side for every seed, so that they pair
TRAINING, HELD_OUT = "training-side prompts", "held-out prompts"
BY_SCORE, BY_LIKELIHOOD, AT_RANDOM = "reward model", "likelihood", "random score"
LEAST_GAIN = 0.05  # of the judge's value, from one answer to the most
MOST_AT_RANDOM = 0.02
RANDOM_SCORES = 30
SIZES = {True: (40, 40, (1, 2, 4, 10, 20, 40)), False: (90, 100, (1, 2, 4, 8, 16, 32, 64, 100))}


def run(seed: int, quick: bool) -> list[Row]:
    """Sample from SFT, and pick by each measure."""
    n_prompts, samples, ns = SIZES[quick]
    sft, reward = load("sft", seed=seed), Scorers.at("sft", seed).of_helpfulness
    sides = {TRAINING: training_side(n_prompts, PROMPT_SEED), HELD_OUT: heldout(n_prompts)}
    rows = []
    for side, prompts in sides.items():
        found = sample(sft.model, sft.tokenizer, prompts, samples, seed=seed)
        scores, likelihoods = found.scores(reward), found.likelihoods()
        measures = {
            BY_SCORE: [scores],
            BY_LIKELIHOOD: [likelihoods],
            AT_RANDOM: random_scores(n_prompts, samples, seed),
        }
        values = found.helpfulness()
        rows += [picked(f"{side}, {by}", seed, values, each, ns) for by, each in measures.items()]
    return rows


def random_scores(n_prompts: int, samples: int, seed: int) -> list[Float[Tensor, "prompts n"]]:
    """Scores that know nothing of the answers; several, since a single one is lucky or not."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n_prompts, samples, generator=generator, dtype=torch.float64) for _ in range(RANDOM_SCORES)]


def picked(
    arm: str,
    seed: int,
    values: Float[Tensor, "prompts n"],
    measures: Sequence[Float[Tensor, "prompts n"]],
    ns: Sequence[int],
) -> Row:
    """Expected maximum and median of a score among N answers, and the judge's value of the one it picks.

    Of several scores the mean is taken.
    """
    found = [reward_curves(scores, ns, values=values) for scores in measures]
    means, units = zip(*((float(scores.mean()), float(scores.std(correction=0)) or 1.0) for scores in measures))
    rises, medians = (
        torch.stack([(part - mean) / unit for part, mean, unit in zip(parts, means, units, strict=True)]).mean(0)
        for parts in ([each.maximum.mean(0) for each in found], [each.median.mean(0) for each in found])
    )
    chosen = torch.stack([each.picked for each in found if each.picked is not None]).mean(0)
    by_n = {f"judge, best of {n}": value for n, value in zip(ns, chosen.mean(0).tolist(), strict=True)}
    return Row(
        arm=arm,
        seed=seed,
        control=arm.endswith(AT_RANDOM),
        numbers={
            **by_n,
            "judge, best there is": float(values.max(dim=1).values.mean()),
            "maximum rises by (deviations)": float(rises[-1] - rises[0]),
            "median moves by (deviations)": float(medians[-1] - medians[0]),
        },
        curve={
            "N": list(ns),
            "maximum": rises.tolist(),
            "median": medians.tolist(),
            "judge": chosen.mean(0).tolist(),
            "judge of one": chosen[:, 0].tolist(),
            "judge of most": chosen[:, -1].tolist(),
        },
    )


def judge(rows: Sequence[Row]) -> Verdict:
    """The score's choice among many must be better by the judge than one answer; a random choice must not."""
    sides = (TRAINING, HELD_OUT)
    gains = {
        (side, by): difference(rows, f"{side}, {by}", f"{side}, {by}", "judge of most", "judge of one")
        for side in sides
        for by in (BY_SCORE, BY_LIKELIHOOD, AT_RANDOM)
    }
    arm = f"{TRAINING}, {BY_SCORE}"
    told = "; ".join(
        f"{side}: {interval(gains[side, BY_SCORE])} by the reward model, {gains[side, BY_LIKELIHOOD].mean:+.3f} by "
        f"likelihood, {gains[side, AT_RANDOM].mean:+.3f} at random; the "
        f"reward model's choice is best among {best_number(rows, side)}"
        for side in sides
    )
    seen = (
        f"the judge's gain of the best of most over one: {told}; the score's maximum rises by "
        f"{mean_of(rows, arm, 'maximum rises by (deviations)'):.2f} deviations, its median moves by "
        f"{mean_of(rows, arm, 'median moves by (deviations)'):.2f}"
    )
    if any(abs(gains[side, AT_RANDOM].mean) > MOST_AT_RANDOM for side in sides):
        return Verdict("cannot be seen at this scale", f"a random choice gains, too: {seen}")
    ours = [gains[side, BY_SCORE] for side in sides]
    carried = [gain.low > 0 and gain.mean >= LEAST_GAIN for gain in ours]
    if all(carried):
        return Verdict("reproduced", seen)
    where = "nowhere" if not any(carried) else "only on " + next(s for s, yes in zip(sides, carried) if yes)
    return Verdict("not reproduced", f"the higher score is the better answer {where}: {seen}")


def best_number(rows: Sequence[Row], side: str) -> int:
    """Of how many answers the one with the highest score is worth most to the judge, mean over seeds."""
    found = by_seed(rows, f"{side}, {BY_SCORE}")
    means = [sum(values) / len(found) for values in zip(*(row.curve["judge"] for row in found), strict=True)]
    return int(found[0].curve["N"][means.index(max(means))])


CLAIM = Claim(
    name="figure-7",
    paper="Figure 7",
    chapter=15,
    statement="The best reward among N samples grows with N while the median stays: more samples, better answers.",
    paper_numbers={"N": "1 to 100"},
    counts_as_reproduced=(
        f"the judge's helpfulness of the answer with the highest score is at least {LEAST_GAIN} above that of a single "
        "answer (95 % interval above 0, seeds pooled), on prompts of the training side and on held-out ones"
    ),
    control=f"a random score, whose maximum grows as well: its choice gains at most {MOST_AT_RANDOM} by the judge",
    seeds=3,
    minutes=1,
    run=run,
    judge=judge,
    modules=(*MODULES, "minillama.alignment.reward_curves"),
)
