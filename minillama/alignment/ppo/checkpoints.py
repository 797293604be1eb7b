"""Checkpoints of a PPO run, so that a killed run goes on and ends in the same weights bit for bit."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from minillama.alignment.ppo.early_stopping import BestPolicy
from minillama.alignment.ppo.learner import Learner
from minillama.alignment.ppo.records import IterationRecord
from minillama.alignment.ppo.rewards import ScoreScale
from minillama.alignment.ppo.rollout import PPOPrompt
from minillama.alignment.ppo.settings import PPOSettings
from minillama.training.checkpoint import Checkpoint, newest_checkpoint, write_checkpoint
from minillama.training.optimizer import load_optimizer_tensors, optimizer_tensors
from minillama.training.random_state import load_random_state, save_random_state

CHECKPOINT_EVERY = 3  # iterations: a few seconds of work, against two models with the states of their optimisers
KEPT = 2  # one more than is needed, for the case that the newest is damaged


class PPOCheckpoints:
    """Writes a run to a folder and puts it back: both models, their optimisers, the best policy so far, the records.

    Prompts, samples and mini-batches of an iteration are functions of the seed and its number, so the number of
    records says where in their order the run stands. What a reward function draws from the global generators goes on
    where it was.
    """

    def __init__(
        self,
        folder: Path,
        learner: Learner,
        scale: ScoreScale,
        watch: BestPolicy,
        prompts: Sequence[PPOPrompt],
        reference: Mapping[str, Tensor],
    ) -> None:
        self.folder, self.learner, self.scale, self.watch = folder, learner, scale, watch
        # Taken before anything is put back: a run is known by what it began with.
        self.identity = _identity(learner.settings, prompts) | {
            "policy": _fingerprint(learner.policy.state_dict()),
            "value model": _fingerprint(learner.value_model.state_dict()),
            "reference": _fingerprint(reference),
        }

    def is_due(self, iteration: int) -> bool:
        """Whether the run is to be written after this iteration, counted from 1."""
        last = iteration == self.learner.settings.iterations or self.watch.is_over
        return last or iteration % CHECKPOINT_EVERY == 0

    def save(self, records: Sequence[IterationRecord]) -> None:
        """Write the run as it is after its last record. Raises CheckpointError where the system refuses."""
        learner = self.learner
        random_tensors, random_rest = save_random_state()
        tensors = {
            "policy": learner.policy.state_dict(),
            "value_model": learner.value_model.state_dict(),
            "policy_optimizer": optimizer_tensors(learner.policy_optimizer, learner.policy),
            "value_optimizer": optimizer_tensors(learner.value_optimizer, learner.value_model),
            "scale": self.scale.state_dict(),
            "random": random_tensors,
            **({} if self.watch.weights is None else {"best": self.watch.weights}),
        }
        state = {
            "identity": self.identity,
            "updates": learner.updates,
            "watch": self.watch.numbers(),
            "records": [dataclasses.asdict(record) for record in records],
            "random": random_rest,
        }
        write_checkpoint(self.folder, Checkpoint(step=len(records), tensors=tensors, state=state), KEPT)

    def resume(self) -> list[IterationRecord]:
        """Put back the newest checkpoint and return its records; none where there is no checkpoint.

        Raises:
            ValueError: The folder holds another run; the message says what differs.
            CheckpointError: There are checkpoints, and all are damaged.
        """
        checkpoint = newest_checkpoint(self.folder)
        if checkpoint is None:
            return []
        tensors, state, learner = checkpoint.tensors, checkpoint.state, self.learner
        self._check(state["identity"])
        learner.policy.load_state_dict(tensors["policy"])
        learner.value_model.load_state_dict(tensors["value_model"])
        load_optimizer_tensors(learner.policy_optimizer, learner.policy, tensors["policy_optimizer"])
        load_optimizer_tensors(learner.value_optimizer, learner.value_model, tensors["value_optimizer"])
        learner.updates = state["updates"]
        self.scale.load_state_dict(tensors["scale"], learner.precision.device)
        self.watch.put_back(state["watch"], tensors.get("best"))
        load_random_state(tensors["random"], state["random"])
        return [IterationRecord(**record) for record in state["records"]]

    def _check(self, stored: Mapping[str, Any]) -> None:
        for name, wanted in self.identity.items():
            if stored.get(name) != wanted:
                raise ValueError(
                    f"{self.folder} holds a PPO run with {name}={stored.get(name)}, and not {wanted}; "
                    "begin as that run did, or choose another run_dir"
                )


def _identity(settings: PPOSettings, prompts: Sequence[PPOPrompt]) -> dict[str, Any]:
    """What must be the same for a run to go on, as JSON values."""
    listed = [[list(prompt.tokens), prompt.is_safety] for prompt in prompts]
    return {
        **json.loads(json.dumps(dataclasses.asdict(settings))),
        "prompts": hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:16],
    }


def _fingerprint(state: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    rows: Iterable[tuple[str, Tensor]] = sorted(state.items())
    for name, tensor in rows:
        digest.update(name.encode() + tensor.detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
