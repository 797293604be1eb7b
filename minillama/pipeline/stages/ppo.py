"""V5: proximal policy optimisation on top of the last round of rejection sampling (section 3.2.3)."""

import random
from copy import deepcopy
from dataclasses import asdict, replace
from typing import Any

from minillama.alignment.combined_reward import scored_once, two_model_reward
from minillama.alignment.ppo import PPOPrompt, ValueModel, train_ppo
from minillama.alignment.reward_model import RewardModel
from minillama.chat import encode_dialog
from minillama.evaluation.judged import dialog_of
from minillama.pipeline.alignment_presets import PPOStageSettings
from minillama.pipeline.alignment_prompts import alignment_prompts
from minillama.pipeline.artifact import save_model
from minillama.pipeline.measuring import measure_chat
from minillama.pipeline.stage import BuildContext, Stage
from minillama.pipeline.stages.rejection_rounds import ASPECTS, LAST_ROUND, check, renewed
from minillama.pipeline.stages.rejection_rounds import MODULES as ROUND_MODULES

PPO_NUMBER = LAST_ROUND + 1


def build(context: BuildContext) -> dict[str, Any]:
    """Renew the reward models on answers of the last two rounds, then optimise; a killed build goes on from there."""
    settings: PPOStageSettings = context.settings
    last = context.inputs[f"rlhf-v{LAST_ROUND}"]
    rewards = {aspect: renewed(context, settings.renewal, PPO_NUMBER, aspect) for aspect in ASPECTS}
    reward = scored_once(two_model_reward(rewards["safety"][0].score, rewards["helpfulness"][0].score))
    prompts = alignment_prompts(settings.prompts, 1000 * context.seed + 10 * PPO_NUMBER + 5)
    random.Random(f"ppo {context.seed}").shuffle(prompts)
    longest = last.model.args.max_seq_len - settings.ppo.max_new_tokens
    encoded = [
        PPOPrompt(
            tokens=encode_dialog(dialog_of(prompt), last.tokenizer, max_seq_len=longest).tokens,
            is_safety=prompt.risk is not None,
        )
        for prompt in prompts
    ]
    policy = deepcopy(last.model)
    report = train_ppo(
        policy,
        reward,
        encoded,
        replace(settings.ppo, seed=context.seed),
        reference=last.model,
        value_model=_value_model(rewards["helpfulness"][0]),
        run_dir=context.work / "run",
    )
    save_model(policy.eval(), last.tokenizer, context.out)
    for aspect, (scorer, _) in rewards.items():
        scorer.save(context.out / aspect)
    records = [asdict(record) for record in report.records]
    kept = ("score", "kl_k1", "kl_k3", "entropy", "answer_length", "finished", "explained_variance", "clip_fraction")
    return {
        "prompts": len(prompts),
        "rewards": {aspect: trained for aspect, (_, trained) in rewards.items()},
        "iterations": len(records),
        "records": {name: [round(record[name], 4) for record in records] for name in kept},
        "before": last.report["measured"],
        "measured": measure_chat(policy, last.tokenizer, settings.measure),
    }


def _value_model(reward: RewardModel) -> ValueModel:
    """A value model whose body knows what is rewarded."""
    return ValueModel.from_model(reward)


PPO = Stage(
    name=f"rlhf-v{PPO_NUMBER}",
    promise="proximal policy optimisation",
    inputs=(
        "sft",
        "reward-helpfulness",
        "reward-safety",
        *(f"rlhf-v{number}" for number in range(1, LAST_ROUND + 1)),
    ),
    build=build,
    check=check,
    tries=2,
    modules=(*ROUND_MODULES, "minillama.pipeline.stages.ppo", "minillama.alignment.ppo"),
    part="rlhf_ppo",
)
