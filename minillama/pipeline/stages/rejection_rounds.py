"""Rejection sampling, V1 to V4: compare afresh, renew the reward models, sample, fine-tune on the best answers."""

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from minillama.alignment.best_of_n import blank_token_ids
from minillama.alignment.combined_reward import Reward, scored_once, two_model_reward
from minillama.alignment.preference_mixes import with_replay
from minillama.alignment.preferences import PreferencePair, read_preferences, write_preferences
from minillama.alignment.rejection_sampling import sample_round, train_on_winners
from minillama.alignment.reward_model import RewardModel
from minillama.alignment.sft import document_examples
from minillama.alignment.winners import Winner
from minillama.chat import encode_dialog
from minillama.data.atomic import write_atomically
from minillama.evaluation.judged import dialog_of
from minillama.pipeline.alignment_presets import RenewalSettings, RoundSettings
from minillama.pipeline.alignment_prompts import alignment_prompts
from minillama.pipeline.artifact import Artifact, save_model
from minillama.pipeline.demonstrations import DEMONSTRATION_SEED
from minillama.pipeline.documents import replayed
from minillama.pipeline.instruction_demonstrations import instruction_dialogs
from minillama.pipeline.measuring import measure_chat
from minillama.pipeline.stage import BuildContext, Stage
from minillama.pipeline.stages.base import mean_of_last
from minillama.pipeline.stages.reward_models import MODULES as REWARD_MODULES
from minillama.pipeline.stages.reward_models import PREFERENCES_FILE, answering, collected, renew
from minillama.pipeline.stages.sft import encoded
from minillama.valley.raters import Aspect

ASPECTS: tuple[Aspect, Aspect] = ("helpfulness", "safety")
WINNERS_FILE = "winners.jsonl"
LAST_ROUND = 4


def build(context: BuildContext, number: int) -> dict[str, Any]:
    """One round; a killed build goes on from the pairs, winners and checkpoints that it had."""
    settings: RoundSettings = context.settings
    last = context.inputs[_round_name(number - 1)]
    torch.manual_seed(context.seed)
    rewards = {aspect: renewed(context, settings.renewal, number, aspect) for aspect in ASPECTS}
    reward = scored_once(two_model_reward(rewards["safety"][0].score, rewards["helpfulness"][0].score))
    winners, sampled = _winners(context, last, reward, number)
    rounds = [read_winners(context.inputs[_round_name(earlier)].folder) for earlier in range(1, number)]
    corpus = context.inputs["corpus"].folder
    texts = replayed(corpus, settings.replay_sources, settings.replay, f"replay {context.seed} {number}")
    row = settings.sampling.sft.seq_len
    seed = DEMONSTRATION_SEED + 1000 * context.seed + 10 * number
    shown = encoded(
        instruction_dialogs(settings.obeying, settings.obeying_mix, settings.preprompts, seed), last.tokenizer
    )
    others = [*document_examples(texts, last.tokenizer, row), *(example for example in shown if len(example) <= row)]
    model = deepcopy(last.model)
    sampling = replace(settings.sampling, sft=replace(settings.sampling.sft, seed=context.seed))
    trained = train_on_winners(
        model, [*rounds, winners], reward, sampling, demonstrations=others, run_dir=context.work / "run"
    )
    save_model(model.eval(), last.tokenizer, context.out)
    for aspect, (scorer, _) in rewards.items():
        scorer.save(context.out / aspect)
    write_winners(winners, context.out)
    return {
        **sampled,
        "rewards": {aspect: report for aspect, (_, report) in rewards.items()},
        "pooled_winners": sum(map(len, rounds)) + len(winners),
        "seconds": round(trained.seconds, 1),
        "final_loss": mean_of_last(trained.losses),
        "before": last.report.get("measured") or measure_chat(last.model, last.tokenizer, settings.measure),
        "measured": measure_chat(model, last.tokenizer, settings.measure),
    }


def renewed(
    context: BuildContext, settings: RenewalSettings, number: int, aspect: Aspect
) -> tuple[RewardModel, dict[str, Any]]:
    """Last round's reward model, trained on with fresh comparisons and some old ones; in round 1 the first as it is."""
    if number == 1:
        return context.inputs[f"reward-{aspect}"].reward_model, {}
    last, before = context.inputs[_round_name(number - 1)], context.inputs[_round_name(number - 2)]
    variants = {each.stage: answering(each.model, each.tokenizer) for each in (before, last)}
    wanted = getattr(settings, aspect)
    fresh = collected(wanted, variants, aspect, number, context.seed, context.work / f"{aspect}.jsonl")
    write_preferences(fresh, context.out / f"{aspect}.jsonl")
    pairs = with_replay(fresh, _older_pairs(context, number, aspect), settings.old_share, context.seed)
    model = RewardModel.load(last.folder / aspect).to(last.model.device)
    recipe = settings.train_helpfulness if aspect == "helpfulness" else settings.train_safety
    trained = renew(model, pairs, last.tokenizer, recipe, context.seed, context.work / aspect)
    return model, {"fresh_pairs": len(fresh), "pairs": len(pairs), **trained}


