"""Section 3.2.2: helpfulness and safety pull apart, so the paper trains two reward models where InstructGPT has one.

What pulls apart is built into the raters here, and so the control can take it out. Under tension, a rater of
helpfulness who reads answers to harmful requests likes those that do as told (``Rater.compliance``), while a rater of
safety likes refusals: the pooled pairs then contradict each other. Without tension both want refusals. Everything
else is the same: prompts, answers, numbers of pairs.

InstructGPT's recipe is one model on the pooled pairs, without margin or classification loss. It reads whole answers,
like our helpfulness model, which is the better way for it here. Llama 2's is a model of each, the safety model with its
loss and its tenth of helpfulness pairs, combined by the rule of section 3.2.3, which also knows which prompts are
harmful (the paper's is_safety). Both choose among the same eight answers of the fine-tuned model to held-out prompts;
the Valley's judge says what the chosen ones are worth: helpfulness on ordinary prompts, safety on harmful ones.

Source: sections 3.2.1 to 3.2.3; Ouyang et al. 2022 for the single model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float

from minillama.alignment.best_of_n import best_of_n, sample_answers
from minillama.alignment.combined_reward import Reward, two_model_reward
from minillama.alignment.preference_mixes import joint_mix, safety_mix
from minillama.alignment.preferences import PreferencePair
from minillama.alignment.reward_model import Scorer
from minillama.alignment.winners import reward_of
from minillama.chat import encode_dialog
from minillama.evaluation.judged import dialog_of
from minillama.experiments._reward_pairs import (
    ASPECTS,
    TRAINING_MODULES,
    compared,
    held_out_pairs,
    mean_of,
    pooled,
    scored,
    trained,
    training_pairs,
    with_error,
)
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.generation import Generation
from minillama.pipeline import load
from minillama.pipeline.alignment_presets import FIRST_HELPFULNESS, FIRST_SAFETY
from minillama.pipeline.artifact import Artifact
from minillama.pipeline.demonstrations import WORLD_SEED
from minillama.valley.dialogues import heldout_prompts, training_prompts
from minillama.valley.judge import Judge
from minillama.valley.raters import RATERS, Aspect, Rater
from minillama.valley.tasks.base import Prompt
from minillama.valley.world import World

CAREFUL_RATER = RATERS[0].unbiased()
# Complying must outweigh a good refusal, which the judge's helpfulness values at 1 and compliance at 0.
CONDITIONS: Mapping[str, Rater] = {
    "tension": replace(CAREFUL_RATER, compliance=2.0),
    "no tension": CAREFUL_RATER,
}
ONE, TWO = "one model", "two models"
VALUE, ORDINARY, HARMFUL = "value of the best", "helpfulness on ordinary prompts", "safety on harmful prompts"
GAIN = "gain of two models"
SAMPLES = 8
NEW_TOKENS = 80
TRAINING_WEEK = 2500  # a week that no stage uses
LEAST_GAIN = 0.03


@dataclass(frozen=True, kw_only=True)
class Size:
    """Training pairs of either sort, harmful prompts whose answers are compared for helpfulness, held-out prompts."""

    pairs: int
    harmful_prompts: int
    held_out: int


FULL = Size(pairs=800, harmful_prompts=400, held_out=160)
QUICK = Size(pairs=300, harmful_prompts=200, held_out=50)


def run(seed: int, quick: bool) -> list[Row]:
    """Train one model or two under each condition, and let them choose among the same answers."""
    size = QUICK if quick else FULL
    sft = load("sft", seed=seed)
    own = {aspect: training_pairs(seed, aspect, most=size.pairs) for aspect in ASPECTS}
    safety = _trained(sft, safety_mix([*own["safety"], *own["helpfulness"]], seed), "safety", seed)
    held_out = {domain: held_out_pairs(sft, domain, 2 * size.held_out, seed) for domain in ASPECTS}
    choice = Choice.sampled(sft, size.held_out, seed)
    rows = []
    for condition, rater in CONDITIONS.items():
        helpful = [*own["helpfulness"], *harmful_pairs(sft, size.harmful_prompts, rater, seed)]
        models: dict[str, dict[Aspect, Scorer]] = {
            TWO: {"helpfulness": _trained(sft, helpful, "helpfulness", seed), "safety": safety},
            ONE: dict.fromkeys(ASPECTS, _trained(sft, joint_mix([*helpful, *own["safety"]], seed), None, seed)),
        }
        rewards = {TWO: two_model_reward(safety, models[TWO]["helpfulness"]), ONE: reward_of(models[ONE]["safety"])}
        values = {arm: choice.values(reward) for arm, reward in rewards.items()}
        for arm, scorers in models.items():
            numbers = choice.numbers(values[arm]) | {
                f"accuracy on {domain}": float(scored(scorers[domain], held_out[domain], sft).clear.right.mean())
                for domain in ASPECTS
            }
            if arm == TWO:
                numbers |= with_error(GAIN, values[TWO] - values[ONE])
            rows.append(Row(arm=f"{arm}, {condition}", seed=seed, numbers=numbers, control=condition != "tension"))
    return rows


def harmful_pairs(sft: Artifact, prompts: int, rater: Rater, seed: int) -> list[PreferencePair]:
    """Answers to harmful requests compared for *helpfulness*; what the rater could hardly tell apart is left out.

    The answers are the same for every rater: only who compares them differs.
    """
    asked = training_prompts(World.create(WORLD_SEED), prompts, seed, adversarial=True)
    found = compared(sft, asked, "helpfulness", seed, rater, week=TRAINING_WEEK)
    return [pair for pair in found.pairs if pair.rating != "negligibly_better"]


def _trained(sft: Artifact, pairs: Sequence[PreferencePair], aspect: Aspect | None, seed: int) -> Scorer:
    """The pipeline's recipe of one aspect, or without an aspect InstructGPT's for both."""
    recipe = FIRST_SAFETY if aspect == "safety" else FIRST_HELPFULNESS
    settings = recipe.train if aspect else replace(recipe.train, margin="none", safety_weight=0.0)
    description = f"one-reward-model-or-two, {aspect or 'both'}"
    return trained(sft.model, pairs, sft, settings, seed, reads=recipe.reads, description=description).score


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Answers to choose among: several of each prompt, what each is worth, and which prompts are harmful.

    Attributes:
        prompts: Token ids, one entry for each answer.
        generation: All answers, those of a prompt one behind the other.
        worth: The judge's helpfulness of answers to ordinary prompts, its safety of those to harmful ones.
        harmful: Of each answer's prompt.
    """

    prompts: list[list[int]]
    generation: Generation
    worth: Float[np.ndarray, " answers"]
    harmful: torch.Tensor

    @classmethod
    def sampled(cls, sft: Artifact, count: int, seed: int) -> "Choice":
        """Sample from the fine-tuned model at temperature 1, for as many ordinary held-out prompts as harmful ones."""
        world = World.create(WORLD_SEED)
        asked = heldout_prompts(world, count, seed, adversarial=False, borderline=False)
        asked += heldout_prompts(world, count, seed, adversarial=True)
        ids = [list(encode_dialog(dialog_of(prompt), sft.tokenizer).tokens) for prompt in asked]
        generation = sample_answers(sft.model, ids, SAMPLES, max_new_tokens=NEW_TOKENS, seed=seed)
        answers = [sft.tokenizer.decode([t for t in row if t != sft.tokenizer.eos_id]) for row in generation.tokens]
        repeated = [prompt for prompt in asked for _ in range(SAMPLES)]
        return cls(
            prompts=[prompt for prompt in ids for _ in range(SAMPLES)],
            generation=generation,
            worth=judged_worth(repeated, answers, world),
            harmful=torch.tensor([prompt.risk is not None for prompt in repeated]),
        )

    def values(self, reward: Reward) -> Float[np.ndarray, " prompts"]:
        """What the answer that a reward chooses is worth, for each prompt."""
        scores = reward(self.prompts, self.generation.tokens, self.harmful)
        return self.worth[best_of_n(self.generation, scores, SAMPLES).numpy()]

    def numbers(self, values: Float[np.ndarray, " prompts"]) -> dict[str, float]:
        """Means over all prompts and over either sort, beside those of an answer taken blindly."""
        harmful = self.harmful.numpy()[::SAMPLES]
        blind = self.worth.reshape(-1, SAMPLES).mean(axis=1)
        return {
            VALUE: float(values.mean()),
            ORDINARY: float(values[~harmful].mean()),
            HARMFUL: float(values[harmful].mean()),
            f"{ORDINARY}, any answer": float(blind[~harmful].mean()),
            f"{HARMFUL}, any answer": float(blind[harmful].mean()),
        }


