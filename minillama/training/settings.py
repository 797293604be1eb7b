"""The choices of one training run, checked when they are made rather than an hour later."""

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """What the optimiser does, how often a checkpoint is written, and whether to compile.

    The optimiser's defaults are those of Llama 2 (section 2.2): AdamW with betas (0.9, 0.95), eps 1e-5, weight decay
    0.1 and clipping at 1.0, a linear warm-up and then a cosine that ends at 10 % of the peak.

    Attributes:
        steps: Optimiser steps of the whole run.
        peak_lr: Learning rate at the end of the warm-up.
        warmup_steps: Steps during which the learning rate rises linearly from zero.
        min_lr_ratio: Where the cosine ends, as a share of ``peak_lr``.
        weight_decay: Decoupled decay, applied to matrices only.
        betas: Decay rates of AdamW's two moving averages.
        eps: Added to AdamW's denominator.
        clip: Largest norm of the gradient; None leaves it alone.
        accumulation: Micro-batches that make up one step.
        schedule: "cosine", or "constant" after the warm-up.
        checkpoint_every: Steps between checkpoints; None writes only the last. Needs a ``run_dir``.
        keep_checkpoints: How many of the newest checkpoints stay on disk.
        compile: True and False decide; None compiles where a compiler is at hand and the run is long enough to gain.

    Raises:
        ValueError: A value is out of range; the message names it and says what would be right.
    """

    steps: int
    peak_lr: float
    warmup_steps: int = 0
    min_lr_ratio: float = 0.1
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = 1e-5
    clip: float | None = 1.0
    accumulation: int = 1
    schedule: Literal["cosine", "constant"] = "cosine"
    checkpoint_every: int | None = None
    keep_checkpoints: int = 2
    compile: bool | None = None

    def __post_init__(self) -> None:
        self._check_counts()
        self._check_optimizer()

    def _check_counts(self) -> None:
        for name in ("steps", "accumulation", "keep_checkpoints"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.checkpoint_every is not None and self.checkpoint_every < 1:
            raise ValueError(f"checkpoint_every is {self.checkpoint_every}; use a number of steps from 1 on, or None")
        if not 0 <= self.warmup_steps <= self.steps:
            raise ValueError(f"warmup_steps is {self.warmup_steps}; it must lie between 0 and steps ({self.steps})")
        if self.schedule not in ("cosine", "constant"):
            raise ValueError(f"schedule is {self.schedule!r}; choose 'cosine' or 'constant'")

    def _check_optimizer(self) -> None:
        if not (math.isfinite(self.peak_lr) and self.peak_lr > 0):
            raise ValueError(f"peak_lr is {self.peak_lr}; it must be a positive number such as 3e-4")
        if not 0 <= self.min_lr_ratio <= 1:
            raise ValueError(f"min_lr_ratio is {self.min_lr_ratio}; it is a share of peak_lr, from 0 to 1")
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise ValueError(f"weight_decay is {self.weight_decay}; it must be 0 or more")
        if not (len(self.betas) == 2 and all(0 <= beta < 1 for beta in self.betas)):
            raise ValueError(f"betas is {self.betas}; give two numbers, each at least 0 and below 1")
        if not (math.isfinite(self.eps) and self.eps > 0):
            raise ValueError(f"eps is {self.eps}; it must be a small positive number such as 1e-5")
        if self.clip is not None and not self.clip > 0:
            raise ValueError(f"clip is {self.clip}; it must be above 0, or None for no clipping")
