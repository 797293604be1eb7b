"""Section 3.4.2: raters agree less where two models are close, and more where one of them clearly wins.

Three raters grade every pair of answers on the paper's seven points, from -3 to 3, each pair in an order drawn at
random. Gwet's AC2 with quadratic weights says how far they agree. Close is the fine-tuned model against itself with
other random numbers; clear is its greedy answers against what the base model writes.

What is put in by construction: the raters perceive one common truth through noise, so where two answers differ by more
than the noise they cannot help agreeing, and the level of AC2 follows from how noisy they were made. What is not: how
far the answers of the two comparisons differ, pair by pair. The arm "clear, sides dealt" swaps the two models at random
in every pair, so that nobody wins while the differences stay. The observed agreement stays with them; what AC2 loses
there is chance agreement, since both ends of the scale are used. It tells how much of AC2 needs a winner, and decides
nothing. In the control the same pairs are graded by dice.

What counts was written down after a first look at AC2 on 60 prompts of seed 0 (SFT against itself, V5 against SFT, and
SFT and V5 against base), before this program had run. The looks averaged 0.80 to 0.90 and one draw of the raters' noise
moved them by 0.03, hence ``DRAWS``.

Safety is measured beside, as section 4.4 does: five points, and how far the raters agree on answers to harmful prompts.
Its level is built in (a safe answer lies at the top of the scale, where little of the noise can show), so it decides
nothing, either.
"""

import random
from collections.abc import Sequence

from minillama.evaluation import gwet_ac2
from minillama.evaluation.agreement import observed_agreement
from minillama.evaluation.benchmarks import continued
from minillama.evaluation.win_rate import outcomes_of_scores, win_rate
from minillama.experiments._chat_samples import MAX_NEW_TOKENS, MODULES, heldout, judged, mean_of, sample, valley
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.pipeline import load
from minillama.valley.raters import RATERS, RATINGS, Rater
from minillama.valley.tasks.base import Prompt

CLOSE, CLEAR, DEALT = "close: SFT against SFT", "clear: SFT, greedy, against base", "clear, sides dealt"
BY_DICE = "rated by dice, "
SAFETY = {"SFT on harmful prompts": "sft", "V5 on harmful prompts": "rlhf-v5"}
SEVEN = range(-3, 4)
FIVE = range(1, 6)
LEAST = 0.03  # of AC2, from the close comparison to the clear one
NOTHING = 0.1  # of AC2, by dice
DRAWS = 10  # of the raters' noise, averaged: one draw moves AC2 by about as much as LEAST
SIZES = {True: (80, 60), False: (200, 150)}  # ordinary and harmful prompts


def run(seed: int, quick: bool) -> list[Row]:
    """Let both models of one seed answer, and the raters grade. The quick form leaves V5 out."""
    n_ordinary, n_harmful = SIZES[quick]
    prompts, harmful = heldout(n_ordinary), heldout(n_harmful, adversarial=True)
    base, sft = load("base", seed=seed), load("sft", seed=seed)

    def answers(temperature: float, of_samples: int) -> list[str]:
        found = sample(sft.model, sft.tokenizer, prompts, temperature=temperature, seed=of_samples)
        return list(found.texts)

    texts = [prompt.text for prompt in prompts]
    rambling = continued(base.model, base.tokenizer, texts, max_new_tokens=MAX_NEW_TOKENS, temperature=1.0, seed=seed)
    comparisons = {CLOSE: (answers(1.0, seed), answers(1.0, seed + 1000)), CLEAR: (answers(0.0, seed), rambling)}
    comparisons[DEALT] = dealt(*comparisons[CLEAR], seed)
    rows = [compared(arm, seed, prompts, *pair) for arm, pair in comparisons.items()]
    rows += [compared(BY_DICE + arm, seed, prompts, *comparisons[arm], dice=True) for arm in (CLOSE, CLEAR)]
    for arm, stage in SAFETY.items():
        if stage == "sft" or not quick:
            rows.append(graded_for_safety(arm, stage, seed, harmful))
    return rows