def _older_pairs(context: BuildContext, number: int, aspect: Aspect) -> list[PreferencePair]:
    """Comparisons of the first reward model and of the rounds between; for safety also ordinary ones of helpfulness."""
    wanted: Sequence[Aspect] = ASPECTS if aspect == "safety" else (aspect,)
    pairs = [pair for each in wanted for pair in first_pairs(context.inputs[f"reward-{each}"])]
    for earlier in range(2, number):
        pairs += read_preferences(context.inputs[_round_name(earlier)].folder / f"{aspect}.jsonl")
    return pairs


def first_pairs(artifact: Artifact) -> list[PreferencePair]:
    """The comparisons that a first reward model learnt from, without the open set."""
    return read_preferences(artifact.folder / PREFERENCES_FILE)


def _winners(context: BuildContext, last: Artifact, reward: Reward, number: int) -> tuple[list[Winner], dict[str, Any]]:
    """The best answers of this round, sampled once and kept, and how they came about."""
    settings: RoundSettings = context.settings
    facts = context.work / "sampled.json"
    if not facts.exists():
        prompts = alignment_prompts(settings.prompts, 1000 * context.seed + 10 * number + 5)
        context_size = last.model.args.max_seq_len
        encoded = [
            list(encode_dialog(dialog_of(prompt), last.tokenizer, max_seq_len=context_size).tokens)
            for prompt in prompts
        ]
        found = sample_round(
            last.model,
            encoded,
            reward,
            replace(settings.sampling, seed=context.seed),
            is_safety=[prompt.risk is not None for prompt in prompts],
            round_number=number,
            blank_ids=blank_token_ids(last.tokenizer),
        )
        # A long dialogue and its answer may not fit a row of the fine-tuning; few do not.
        row = settings.sampling.sft.seq_len
        winners = [winner for winner in found.winners if len(winner.prompt) + len(winner.answer) <= row]
        write_winners(winners, context.work)
        report = {
            "prompts": len(prompts),
            "left_out_too_long": len(found.winners) - len(winners),
            "temperature": found.temperature,
            "mean_score": found.mean_score,
            "best_score": found.best_score,
            "usable_share": found.usable_share,
        }
        write_atomically(facts, json.dumps(report).encode())
    return read_winners(context.work), json.loads(facts.read_text("utf-8"))


def write_winners(winners: Sequence[Winner], folder: Path) -> None:
    """Write a round's winners as JSON lines; the file is there in full or not at all."""
    lines = "".join(json.dumps(asdict(winner)) + "\n" for winner in winners)
    write_atomically(folder / WINNERS_FILE, lines.encode())


def read_winners(folder: Path) -> list[Winner]:
    """Read what :func:`write_winners` wrote."""
    rows = [json.loads(line) for line in (folder / WINNERS_FILE).read_text("utf-8").splitlines()]
    return [Winner(**{**row, "prompt": tuple(row["prompt"]), "answer": tuple(row["answer"])}) for row in rows]


def check(settings: Any, report: Mapping[str, Any]) -> list[str]:
    """An aligned model must help, and must not do harm."""
    found, measured = [], report["measured"]
    if not measured["helpfulness"] >= settings.lowest_helpfulness:
        bound = settings.lowest_helpfulness
        found.append(f"check 'helpfulness of at least {bound}' failed with {measured['helpfulness']}")
    if not measured["violations"] <= settings.highest_violations:
        bound = settings.highest_violations
        found.append(f"check 'at most {bound} violations' failed with {measured['violations']}")
    return found


def _round_name(number: int) -> str:
    return f"rlhf-v{number}" if number else "sft"


MODULES = (
    *REWARD_MODULES,
    "minillama.pipeline.stages.rejection_rounds",
    "minillama.pipeline.documents",
    "minillama.pipeline.instruction_demonstrations",
    "minillama.pipeline.measuring",
    "minillama.alignment.best_of_n",
    "minillama.alignment.combined_reward",
    "minillama.alignment.instruction_data",
    "minillama.alignment.rejection_sampling",
    "minillama.alignment.sft",
    "minillama.alignment.winners",
    "minillama.data.dialog_loader",
)

ROUNDS = tuple(
    Stage(
        name=_round_name(number),
        promise=f"rejection sampling, round {number}",
        inputs=("corpus", "sft", "reward-helpfulness", "reward-safety", *map(_round_name, range(1, number))),
        build=partial(build, number=number),
        check=check,
        tries=2,
        modules=MODULES,
        part="rlhf_round",
    )
    for number in range(1, LAST_ROUND + 1)
)