def judged_worth(prompts: Sequence[Prompt], answers: Sequence[str], world: World) -> Float[np.ndarray, " answers"]:
    """The judge's safety of answers to harmful prompts, its helpfulness of all others."""
    judge = Judge(world)
    verdicts = [judge.judge(prompt, answer.strip()) for prompt, answer in zip(prompts, answers, strict=True)]
    return np.array(
        [v.helpfulness if prompt.risk is None else v.safety for prompt, v in zip(prompts, verdicts, strict=True)]
    )


def judge(rows: Sequence[Row]) -> Verdict:
    """Two models must choose better answers under tension, and not where there is none."""
    gain = {condition: pooled(rows, f"{TWO}, {condition}", GAIN) for condition in CONDITIONS}
    value = {(arm, name): mean_of(rows, f"{arm}, tension", name) for arm in (ONE, TWO) for name in (ORDINARY, HARMFUL)}
    seen = (
        f"the chosen answers gain {gain['tension']} with two models under tension, {gain['no tension']} without; under "
        f"tension helpfulness {value[ONE, ORDINARY]:.2f} and safety {value[ONE, HARMFUL]:.2f} with one model, "
        f"{value[TWO, ORDINARY]:.2f} and {value[TWO, HARMFUL]:.2f} with two"
    )
    control = gain["no tension"]
    if control.mean >= LEAST_GAIN and control.low > 0 and control.mean > gain["tension"].mean / 2:
        return Verdict("cannot be seen at this scale", f"two models gain where nothing pulls apart, too: {seen}")
    if gain["tension"].mean < LEAST_GAIN or not gain["tension"].above_zero:
        return Verdict("not reproduced", f"one model does about as well: {seen}")
    return Verdict("reproduced", seen)


CLAIM = Claim(
    name="one-reward-model-or-two",
    paper="section 3.2.2",
    chapter=14,
    statement="Helpfulness and safety pull apart, so two reward models choose better answers than a joint one.",
    paper_numbers={},
    counts_as_reproduced=(
        f"under tension the best of {SAMPLES} answers by two models is worth at least {LEAST_GAIN} more to the judge "
        "than by one model (helpfulness on ordinary, safety on harmful prompts), more in every seed, and the 95 % "
        "interval excludes 0"
    ),
    control=(
        f"raters of helpfulness who do not reward compliance: two models gain less than {LEAST_GAIN}, or nothing "
        "beyond chance, or less than half of what they gain under tension"
    ),
    seeds=3,
    minutes=1,
    run=run,
    judge=judge,
    modules=(
        *TRAINING_MODULES,
        "minillama.alignment.best_of_n",
        "minillama.alignment.combined_reward",
        "minillama.generation",
    ),
)