def dealt(ours: Sequence[str], theirs: Sequence[str], seed: int) -> tuple[list[str], list[str]]:
    """The same pairs, with the two sides exchanged by a coin."""
    rng = random.Random(f"sides {seed}")
    pairs = [(a, b) if rng.random() < 0.5 else (b, a) for a, b in zip(ours, theirs, strict=True)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def compared(
    arm: str, seed: int, prompts: Sequence[Prompt], ours: Sequence[str], theirs: Sequence[str], dice: bool = False
) -> Row:
    """AC2 of the raters on one comparison, averaged over draws of their noise, and who wins by the judge."""
    agreement, observed = [], []
    for draw in range(DRAWS):
        rng = random.Random(f"{arm} {seed} {draw}")
        if dice:
            grades = [[rng.choice(SEVEN) for _ in RATERS] for _ in prompts]
        else:
            grades = [
                [grade(rater, prompt, a, b, rng) for rater in RATERS]
                for prompt, a, b in zip(prompts, ours, theirs, strict=True)
            ]
        agreement.append(gwet_ac2(grades, "quadratic", categories=SEVEN))
        observed.append(observed_agreement(grades, "quadratic", categories=SEVEN))
    our_worth, their_worth = (
        [judged(p, text).helpfulness for p, text in zip(prompts, side, strict=True)] for side in (ours, theirs)
    )
    gaps = [abs(a - b) for a, b in zip(our_worth, their_worth, strict=True)]
    return Row(
        arm=arm,
        seed=seed,
        control=dice,
        numbers={
            "AC2": sum(agreement) / DRAWS,
            "observed": sum(observed) / DRAWS,
            "win rate, judge": win_rate(outcomes_of_scores(our_worth, their_worth)).rate,
            "mean gap": sum(gaps) / len(gaps),
        },
    )


def grade(rater: Rater, prompt: Prompt, ours: str, theirs: str, rng: random.Random) -> int:
    """From -3 to 3, plus where ours is better; which answer is shown first is drawn at random."""
    swapped = rng.random() < 0.5
    choice = rater.compare(valley(), prompt, *((theirs, ours) if swapped else (ours, theirs)), rng=rng)
    steps = 3 - RATINGS.index(choice.rating)
    return steps if (choice.chosen == 0) != swapped else -steps


def graded_for_safety(arm: str, stage: str, seed: int, prompts: Sequence[Prompt]) -> Row:
    """AC2 of the raters' five points for the safety of one model's answers, and how often it does harm."""
    artifact = load(stage, seed=seed)
    found = sample(artifact.model, artifact.tokenizer, prompts, seed=seed)
    agreement = []
    for draw in range(DRAWS):
        rng = random.Random(f"{arm} {seed} {draw}")
        grades = [
            [rater.score(valley(), prompt, text, rng=rng, aspect="safety") for rater in RATERS]
            for prompt, text in zip(prompts, found.texts, strict=True)
        ]
        agreement.append(gwet_ac2(grades, "quadratic", categories=FIVE))
    numbers = {"AC2": sum(agreement) / DRAWS, "violations": float(found.violations().mean())}
    return Row(arm=arm, seed=seed, numbers=numbers)


def judge(rows: Sequence[Row]) -> Verdict:
    """The clear comparison must have the higher AC2 in every seed, and dice must agree on nothing."""
    ac2 = {arm: mean_of(rows, arm, "AC2") for arm in dict.fromkeys(row.arm for row in rows)}
    close, clear = ([row.numbers["AC2"] for row in rows if row.arm == arm] for arm in (CLOSE, CLEAR))
    gains = [after - before for before, after in zip(close, clear, strict=True)]
    by_dice = [row.numbers["AC2"] for row in rows if row.control]
    safety = ", ".join(f"{arm} {ac2[arm]:.2f}" for arm in SAFETY if arm in ac2)
    seen = (
        f"AC2 {ac2[CLOSE]:.2f} where the models are close (win rate {mean_of(rows, CLOSE, 'win rate, judge'):.2f}), "
        f"{ac2[CLEAR]:.2f} where one wins ({mean_of(rows, CLEAR, 'win rate, judge'):.2f}), {ac2[DEALT]:.2f} on the "
        f"same pairs with the sides dealt; gains of the seeds {', '.join(f'{gain:+.2f}' for gain in gains)}; by dice "
        f"{min(by_dice):+.2f} to {max(by_dice):+.2f}; safety: {safety}"
    )
    if max(map(abs, by_dice)) > NOTHING:
        return Verdict("cannot be seen at this scale", f"the control fails: {seen}")
    return Verdict("reproduced" if min(gains) >= LEAST else "not reproduced", seen)


CLAIM = Claim(
    name="raters-agree-on-clear-wins",
    paper="section 3.4.2",
    chapter=12,
    statement="Raters agree less where two models are close, and more where one of them clearly wins.",
    paper_numbers={
        "AC2, helpfulness, lowest": 0.37,
        "AC2, helpfulness, highest": 0.55,
    },
    counts_as_reproduced=(
        f"in every seed Gwet's AC2 (quadratic weights, seven points, three raters) is at least {LEAST} higher for "
        "greedy SFT against base than for SFT against itself"
    ),
    control=f"the same pairs graded by dice: AC2 within {NOTHING} of 0 on both comparisons",
    seeds=3,
    minutes=1,
    run=run,
    judge=judge,
    modules=(
        *MODULES,
        "minillama.evaluation.agreement",
        "minillama.evaluation.benchmarks",
        "minillama.evaluation.win_rate",
        "minillama.valley.raters",
    ),
)
