"""Proximal policy optimisation against a reward function (section 3.2.3)."""

import copy
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from minillama.alignment.combined_reward import Reward, check_scores
from minillama.alignment.ppo.answers import lay_out
from minillama.alignment.ppo.checkpoints import PPOCheckpoints
from minillama.alignment.ppo.early_stopping import BestPolicy
from minillama.alignment.ppo.experience import gather_experience
from minillama.alignment.ppo.learner import Learner
from minillama.alignment.ppo.records import IterationRecord, PPOReport, make_record
from minillama.alignment.ppo.rewards import ScoreScale
from minillama.alignment.ppo.rollout import PPOPrompt, PromptOrder, Rollouts, check_prompts, sample_rollouts
from minillama.alignment.ppo.settings import PPOSettings
from minillama.alignment.ppo.value_model import ValueModel
from minillama.model import Transformer
from minillama.training.precision import Precision
from minillama.training.progress import is_watched


def train_ppo(
    policy: Transformer,
    reward: Reward,
    prompts: Sequence[PPOPrompt],
    settings: PPOSettings,
    *,
    reference: Transformer | None = None,
    value_model: ValueModel | None = None,
    on_iteration: Callable[[IterationRecord], Any] | None = None,
    evaluate: Callable[[Transformer], float] | None = None,
    precision: Precision | None = None,
    run_dir: Path | str | None = None,
    description: str = "optimising the policy",
) -> PPOReport:
    """Move a policy in place towards higher reward without leaving its reference far behind.

    In each iteration the policy answers a batch of prompts, the answers are scored, each token's reward is the penalty
    for what the reference would not have said (and, on the last token, the score), advantages are estimated, and each
    mini-batch makes a clipped gradient step for the policy and one for the value model. One seed gives one run on one
    machine; torch's global generator is not used. With a ``run_dir`` the run is written there every few iterations, and
    the same call made again goes on from there, on a CPU to the same weights bit for bit as if it had never stopped.

    Args:
        policy: A chat model.
        reward: Raw scores of answers, whitened here and not before; called with the prompts' and answers' ids and a
            tensor of their ``is_safety``. See :func:`minillama.alignment.combined_reward.two_model_reward`.
        prompts: Dealt in shuffled order, all before any comes again.
        settings: Of the run.
        reference: The model to stay close to, not changed; a copy of the policy as it comes where not given.
        value_model: Trained in place; made from the policy where not given. One made from a reward model
            (:meth:`ValueModel.from_model`) starts with a body that knows what is rewarded.
        on_iteration: Called after every iteration that this call makes.
        evaluate: Score of a policy on held-out prompts, higher is better. Asked before the first iteration and every
            ``evaluate_every``; the run stops after ``patience`` of them without a new best, and the policy ends as it
            was at the best.
        precision: Where and in which format to compute; by default the best device, in float32, because ratios and
            KL are small differences of log-probabilities, which half formats round away.
        run_dir: Folder of this run alone, for its checkpoints.
        description: Shown beside the progress bar.

    Raises:
        ValueError: No prompts, one that leaves no room for an answer, a score that is NaN or infinite (the message
            names the row), a reference that is the policy itself, or a ``run_dir`` that holds another run.
        CheckpointError: A checkpoint could not be written, or all there are are damaged.
        NonFiniteLoss: A gradient became NaN or infinite.
    """
    if reference is policy:
        raise ValueError("reference is the policy itself and would move with it; give a copy, or None for one")
    check_prompts(prompts, policy, settings)
    precision = precision or Precision.detect(dtype="float32")
    if precision.needs_scaler:
        raise ValueError("PPO in float16 would need its losses scaled; use float32 or bfloat16")
    run = _Run(policy, reward, prompts, settings, reference, value_model, precision)
    watch = BestPolicy(policy, evaluate, settings)
    checkpoints = run.checkpoints(Path(run_dir), prompts, watch) if run_dir is not None else None
    records = checkpoints.resume() if checkpoints else []
    if not records:
        watch.begin()
    rounds = range(len(records), settings.iterations)
    hidden = not is_watched()
    for iteration in tqdm(
        rounds, desc=description, unit="round", initial=len(records), total=settings.iterations, disable=hidden
    ):
        if watch.is_over:
            break
        record = run.iterate(iteration, watch)
        records.append(record)
        if on_iteration is not None:
            on_iteration(record)
        if checkpoints and checkpoints.is_due(len(records)):
            checkpoints.save(records)
    return PPOReport(
        records=tuple(records),
        kept_iteration=watch.restore(len(records)),
        held_out_before=watch.before,
        stopped_early=len(records) < settings.iterations,
    )


class _Run:
    """The models of a run, and what one iteration does with them."""

    def __init__(
        self,
        policy: Transformer,
        reward: Reward,
        prompts: Sequence[PPOPrompt],
        settings: PPOSettings,
        reference: Transformer | None,
        value_model: ValueModel | None,
        precision: Precision,
    ) -> None:
        self.settings, self.precision, self.reward = settings, precision, reward
        self.policy = policy.to(precision.device)
        self.reference = (copy.deepcopy(policy) if reference is None else reference).to(precision.device)
        value_model = ValueModel.from_model(policy) if value_model is None else value_model
        self.learner = Learner(policy, value_model.to(precision.device), self.reference, settings, precision)
        self.prompts = PromptOrder(prompts, settings.seed)
        self.scale = ScoreScale(settings)

    def checkpoints(self, folder: Path, prompts: Sequence[PPOPrompt], watch: BestPolicy) -> PPOCheckpoints:
        return PPOCheckpoints(folder, self.learner, self.scale, watch, prompts, self.reference.state_dict())

    def iterate(self, iteration: int, watch: BestPolicy) -> IterationRecord:
        settings = self.settings
        rng = random.Random(f"{settings.seed}:iteration:{iteration}")
        clock = [time.perf_counter()]
        prompts = self.prompts.batch(iteration, settings.batch_size)
        rollouts = sample_rollouts(self.policy, prompts, settings, rng.getrandbits(62))
        clock.append(time.perf_counter())
        scores = self._score(rollouts)
        clock.append(time.perf_counter())
        minibatches = lay_out(rollouts, settings, rng, self.precision.device)
        experience = gather_experience(
            self.policy,
            self.reference,
            self.learner.value_model,
            rollouts,
            self.scale(scores),
            minibatches,
            settings,
            self.precision,
        )
        stats = self.learner.learn(minibatches, experience)
        clock.append(time.perf_counter())
        held_out = watch.after(iteration + 1)
        return make_record(iteration + 1, rollouts, scores, experience, stats, held_out, clock)

    def _score(self, rollouts: Rollouts) -> Float[Tensor, " batch"]:
        is_safety = torch.tensor(rollouts.is_safety)
        with torch.no_grad():
            scores = self.reward(rollouts.prompts, rollouts.answers, is_safety)
        if scores.shape != (len(rollouts),):
            raise ValueError(f"the reward function gave {tuple(scores.shape)} for {len(rollouts)} answers; one each")
        check_scores(scores)
        return scores.detach().to(self.precision.device, torch.float32)
