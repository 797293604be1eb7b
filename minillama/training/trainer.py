"""The training loop: draw, update, record, now and then save; and go on where a stopped run stood."""

import dataclasses
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from minillama.training import distributed
from minillama.training.batches import BatchStream, TrainBatch
from minillama.training.checkpoint import Checkpoint, CheckpointError, newest_checkpoint, write_checkpoint
from minillama.training.loss import LossFunction, compiled_token_loss, token_loss
from minillama.training.metrics import MetricsFile, StepRecord
from minillama.training.optimizer import load_optimizer_tensors, make_optimizer, optimizer_tensors, set_learning_rate
from minillama.training.precision import Precision
from minillama.training.progress import ProgressBar
from minillama.training.random_state import load_random_state, save_random_state
from minillama.training.schedule import learning_rate
from minillama.training.settings import TrainSettings
from minillama.training.update import Updater

METRICS_FILE = "metrics.jsonl"
CHECKPOINT_FOLDER = "checkpoints"
# May change when a run goes on: they do not touch what is computed.
FREE_SETTINGS = {"checkpoint_every", "keep_checkpoints", "compile"}


@dataclass(frozen=True, kw_only=True)
class TrainReport:
    """What a run did, parts before an interruption included.

    Attributes:
        losses: Mean loss per target of each step, in nats.
        seconds: Spent in steps.
        tokens: Token places read by all processes, filling included.
        resumed_at: Steps that were already done when this call began.
        compiled: Whether the model was compiled.
    """

    losses: tuple[float, ...]
    seconds: float
    tokens: int
    resumed_at: int
    compiled: bool

    @property
    def tokens_per_second(self) -> float:
        """Speed over the whole run."""
        return self.tokens / self.seconds if self.seconds else 0.0


def train(
    model: nn.Module,
    loader: Iterable[TrainBatch],
    settings: TrainSettings,
    *,
    loss: LossFunction = token_loss,
    precision: Precision | None = None,
    run_dir: Path | str | None = None,
    on_step: Callable[[StepRecord], Any] | None = None,
    description: str = "training",
) -> TrainReport:
    """Train a model in place.

    With a ``run_dir`` the run writes its metrics (``metrics.jsonl``) and checkpoints there, and the same call made
    again goes on from the last one, to the same weights bit for bit as if it had never stopped (same machine, same
    number of threads).

    Args:
        model: With ``hidden`` and ``output`` as :func:`minillama.training.loss.token_loss` calls them. It is moved to
            the precision's device and left in the mode (train or eval) in which it came.
        loader: Gives batches: a list, or a loader with ``state_dict``/``load_state_dict``, which resumes at once.
        settings: Of the optimiser and the run.
        loss: Gives the summed loss of a batch and what to divide it by (targets); next-token cross entropy by default.
            Another one is not compiled, and what it depends on beside the batch belongs into the loader's state.
        precision: Where and in which format to compute; detected where not given.
        run_dir: Folder of this run alone.
        on_step: Called after every step, before its checkpoint.
        description: Shown beside the progress bar.

    Raises:
        NonFiniteLoss: The loss or the gradient became NaN or infinite.
        CheckpointError: A checkpoint could not be written, or all there are are damaged.
        ValueError: ``run_dir`` holds a run with other settings, or the loader has no batches.
    """
    if settings.checkpoint_every is not None and run_dir is None:
        raise ValueError(
            f"checkpoint_every is {settings.checkpoint_every}, but there is no run_dir to write to; give one"
        )
    was_training = model.training
    folder = None if run_dir is None else Path(run_dir)
    run = _Run(model, loader, settings, loss, precision or Precision.detect(), folder)
    model.train()
    try:
        return run.go(on_step, description)
    finally:
        run.close()
        model.train(was_training)


