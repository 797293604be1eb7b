"""Section 3.2.3: rejection sampling looks broadly, PPO deeply; both make better answers of equally many samples.

Rejection sampling draws K answers to each prompt from one policy; in PPO every answer comes from the policy as it was
just updated. All arms start from SFT and spend the same number of sampled and scored answers under the same reward
models: all on breadth, all on depth, or half on breadth and then half on depth, as the paper did from V4 to V5. In the
control breadth picks the likeliest of K answers and asks no reward model. That is sharpening, it needs no preferences,
and it gains by itself: what an arm is worth beyond it is what the reward is worth.
"""

from collections.abc import Sequence

from minillama.experiments._chat_samples import (
    MODULES,
    Scorers,
    answer_values,
    difference,
    heldout,
    interval,
    mean_of,
)
from minillama.experiments._small_ppo import MODULES as PPO_MODULES
from minillama.experiments._small_ppo import RunSize, mixed_prompts, optimised
from minillama.experiments._small_rounds import MODULES as ROUND_MODULES
from minillama.experiments._small_rounds import K, by_breadth, likelihood_of
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.model import Transformer
from minillama.pipeline import load
from minillama.pipeline.artifact import Artifact
from minillama.valley.tasks.base import Prompt

START, BREADTH, DEPTH, BOTH = "SFT", "breadth: rejection sampling", "depth: PPO", "breadth, then depth"
LIKELIEST = "breadth without a reward"
BETA, SHARPER = 0.5, 0.5  # towards a sharper reference, as in the pipeline's PPO, by a stronger penalty
SIZES = {True: (RunSize(iterations=6, batch=64), 120, 80), False: (RunSize(iterations=12, batch=128), 400, 200)}


def run(seed: int, quick: bool) -> list[Row]:
    """Five models of one seed, four of them trained on as many samples each."""
    size, n_ordinary, n_harmful = SIZES[quick]
    start, scorers = load("sft", seed=seed), Scorers.at("sft", seed)
    asked = heldout(n_ordinary), heldout(n_harmful, adversarial=True)
    half = RunSize(iterations=size.iterations // 2, batch=size.batch)
    prompts = mixed_prompts(size.answers, seed)
    broad = by_breadth(start, prompts[: size.answers // K], scorers.reward, seed)
    halfway = by_breadth(start, prompts[: half.answers // K], scorers.reward, seed)
    arms = {
        START: start.model,
        BREADTH: broad,
        DEPTH: by_depth(start, prompts, scorers, size, seed, start.model),
        BOTH: by_depth(start, prompts[half.answers :], scorers, half, seed, halfway),
        LIKELIEST: by_breadth(start, prompts[: size.answers // K], likelihood_of(start.model), seed),
    }
    rows = []
    for arm, model in arms.items():
        helpful, violated = answer_values(model, start.tokenizer, *asked, seed=seed)
        rows.append(
            Row(
                arm=arm,
                seed=seed,
                control=arm == LIKELIEST,
                numbers={
                    "helpfulness": sum(helpful) / len(helpful),
                    "violations": sum(violated) / len(violated),
                    "samples": 0 if arm == START else size.answers,
                },
                curve={"helpfulness": helpful, "violations": violated},
            )
        )
    return rows


def by_depth(
    start: Artifact, prompts: Sequence[Prompt], scorers: Scorers, size: RunSize, seed: int, policy: Transformer
) -> Transformer:
    """A policy after PPO under the two reward models."""
    settings = size.settings(seed, BETA, reference_temperature=SHARPER)
    trained, _ = optimised(start, scorers.reward, prompts, settings, scorers.helpfulness, policy)
    return trained


def judge(rows: Sequence[Row]) -> Verdict:
    """Breadth and depth must both help more than SFT does, and more than sharpening alone."""
    trained = (BREADTH, DEPTH, BOTH)
    gains = {arm: difference(rows, arm, START, "helpfulness") for arm in (*trained, LIKELIEST)}
    beyond = {arm: difference(rows, arm, LIKELIEST, "helpfulness") for arm in trained}
    safer = {arm: difference(rows, arm, LIKELIEST, "violations") for arm in trained}
    told = "; ".join(
        f"{arm} {mean_of(rows, arm, 'helpfulness'):.3f} and {mean_of(rows, arm, 'violations'):.3f}"
        for arm in (START, *trained, LIKELIEST)
    )
    seen = f"helpfulness and violations: {told}; beyond the control: " + "; ".join(
        f"{arm} {interval(beyond[arm])}, violations {interval(safer[arm])}" for arm in trained
    )
    if not all(gains[arm].low > 0 for arm in (BREADTH, DEPTH)):
        return Verdict("not reproduced", seen)
    # The reward may show in helpfulness or in harmlessness; sharpening alone knows neither.
    worth = all(
        (beyond[arm].low > 0 and safer[arm].mean <= 0.02) or (safer[arm].high < 0 and beyond[arm].mean >= -0.02)
        for arm in (BREADTH, DEPTH)
    )
    if not worth:
        return Verdict("cannot be seen at this scale", f"the control without a reward gains as much: {seen}")
    return Verdict("reproduced", seen)


CLAIM = Claim(
    name="breadth-or-depth",
    paper="section 3.2.3",
    chapter=16,
    statement="Rejection sampling (many answers of one policy) and PPO (each of a newer one) both make better answers.",
    paper_numbers={},
    counts_as_reproduced=(
        "with equally many samples both raise the judge's helpfulness over SFT (95 % intervals above 0, seeds pooled), "
        "and both beat the control in helpfulness or in violations (interval excludes 0) without losing more than 0.02 "
        "in the other"
    ),
    control="fine-tuning on the likeliest of K answers: as many samples, no reward",
    seeds=3,
    minutes=1.5,
    run=run,
    judge=judge,
    modules=(*MODULES, *PPO_MODULES, *ROUND_MODULES),
)
