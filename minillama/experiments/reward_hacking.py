"""Section 3.2.3: PPO against a reward model that cannot judge what it sees raises the score and spoils the answers.

Three runs of PPO start from V4 and see the same prompts. The first has the paper's KL weight for its smaller models,
which is weak here, and the very first reward model, which knows only the SFT model's answers. The second has what the
paper does against hacking: a reward model renewed on the newest answers and a KL penalty that holds (ours, towards a
sharper reference). In the control the reward is the judge itself, under the weak penalty: where the reward is the truth
there is nothing to hack, and helpfulness must not fall. Scores are of the reward model that each run optimised.
"""

from collections.abc import Sequence

from minillama.alignment.combined_reward import Reward
from minillama.experiments._chat_samples import (
    MODULES,
    Scorers,
    difference,
    fell,
    heldout,
    interval,
    sample,
    training_side,
)
from minillama.experiments._small_ppo import MODULES as PPO_MODULES
from minillama.experiments._small_ppo import RunSize, before_and_after, optimised, reward_of_judge, with_kl
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.pipeline import load

HACKED, HELD, TRUE = "weak KL, stale reward model", "strong KL, fresh reward model", "weak KL, judge as reward"
WEAK, STRONG, SHARPER = 0.01, 0.5, 0.5  # weights of the KL; temperature of the reference under the strong one
UNHARMED = 0.02  # what the judge may take off an arm that must not fall
SIZES = {True: (RunSize(iterations=5, batch=96), 150), False: (RunSize(iterations=10, batch=128), 400)}


def run(seed: int, quick: bool) -> list[Row]:
    """Three runs of one seed, and what became of held-out answers."""
    size, n_heldout = SIZES[quick]
    start = load("rlhf-v4", seed=seed)
    stale, fresh = Scorers.at("sft", seed), Scorers.at("rlhf-v5", seed)
    prompts = training_side(size.answers, seed)
    asked = heldout(n_heldout)
    before = sample(start.model, start.tokenizer, asked, seed=seed)
    truth = reward_of_judge([*prompts, *asked], start.tokenizer)
    arms: list[tuple[str, Reward, Scorers, float, float]] = [
        (HACKED, stale.of_helpfulness, stale, WEAK, 1.0),
        (HELD, fresh.of_helpfulness, fresh, STRONG, SHARPER),
        (TRUE, truth, fresh, WEAK, 1.0),
    ]
    rows = []
    for arm, reward, scorers, beta, reference_temperature in arms:
        settings = size.settings(seed, beta, reference_temperature=reference_temperature)
        policy, report = optimised(start, reward, prompts, settings, scorers.helpfulness)
        after = sample(policy, start.tokenizer, asked, seed=seed)
        row = before_and_after(arm, seed, before, after, reward, control=arm == TRUE)
        rows.append(with_kl(row, report))
    return rows


def judge(rows: Sequence[Row]) -> Verdict:
    """Hacked: the score up, the judge down. Held: the judge not down. Control: the judge not down."""
    score = difference(rows, HACKED, HACKED, "score", "score before")
    hacked, held, true = (difference(rows, arm, arm, "judge", "judge before") for arm in (HACKED, HELD, TRUE))
    held_score = difference(rows, HELD, HELD, "score", "score before")
    seen = (
        f"weak KL and stale reward model: its score {interval(score)}, judge {interval(hacked)}; strong KL and fresh "
        f"reward model: its score {interval(held_score)}, judge {interval(held)}; the judge itself as reward under "
        f"weak KL: judge {interval(true)}"
    )
    if fell(true, UNHARMED):
        return Verdict("cannot be seen at this scale", f"the control is spoilt, too: {seen}")
    happened = score.low > 0 and hacked.high < 0
    prevented = not fell(held, UNHARMED)
    return Verdict("reproduced" if happened and prevented else "not reproduced", seen)


CLAIM = Claim(
    name="reward-hacking",
    paper="section 3.2.3",
    chapter=16,
    statement=(
        "PPO against a stale reward model with a weak KL term raises the score while answers get worse; a fresh "
        "reward model and a stronger KL term prevent it."
    ),
    paper_numbers={"KL weight, 7B and 13B": 0.01, "KL weight, 34B and 70B": 0.005},
    counts_as_reproduced=(
        "on held-out prompts, seeds pooled, 95 % intervals: under weak KL the stale model's score rises and the "
        f"judge's helpfulness falls; under strong KL with a fresh model it falls by at most {UNHARMED}"
    ),
    control=f"the judge itself as the reward, under the weak KL: helpfulness falls by at most {UNHARMED}",
    seeds=3,
    minutes=1.5,
    run=run,
    judge=judge,
    modules=(*MODULES, *PPO_MODULES),
)