class _Run:
    """Everything that changes while a run goes on."""

    def __init__(
        self,
        model: nn.Module,
        loader: Iterable[TrainBatch],
        settings: TrainSettings,
        loss: LossFunction,
        precision: Precision,
        folder: Path | None,
    ) -> None:
        self.model, self.settings, self.precision, self.folder = model.to(precision.device), settings, precision, folder
        self.batches = BatchStream(loader)
        self.optimizer = make_optimizer(model, settings)
        self.updater = Updater(model, self.optimizer, precision, loss, settings.clip)
        self.step, self.tokens, self.seconds = 0, 0, 0.0
        self.compiled: bool | None = settings.compile if loss is token_loss else False
        self.losses: list[float] = []
        distributed.copy_from_first_rank(model)
        self._resume()
        self.resumed_at = self.step
        self.metrics = self._open_metrics()

    def go(self, on_step: Callable[[StepRecord], Any] | None, description: str) -> TrainReport:
        first = distributed.rank() == 0
        with ProgressBar(description, self.settings.steps, self.step, shown=first) as bar:
            while self.step < self.settings.steps:
                record = self._do_step()
                bar.show(record)
                if on_step is not None:
                    on_step(record)
                if self._checkpoint_is_due():
                    self._save()
        return TrainReport(
            losses=tuple(self.losses),
            seconds=self.seconds,
            tokens=self.tokens,
            resumed_at=self.resumed_at,
            compiled=bool(self.compiled),
        )

    def close(self) -> None:
        if self.metrics is not None:
            self.metrics.close()

    def _do_step(self) -> StepRecord:
        began = time.perf_counter()
        first_batch = self.batches.drawn + 1
        batches = [self.batches.draw() for _ in range(self.settings.accumulation)]
        places = sum(batch.tokens.numel() for batch in batches) * distributed.world_size()
        self._decide_compilation(places)
        rate = learning_rate(self.step + 1, self.settings)
        set_learning_rate(self.optimizer, rate)
        loss, norm, targets = self.updater(batches, self.step + 1, first_batch)
        elapsed = time.perf_counter() - began
        self.step, self.tokens, self.seconds = self.step + 1, self.tokens + places, self.seconds + elapsed
        record = StepRecord(
            step=self.step,
            loss=loss,
            learning_rate=rate,
            gradient_norm=norm,
            targets=targets,
            tokens=self.tokens,
            seconds=round(self.seconds, 4),
            tokens_per_second=round(places / elapsed, 1),
        )
        self.losses.append(loss)
        if self.metrics is not None:
            self.metrics.append(record)
        return record

    def _decide_compilation(self, places: int) -> None:
        """Once, at the first step: by the run's size, not by a clock, so that a run that goes on decides alike."""
        if self.compiled is None:
            self.compiled = self.precision.compilation_pays(self.model, places * self.settings.steps)
        if self.compiled and self.updater.loss is token_loss:
            self.updater.loss = compiled_token_loss()

    def _checkpoint_is_due(self) -> bool:
        every = self.settings.checkpoint_every
        last = self.step == self.settings.steps
        return self.folder is not None and (last or (every is not None and self.step % every == 0))

    def _save(self) -> None:
        if self.metrics is not None:
            self.metrics.sync()
        random_tensors, random_rest = save_random_state()
        ranks = distributed.gather_objects((random_tensors, random_rest, self.batches.state_dict()))
        if distributed.rank() != 0 or self.folder is None:
            return
        tensors = {
            "model": self.model.state_dict(),
            "optimizer": optimizer_tensors(self.optimizer, self.model),
            "random": {f"{rank}/{name}": value for rank, (t, _, _) in enumerate(ranks) for name, value in t.items()},
        }
        state = {
            "settings": self._identity(),
            "tokens": self.tokens,
            "seconds": self.seconds,
            "losses": self.losses,
            "compiled": self.compiled,
            "scaler": self.updater.scaler.state_dict(),
            "random": [rest for _, rest, _ in ranks],
            "data": [place for _, _, place in ranks],
        }
        checkpoint = Checkpoint(step=self.step, tensors=tensors, state=state)
        write_checkpoint(self.folder / CHECKPOINT_FOLDER, checkpoint, self.settings.keep_checkpoints)

    def _identity(self) -> dict[str, Any]:
        """What must be the same for a run to go on: JSON, so that it can be compared with what a checkpoint holds."""
        settings = {
            name: value for name, value in dataclasses.asdict(self.settings).items() if name not in FREE_SETTINGS
        }
        return settings | {"betas": list(self.settings.betas), "processes": distributed.world_size()}

    def _resume(self) -> None:
        if self.folder is None:
            return
        checkpoint = newest_checkpoint(self.folder / CHECKPOINT_FOLDER) if distributed.rank() == 0 else None
        checkpoint = distributed.object_from_first_rank(checkpoint)
        if checkpoint is None:
            return
        state, own = checkpoint.state, distributed.rank()
        self._check_identity(state["settings"])
        try:
            self.model.load_state_dict(checkpoint.tensors["model"])
            load_optimizer_tensors(self.optimizer, self.model, checkpoint.tensors["optimizer"])
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"{self.folder} holds a run of another model; choose another run_dir: {error}") from error
        self.updater.scaler.load_state_dict(state["scaler"])
        self.batches.load_state_dict(state["data"][own])
        prefix = f"{own}/"
        random = checkpoint.tensors["random"].items()
        load_random_state({k.removeprefix(prefix): v for k, v in random if k.startswith(prefix)}, state["random"][own])
        self.step, self.tokens, self.seconds = checkpoint.step, state["tokens"], state["seconds"]
        self.losses = list(state["losses"])
        if self.compiled is None:
            self.compiled = state["compiled"]

    def _check_identity(self, stored: dict[str, Any]) -> None:
        wanted = self._identity()
        different = [name for name in wanted if stored.get(name) != wanted[name]]
        if different:
            name = different[0]
            raise ValueError(
                f"{self.folder} holds a run with {name}={stored.get(name)}, but {name} is {wanted[name]}; "
                "use the settings it began with, or another run_dir"
            )

    def _open_metrics(self) -> MetricsFile | None:
        if self.folder is None or distributed.rank() != 0:
            return None
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            return MetricsFile(self.folder / METRICS_FILE, self.step)
        except OSError as error:
            raise CheckpointError(f"could not write {self.folder / METRICS_FILE}: {error.strerror}") from error
