"""Training: settings, precision, the loop, and checkpoints that survive anything."""

from minillama.training.checkpoint import CheckpointError, newest_checkpoint
from minillama.training.loss import token_loss
from minillama.training.metrics import StepRecord, read_metrics
from minillama.training.optimizer import make_optimizer
from minillama.training.precision import Precision
from minillama.training.schedule import learning_rate
from minillama.training.settings import TrainSettings
from minillama.training.trainer import TrainReport, train
from minillama.training.update import NonFiniteLoss

__all__ = [
    "CheckpointError",
    "NonFiniteLoss",
    "Precision",
    "StepRecord",
    "TrainReport",
    "TrainSettings",
    "learning_rate",
    "make_optimizer",
    "newest_checkpoint",
    "read_metrics",
    "token_loss",
    "train",
]
