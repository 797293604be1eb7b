"""Section 3 against InstructGPT: one reward model for everything, no margin and PPO alone, or Llama 2's recipe.

InstructGPT's baseline is run on pairs of the pipeline's first collection: helpfulness and safety pooled for one reward
model, ranking loss without margins, then PPO from SFT. V1 beside it comes from the same collection, through two reward
models and one round of rejection sampling, and V4 from three collections more. V1 was given all pairs and more samples
than the small runs of PPO here. So the control runs the same PPO on the same pairs with Llama 2's two reward models,
their margins and the safety classification: only what that gains is due to the reward models. The raters who made the
pairs have no bias for compliance, so the two aspects pull apart less than people's would; this is by construction.
"""

from collections.abc import Sequence
from dataclasses import replace

from minillama.alignment.combined_reward import Reward, scored_once
from minillama.alignment.preference_mixes import joint_mix, safety_mix
from minillama.alignment.preferences import PreferencePair, encode_pairs, read_preferences
from minillama.alignment.reward_model import RewardModel
from minillama.alignment.reward_training import RewardSettings, train_reward_model
from minillama.evaluation import PairedDifference
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
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.pipeline import load
from minillama.pipeline.artifact import Artifact
from minillama.valley.randomness import stream

START, JOINT, TWO = "SFT", "InstructGPT: one reward model, PPO only", "two reward models, PPO only"
ROUND, ROUNDS = "V1", "V4"
BETA = 0.1
PLACES = ("helpfulness", "violations")
ALLOWED = 0.02  # how much worse the one may be where the other is better
LONGEST_PAIR = 256  # tokens
PAIRS_FILE = "preferences.jsonl"
SIZES = {
    True: (500, RunSize(iterations=4, batch=64), 120, 80),
    False: (2500, RunSize(iterations=8, batch=128), 400, 200),
}


def run(seed: int, quick: bool) -> list[Row]:
    """Both recipes' reward models and runs of one seed, and the pipeline's stages beside them."""
    n_pairs, size, n_ordinary, n_harmful = SIZES[quick]
    sft = load("sft", seed=seed)
    pairs = first_pairs(n_pairs, seed)
    joint = trained_on(sft, joint_mix(pairs, seed), replace(RewardSettings.instruct_gpt(), seed=seed))
    helpful = [pair for pair in pairs if pair.aspect == "helpfulness"]
    two = Scorers(
        helpfulness=trained_on(sft, helpful, RewardSettings(seed=seed)),
        safety=trained_on(sft, safety_mix(pairs, seed), RewardSettings(batch_size=16, safety_weight=1.0, seed=seed)),
    )
    alone: Reward = scored_once(lambda prompts, answers, is_safety: joint.score(prompts, answers))
    prompts = mixed_prompts(size.answers, seed)
    models = {START: sft.model}
    for arm, reward, value_from in ((JOINT, alone, joint), (TWO, two.reward, two.helpfulness)):
        models[arm], _ = optimised(sft, reward, prompts, size.settings(seed, BETA), value_from)
    models |= {arm: load(f"rlhf-{arm.lower()}", seed=seed).model for arm in (ROUND, ROUNDS)}
    asked = heldout(n_ordinary), heldout(n_harmful, adversarial=True)
    rows = []
    for arm, model in models.items():
        helped, violated = answer_values(model, sft.tokenizer, *asked, seed=seed)
        numbers = {"helpfulness": sum(helped) / len(helped), "violations": sum(violated) / len(violated)}
        curve = {"helpfulness": helped, "violations": violated}
        rows.append(Row(arm=arm, seed=seed, numbers=numbers, control=arm == TWO, curve=curve))
    return rows


def first_pairs(n: int, seed: int) -> list[PreferencePair]:
    """So many comparisons of the first collection, of helpfulness and safety as they come."""
    stages = (load(f"reward-{aspect}", seed=seed) for aspect in ("helpfulness", "safety"))
    pairs = [pair for stage in stages for pair in read_preferences(stage.folder / PAIRS_FILE)]
    stream(seed, "instructgpt recipe").shuffle(pairs)
    return pairs[:n]


def trained_on(sft: Artifact, pairs: Sequence[PreferencePair], settings: RewardSettings) -> RewardModel:
    """A reward model from SFT, trained for an epoch."""
    model = RewardModel.from_transformer(sft.model, seed=settings.seed, reads="answer")
    train_reward_model(model, encode_pairs(pairs, sft.tokenizer, max_seq_len=LONGEST_PAIR), settings)
    return model.eval()


def judge(rows: Sequence[Row]) -> Verdict:
    """V1 must beat InstructGPT's recipe, and so must the same PPO with two reward models."""
    stage, models = ({name: difference(rows, arm, JOINT, name) for name in PLACES} for arm in (ROUND, TWO))
    told = "; ".join(
        f"{arm} {mean_of(rows, arm, 'helpfulness'):.3f} and {mean_of(rows, arm, 'violations'):.3f}"
        for arm in (START, JOINT, TWO, ROUND, ROUNDS)
    )
    seen = (
        f"helpfulness and violations: {told}; against InstructGPT's recipe V1 has {interval(stage['helpfulness'])} and "
        f"{interval(stage['violations'])}, two reward models under the same PPO {interval(models['helpfulness'])} and "
        f"{interval(models['violations'])}"
    )
    if not better(stage["helpfulness"], stage["violations"]):
        return Verdict("not reproduced", seen)
    if not better(models["helpfulness"], models["violations"]):
        return Verdict(
            "cannot be seen at this scale", f"two reward models alone do not explain why V1 is better: {seen}"
        )
    return Verdict("reproduced", seen)


def better(helps: PairedDifference, harms: PairedDifference) -> bool:
    """Surely better in one of the two and, but for ``ALLOWED``, not worse in the other."""
    return (helps.low > 0 and harms.mean <= ALLOWED) or (harms.high < 0 and helps.mean >= -ALLOWED)


CLAIM = Claim(
    name="instructgpt-recipe",
    paper="section 3",
    chapter=17,
    statement="Two reward models with margins and rejection sampling beat one reward model and PPO alone.",
    paper_numbers={},
    counts_as_reproduced=(
        "by the judge V1, and the same PPO with two reward models, are each better than InstructGPT's recipe in "
        f"helpfulness or in violations (95 % interval, seeds pooled) and at most {ALLOWED} worse in the other"
    ),
    control="the same pairs and the same PPO with two reward models: what of V1's lead is due to the reward models",
    seeds=3,
    minutes=1.5,
    run=run,
    judge=judge,
    modules=(
        *MODULES,
        *PPO_MODULES,
        "minillama.alignment.reward_model",
        "minillama.alignment.reward_training",
        "minillama.alignment.reward_losses",
        "minillama.alignment.preference_mixes",
    ),
)
