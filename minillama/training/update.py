"""One optimiser step: micro-batches in, one update of the weights out."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from minillama.training import distributed
from minillama.training.batches import TrainBatch
from minillama.training.loss import LossFunction
from minillama.training.precision import Precision


class NonFiniteLoss(RuntimeError):
    """Loss or gradient became NaN or infinite; the weights were not touched by the step.

    Attributes:
        step: The step that failed, from 1.
        batch: The micro-batch at fault, on this process, where it is known.
    """

    def __init__(self, message: str, step: int, batch: TrainBatch | None) -> None:
        super().__init__(message)
        self.step, self.batch = step, batch


class Updater:
    """Computes the gradient of a whole step, checks it, clips it and applies it."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        precision: Precision,
        loss: LossFunction,
        clip: float | None,
    ) -> None:
        self.model, self.optimizer, self.precision, self.loss = model, optimizer, precision, loss
        self.scaler = precision.scaler()
        self.max_norm = math.inf if clip is None else clip
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]

    def __call__(self, batches: Sequence[TrainBatch], step: int, first_batch: int) -> tuple[float, float, int]:
        """Do one step and return the mean loss per target, the gradient's norm, and the number of targets.

        The loss of each micro-batch is divided by the targets of *all* of them, on all processes. So any cut of a batch
        into micro-batches and processes gives the gradient of the batch in one piece.

        Args:
            batches: The micro-batches of this process.
            step: For messages.
            first_batch: Number of the first of them since the run began, for messages.

        Raises:
            ValueError: No target in the whole step.
            NonFiniteLoss: The loss or the gradient is NaN or infinite.
        """
        device = self.precision.device
        own_targets = sum(batch.n_targets for batch in batches)
        targets = int(distributed.sum_over_ranks(torch.tensor(own_targets, device=device)))
        if targets == 0:
            raise ValueError(
                f"step {step} has no target token (batches {_range(first_batch, len(batches))}); nothing to learn"
            )
        self.optimizer.zero_grad(set_to_none=True)
        sums = torch.stack([self._backward(batch.to(device), targets) for batch in batches])
        distributed.sum_gradients(self.model)
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.clip_grad_norm_(self.parameters, self.max_norm)
        loss, gradient_norm = torch.stack([distributed.sum_over_ranks(sums.sum()) / targets, norm.float()]).tolist()
        self._check(loss, gradient_norm, sums, batches, step, first_batch)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss, gradient_norm, targets

    def _backward(self, batch: TrainBatch, targets: int) -> Tensor:
        with self.precision.autocast():
            loss_sum, _ = self.loss(self.model, batch)
        self.scaler.scale(loss_sum / targets).backward()
        return loss_sum.detach()

    def _check(
        self, loss: float, norm: float, sums: Tensor, batches: Sequence[TrainBatch], step: int, first_batch: int
    ) -> None:
        # A float16 run meets infinite gradients now and then; its scaler skips the update and lowers the scale.
        if math.isfinite(loss) and (math.isfinite(norm) or self.scaler.is_enabled()):
            return
        bad = [index for index, value in enumerate(sums.tolist()) if not math.isfinite(value)]
        if bad:
            where = f"in batch {first_batch + bad[0]} of the run (micro-batch {bad[0] + 1} of {len(batches)})"
            raise NonFiniteLoss(self._message(f"the loss is {loss} {where}", step), step, batches[bad[0]])
        what = f"the gradient's norm is {norm}" if math.isfinite(loss) else f"another process's loss is {loss}"
        raise NonFiniteLoss(self._message(f"{what}, batches {_range(first_batch, len(batches))}", step), step, None)

    @staticmethod
    def _message(what: str, step: int) -> str:
        return (
            f"step {step}, process {distributed.rank()}: {what}. The update was not made, earlier checkpoints stand; "
            "look at the batch, or lower peak_lr, or clip harder"
        )


def _range(first: int, count: int) -> str:
    return f"{first} to {first + count - 1}"
