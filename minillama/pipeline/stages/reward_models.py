"""The first two reward models, of helpfulness and of safety: from the fine-tuned model, on its answers compared."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from minillama.alignment.preference_collection import AnswerFunction, collect_preferences
from minillama.alignment.preference_mixes import open_source_preferences, safety_mix
from minillama.alignment.preferences import PreferencePair, encode_pairs, read_preferences, write_preferences
from minillama.alignment.reward_model import RewardModel
from minillama.alignment.reward_report import reward_report
from minillama.alignment.reward_training import RewardSettings, train_reward_model
from minillama.answering import answer_dialogs
from minillama.chat import Message
from minillama.model import Transformer
from minillama.pipeline.alignment_presets import FirstRewardSettings, PreferenceSettings
from minillama.pipeline.alignment_prompts import alignment_prompts
from minillama.pipeline.artifact import REWARD_FOLDER, TOKENIZER_FILE
from minillama.pipeline.demonstrations import WORLD_SEED
from minillama.pipeline.stage import BuildContext, Stage
from minillama.pipeline.stages.base import mean_of_last
from minillama.tokenizer import Tokenizer
from minillama.valley.dialogues import heldout_prompts
from minillama.valley.judge import Judge
from minillama.valley.raters import RATERS, Aspect
from minillama.valley.world import World

PREFERENCES_FILE = "preferences.jsonl"
HELD_OUT_WEEK = 1000  # a week of its own, so that held-out answers are drawn apart
LONGEST_PAIR = 256  # tokens


def build(context: BuildContext, aspect: Aspect) -> dict[str, Any]:
    """Collect comparisons, train on them for an epoch and measure the model on held-out pairs."""
    settings: FirstRewardSettings = context.settings
    sft = context.inputs["sft"]
    answer = answering(sft.model, sft.tokenizer)
    own = collected(settings.preferences, {"sft": answer}, aspect, 0, context.seed, context.work / PREFERENCES_FILE)
    opened = open_source_preferences(World.create(WORLD_SEED), settings.open_source, aspect=aspect, seed=context.seed)
    model = RewardModel.from_transformer(sft.model, seed=context.seed, reads=settings.reads)
    pairs = [*opened, *own]
    if aspect == "safety":
        helpful = read_preferences(context.inputs["reward-helpfulness"].folder / PREFERENCES_FILE)
        pairs = safety_mix([*pairs, *helpful], context.seed)
    trained = renew(model, pairs, sft.tokenizer, settings.train, context.seed, context.work / "run")
    model.save(context.out / REWARD_FOLDER)
    sft.tokenizer.save(context.out / TOKENIZER_FILE)
    write_preferences(own, context.out / PREFERENCES_FILE)
    return {"pairs": len(pairs), "own_pairs": len(own), **trained, **_held_out(context, model, answer, aspect)}


def answering(model: Transformer, tokenizer: Tokenizer) -> AnswerFunction:
    """The model as a function that answers dialogues at a temperature."""

    def answer(dialogs: Sequence[Sequence[Message]], temperature: float, seed: int) -> Sequence[str]:
        return answer_dialogs(model, tokenizer, dialogs, temperature=temperature, seed=seed)

    return answer


def collected(
    settings: PreferenceSettings,
    variants: Mapping[str, AnswerFunction],
    aspect: Aspect,
    week: int,
    seed: int,
    path: Path,
) -> list[PreferencePair]:
    """Comparisons of one week, collected once and kept in a file.

    What a rater could hardly tell apart is left out: of helpfulness, such pairs hold more noise than preference. For
    safety they stay, for the sake of their labels.
    """
    if not path.exists():
        # Each stage, week and seed draws prompts of its own, so that a later round sees new ones.
        prompts = alignment_prompts(settings.prompts, 1000 * seed + 10 * week + (aspect == "safety"))
        collection = replace(settings.collection, seed=seed)
        found = collect_preferences(
            prompts, variants, Judge(World.create(WORLD_SEED)), collection, aspect=aspect, week=week
        )
        kept = [pair for pair in found.pairs if aspect == "safety" or pair.rating != "negligibly_better"]
        write_preferences(kept, path)
    return read_preferences(path)


def renew(
    model: RewardModel,
    pairs: Sequence[PreferencePair],
    tokenizer: Tokenizer,
    settings: RewardSettings,
    seed: int,
    run_dir: Path,
) -> dict[str, Any]:
    """Train a reward model in place; a killed build goes on from its last checkpoint."""
    encoded = encode_pairs(pairs, tokenizer, max_seq_len=min(LONGEST_PAIR, model.args.max_seq_len))
    report = train_reward_model(model, encoded, replace(settings, seed=seed), run_dir=run_dir)
    model.eval()
    return {"seconds": round(report.seconds, 1), "final_loss": mean_of_last(report.losses)}


def _held_out(context: BuildContext, model: RewardModel, answer: AnswerFunction, aspect: Aspect) -> dict[str, Any]:
    """Accuracy on held-out prompts, against a rater who sees the judge's verdict without noise or bias."""
    settings: FirstRewardSettings = context.settings
    world = World.create(WORLD_SEED)
    prompts = heldout_prompts(world, settings.held_out, adversarial=aspect == "safety", borderline=False)
    exact = replace(settings.preferences.collection, raters=(RATERS[0].unbiased().exact(),), seed=context.seed)
    found = collect_preferences(prompts, {"sft": answer}, Judge(world), exact, aspect=aspect, week=HELD_OUT_WEEK)
    clear = [pair for pair in found.pairs if pair.rating != "negligibly_better"]
    report = reward_report(model.score, encode_pairs(clear, context.inputs["sft"].tokenizer, max_seq_len=LONGEST_PAIR))
    return {
        "held_out_pairs": report.accuracy.n,
        "accuracy": round(report.accuracy.average, 4),
        "safety_calibration": report.safety_calibration,
        "problems": list(report.problems),
    }


def check(settings: FirstRewardSettings, report: Mapping[str, Any]) -> list[str]:
    """A reward model must rank held-out answers as the judge does, well above chance."""
    found = [f"check 'reward model' failed: {problem}" for problem in report["problems"]]
    if not report["accuracy"] >= settings.lowest_accuracy:
        found.append(f"check 'accuracy of at least {settings.lowest_accuracy}' failed with {report['accuracy']}")
    return found


MODULES = (
    "minillama.pipeline.stages.reward_models",
    "minillama.pipeline.alignment_prompts",
    "minillama.alignment.preference_collection",
    "minillama.alignment.preference_mixes",
    "minillama.alignment.preferences",
    "minillama.alignment.reward_batches",
    "minillama.alignment.reward_losses",
    "minillama.alignment.reward_model",
    "minillama.alignment.reward_training",
    "minillama.answering",
    "minillama.generation",
    "minillama.sampling",
    "minillama.valley.dialogues",
    "minillama.valley.judge",
    "minillama.valley.judge_harm",
    "minillama.valley.judge_text",
    "minillama.valley.raters",
    "minillama.valley.tasks",
)

REWARD_HELPFULNESS = Stage(
    name="reward-helpfulness",
    promise="learning which answers help",
    inputs=("sft",),
    build=partial(build, aspect="helpfulness"),
    check=check,
    tries=2,
    modules=MODULES,
)
REWARD_SAFETY = Stage(
    name="reward-safety",
    promise="learning which answers are safe",
    inputs=("sft", "reward-helpfulness"),
    build=partial(build, aspect="safety"),
    check=check,
    tries=2,
    modules=MODULES,
)
