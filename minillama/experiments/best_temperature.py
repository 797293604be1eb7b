"""Figure 8: at which temperature the best of N answers is best depends on the model: higher after RLHF than before.

SFT and V4 answer the same prompts at several temperatures; the helpfulness model scores, and the best of N is kept. A
temperature costs a single answer and widens the choice, so the best temperature for many answers is a balance that
every model strikes elsewhere. What is tested is that difference: by how much the best of N gains from a low to a high
temperature, in V4 against SFT, on each prompt. In the control both are SFT, with other random numbers; and with one
answer instead of N the low temperature must be the better one, since there is no choice to widen.
"""

from collections.abc import Sequence

from minillama.alignment.reward_curves import reward_curves
from minillama.experiments._chat_samples import MODULES, Scorers, by_seed, difference, interval, sample, training_side
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.pipeline import load

PROMPT_SEED = 78
BEFORE, AFTER, AGAIN = "SFT", "V4", "SFT again"
TEMPERATURES = (0.5, 0.8, 1.1, 1.4)
LOW, HIGH = 0.5, 1.4
MANY = 10  # from here on answers are many, up to the paper's 100
SIZES = {True: (16, 30, (1, 4, 10, 30)), False: (24, 100, (1, 4, 10, 30, 100))}


def run(seed: int, quick: bool) -> list[Row]:
    """Best of N of two models at every temperature, and the first once more."""
    n_prompts, samples, ns = SIZES[quick]
    prompts = training_side(n_prompts, PROMPT_SEED)
    reward = Scorers.at("rlhf-v4", seed).of_helpfulness
    rows = []
    for arm, stage, shift in ((BEFORE, "sft", 0), (AFTER, "rlhf-v4", 0), (AGAIN, "sft", 1000)):
        artifact = load(stage, seed=seed)
        best: dict[float, tuple[list[list[float]], list[list[float]]]] = {}
        for temperature in (LOW, HIGH) if arm == AGAIN else TEMPERATURES:
            found = sample(
                artifact.model, artifact.tokenizer, prompts, samples, temperature=temperature, seed=seed + shift
            )
            curves = reward_curves(found.scores(reward), ns, values=found.helpfulness(), usable=found.usable())
            assert curves.picked is not None
            best[temperature] = (curves.maximum.T.tolist(), curves.picked.T.tolist())
        rows.append(summed_up(arm, seed, ns, best))
    return rows


def summed_up(
    arm: str, seed: int, ns: Sequence[int], best: dict[float, tuple[list[list[float]], list[list[float]]]]
) -> Row:
    """One model's row: for every N and temperature the score and the judge's value of the best of N.

    Args:
        arm: The model.
        seed: Of the run.
        ns: Numbers of answers.
        best: For each temperature, scores and judge's values: a list over ``ns`` of one number a prompt.
    """
    numbers: dict[str, float] = {}
    for place, n in enumerate(ns):
        means = {at: sum(scores[place]) / len(scores[place]) for at, (scores, _) in best.items()}
        valued = {at: sum(values[place]) / len(values[place]) for at, (_, values) in best.items()}
        numbers |= {f"score, best of {n} at {at:g}": mean for at, mean in means.items()}
        numbers |= {f"judge, best of {n} at {at:g}": mean for at, mean in valued.items()}
        numbers[f"best temperature of {n}"] = max(means, key=means.__getitem__)
        numbers[f"best temperature of {n} by the judge"] = max(valued, key=valued.__getitem__)
    many = [place for place, n in enumerate(ns) if n >= MANY]
    curve = {
        f"{name}, {which}": _gained(best[LOW][part], best[HIGH][part], places)
        for part, name in enumerate(("score", "judge"))
        for places, which in (([0], "one"), (many, "many"))
    }
    return Row(arm=arm, seed=seed, numbers=numbers, control=arm == AGAIN, curve=curve)


def _gained(low: list[list[float]], high: list[list[float]], places: Sequence[int]) -> list[float]:
    """By how much the high temperature is better on each prompt, mean over some of the numbers of answers."""
    rises = [[after - before for before, after in zip(low[at], high[at], strict=True)] for at in places]
    return [sum(each) / len(each) for each in zip(*rises, strict=True)]


def judge(rows: Sequence[Row]) -> Verdict:
    """With many answers heat must help V4 more than SFT, by score and judge; SFT and SFT again must not differ."""
    score, value = (difference(rows, AFTER, BEFORE, f"{name}, many") for name in ("score", "judge"))
    still = difference(rows, AGAIN, BEFORE, "score, many")
    single = [sum(row.curve["judge, one"]) for arm in (BEFORE, AFTER) for row in by_seed(rows, arm)]
    told = "; ".join(f"{arm} {_best(rows, arm)}" for arm in (BEFORE, AFTER))
    seen = (
        f"best temperatures by score, N rising: {told}; from {MANY} answers up {HIGH} adds to {LOW}, V4 against SFT, "
        f"{interval(score)} by score, {interval(value)} by the judge; SFT against itself {interval(still)}"
    )
    if still.excludes_zero or max(single) > 0:
        return Verdict(
            "cannot be seen at this scale", f"the control differs, too, or heat helps single answers: {seen}"
        )
    if score.low > 0 and value.low > 0:
        return Verdict("reproduced", seen)
    # The paper's figure is drawn by the score, so it is worth a word where the score alone shows it.
    by = "by the score, as the paper measures it, but not by the judge: " if score.low > 0 else ""
    return Verdict("not reproduced", by + seen)


def _best(rows: Sequence[Row], arm: str) -> str:
    """Best temperatures of an arm for every N, mean over seeds."""
    found = by_seed(rows, arm)
    names = [name for name in found[0].numbers if name.startswith("best temperature") and not name.endswith("judge")]
    return ", ".join(f"{sum(row.numbers[name] for row in found) / len(found):.2f}" for name in names)


CLAIM = Claim(
    name="figure-8",
    paper="Figure 8",
    chapter=15,
    statement="The best temperature for the best of N answers depends on the model: it is higher after RLHF.",
    paper_numbers={"RLHF model, 10 to 100 samples": "1.2 to 1.3"},
    counts_as_reproduced=(
        f"with {MANY} to 100 answers, temperature {HIGH} instead of {LOW} changes the best answer's score, and its "
        "value by the judge, more favourably for V4 than for SFT (95 % intervals above 0, same prompts, seeds pooled)"
    ),
    control=(
        "SFT against itself with other random numbers: no such difference; and a single answer is worth less at the "
        "higher temperature to the judge"
    ),
    seeds=3,
    minutes=1.5,
    run=run,
    judge=judge,
    modules=(*MODULES, "minillama.alignment.reward_curves"),
)
