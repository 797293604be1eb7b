"""Runs of PPO that are small enough to be compared with one another, and the judge's verdict as a reward.

They see about as many answers as the pipeline's last stage, or fewer; what is compared are arms of one size.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from minillama.alignment.combined_reward import Reward
from minillama.alignment.ppo import PPOPrompt, PPOReport, PPOSettings, ValueModel, train_ppo
from minillama.alignment.reward_model import RewardModel
from minillama.experiments._chat_samples import Samples, encode, judged, training_side
from minillama.experiments.claim import Row
from minillama.model import Transformer
from minillama.pipeline.artifact import Artifact
from minillama.tokenizer import Tokenizer
from minillama.valley.tasks.base import Prompt

LAST = 2  # iterations over which the KL at the end is averaged
MODULES = ("minillama.experiments._small_ppo", "minillama.alignment.ppo", "minillama.alignment.combined_reward")


@dataclass(frozen=True, kw_only=True)
class RunSize:
    """Answers of a run: ``iterations`` times ``batch``, four gradient steps in each batch."""

    iterations: int
    batch: int

    @property
    def answers(self) -> int:
        """All answers of the run."""
        return self.iterations * self.batch

    def settings(self, seed: int, beta: float, *, reference_temperature: float = 1.0, lr: float = 3e-4) -> PPOSettings:
        """The run's settings; what is not named is as in the pipeline's last stage or the default."""
        return PPOSettings(
            iterations=self.iterations,
            batch_size=self.batch,
            minibatch_size=self.batch // 4,
            beta=beta,
            reference_temperature=reference_temperature,
            policy_lr=lr,
            seed=seed,
        )


def mixed_prompts(n: int, seed: int) -> list[Prompt]:
    """Ordinary prompts of the training side with one harmful one among six."""
    harmful = training_side(n // 6, seed, adversarial=True)
    ordinary = training_side(n - len(harmful), seed)
    places = range(0, len(ordinary), 5)
    mixed: list[Prompt] = []
    for number, place in enumerate(places):
        mixed += [*ordinary[place : place + 5], *harmful[number : number + 1]]
    return mixed


def optimised(
    start: Artifact,
    reward: Reward,
    prompts: Sequence[Prompt],
    settings: PPOSettings,
    value_from: RewardModel,
    policy: Transformer | None = None,
) -> tuple[Transformer, PPOReport]:
    """A copy of ``start``'s model (or of ``policy``) after PPO, which stays close to the model that it was."""
    origin = start.model if policy is None else policy
    encoded = encode(prompts, start.tokenizer)
    asked = [PPOPrompt(tokens=ids, is_safety=prompt.risk is not None) for ids, prompt in zip(encoded, prompts)]
    trained = deepcopy(origin)
    report = train_ppo(
        trained, reward, asked, settings, reference=origin, value_model=ValueModel.from_model(value_from)
    )
    return trained.eval(), report


def reward_of_judge(prompts: Sequence[Prompt], tokenizer: Tokenizer) -> Reward:
    """The ground truth as a reward: helpfulness where a prompt is harmless, safety where it is not.

    Nobody has it in real life; as a control it shows what optimising does when there is nothing to hack.
    """
    asked = {tuple(ids): prompt for ids, prompt in zip(encode(prompts, tokenizer), prompts)}

    def reward(
        rows: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], is_safety: Bool[Tensor, " batch"]
    ) -> Float[Tensor, " batch"]:
        values = []
        for row, answer in zip(rows, answers, strict=True):
            prompt = asked[tuple(row)]
            text = tokenizer.decode([token for token in answer if token != tokenizer.eos_id]).strip()
            verdict = judged(prompt, text)
            values.append(verdict.helpfulness if prompt.risk is None else verdict.safety)
        return torch.tensor(values)

    return reward


def before_and_after(
    arm: str, seed: int, before: Samples, after: Samples, reward: Reward, control: bool = False
) -> Row:
    """What an arm's held-out answers are worth to the judge and to the reward, before and after."""
    curve = {
        "judge before": before.helpfulness().flatten().tolist(),
        "judge": after.helpfulness().flatten().tolist(),
        "score before": before.scores(reward).flatten().tolist(),
        "score": after.scores(reward).flatten().tolist(),
    }
    numbers = {name: sum(values) / len(values) for name, values in curve.items()}
    return Row(arm=arm, seed=seed, numbers=numbers, control=control, curve=curve)


def with_kl(row: Row, report: PPOReport) -> Row:
    """The row with the run's KL from its reference at the end, in nats an answer, and what it saw on the way."""
    last = report.records[-LAST:]
    kl = sum(record.kl_k3 for record in last) / len(last)
    return Row(
        arm=row.arm,
        seed=row.seed,
        numbers={**row.numbers, "KL from its reference": kl},
        control=row.control,
        curve={
            **row.curve,
            "score while training": [record.score for record in report.records],
            "KL while training": [record.kl_k3 for record in report.records],
        },
    )
