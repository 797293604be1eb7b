"""Section 3.2.3: how much the KL term of PPO weighs decides how far the policy goes, and whether that helps.

Runs of PPO from V4 differ in beta alone; the reward model is the newest, the reference the plain V4. What counts is the
judge's helpfulness on held-out prompts. In the control the reward is the judge itself at the weakest beta: what the
penalty has to prevent is gone, and helpfulness must not fall without it.
"""

from collections.abc import Sequence
from itertools import pairwise

from minillama.experiments._chat_samples import (
    MODULES,
    Scorers,
    difference,
    fell,
    heldout,
    interval,
    mean_of,
    sample,
    training_side,
)
from minillama.experiments._small_ppo import MODULES as PPO_MODULES
from minillama.experiments._small_ppo import RunSize, before_and_after, optimised, reward_of_judge, with_kl
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.pipeline import load

BETAS = (0.01, 0.1, 1.0)
TRUE = f"judge as reward, beta {BETAS[0]:g}"
HELPS = 0.01  # what a stronger penalty must add to the judge's helpfulness
UNHARMED = 0.02
SIZES = {True: (RunSize(iterations=4, batch=96), 150), False: (RunSize(iterations=8, batch=128), 400)}


def arm_of(beta: float) -> str:
    """The name of an arm.

    >>> arm_of(0.1)
    'beta 0.1'
    """
    return f"beta {beta:g}"


def run(seed: int, quick: bool) -> list[Row]:
    """One run for each beta, and the control."""
    size, n_heldout = SIZES[quick]
    start, scorers = load("rlhf-v4", seed=seed), Scorers.at("rlhf-v5", seed)
    prompts, asked = training_side(size.answers, seed), heldout(n_heldout)
    before = sample(start.model, start.tokenizer, asked, seed=seed)
    truth = reward_of_judge(prompts, start.tokenizer)
    learnt = scorers.of_helpfulness
    arms = [*((arm_of(beta), beta, learnt) for beta in BETAS), (TRUE, BETAS[0], truth)]
    rows = []
    for arm, beta, reward in arms:
        policy, report = optimised(start, reward, prompts, size.settings(seed, beta), scorers.helpfulness)
        after = sample(policy, start.tokenizer, asked, seed=seed)
        row = before_and_after(arm, seed, before, after, learnt, control=arm == TRUE)
        rows.append(with_kl(row, report))
    return rows


def judge(rows: Sequence[Row]) -> Verdict:
    """A larger beta must hold the policy closer, and some larger one must serve the judge better than the smallest."""
    arms = [arm_of(beta) for beta in BETAS]
    kls = [mean_of(rows, arm, "KL from its reference") for arm in arms]
    gains = {arm: difference(rows, arm, arms[0], "judge") for arm in arms[1:]}
    best = max(gains, key=lambda arm: gains[arm].mean)
    true = difference(rows, TRUE, TRUE, "judge", "judge before")
    seen = "; ".join(
        f"{arm}: KL {kl:.2f}, score {mean_of(rows, arm, 'score'):.2f}, judge {mean_of(rows, arm, 'judge'):.3f}"
        for arm, kl in zip(arms, kls, strict=True)
    )
    start = (
        f"V4: score {mean_of(rows, arms[0], 'score before'):.2f}, judge {mean_of(rows, arms[0], 'judge before'):.3f}"
    )
    seen = (
        f"{start}; {seen}; {best} over {arms[0]} {interval(gains[best])} by the judge; the judge itself as reward at "
        f"{arms[0]}: {interval(true)}"
    )
    if fell(true, UNHARMED):
        return Verdict("cannot be seen at this scale", f"the control is spoilt, too: {seen}")
    closer = all(after < before for before, after in pairwise(kls)) and kls[-1] < kls[0] / 2
    helps = gains[best].low > 0 and gains[best].mean >= HELPS
    return Verdict("reproduced" if closer and helps else "not reproduced", seen)


CLAIM = Claim(
    name="kl-weight",
    paper="section 3.2.3",
    chapter=16,
    statement="The KL term keeps the policy close to its reference; without enough of it answers get worse.",
    paper_numbers={"KL weight, 7B and 13B": 0.01, "KL weight, 34B and 70B": 0.005},
    counts_as_reproduced=(
        "the KL falls with every larger weight, at the largest to less than half; at some larger weight the judge's "
        f"helpfulness is higher than at the smallest by at least {HELPS} (95 % interval above 0, seeds pooled)"
    ),
    control=f"the judge itself as the reward, at the smallest weight: helpfulness falls by at most {UNHARMED}",
    seeds=3,
    minutes=1.5,
    run=run,
    judge=judge,
    modules=(*MODULES, *PPO_MODULES),
)
