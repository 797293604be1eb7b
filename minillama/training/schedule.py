"""How the learning rate moves through a run: up in a straight line, then down along half a cosine."""

import math

from minillama.training.settings import TrainSettings


def learning_rate(step: int, settings: TrainSettings) -> float:
    """Return the learning rate of one step.

    Rises linearly so that step ``warmup_steps`` uses ``peak_lr``; after it follows half a cosine, whose last step uses
    ``min_lr_ratio * peak_lr`` (Llama 2, section 2.2: a cosine down to 10 % of the peak), or stays at the peak.

    Args:
        step: From 1, the first update, to ``settings.steps``, the last.
        settings: Of the run.

    Raises:
        ValueError: ``step`` is not one of the run's.
    """
    if not 1 <= step <= settings.steps:
        raise ValueError(f"step is {step}; this run has steps 1 to {settings.steps}")
    if step <= settings.warmup_steps:
        return settings.peak_lr * step / settings.warmup_steps
    if settings.schedule == "constant":
        return settings.peak_lr
    # Without a warm-up the first step is the peak itself, so the descent is counted from it.
    start = max(settings.warmup_steps, 1)
    progress = (step - start) / max(settings.steps - start, 1)
    floor = settings.min_lr_ratio * settings.peak_lr
    return floor + (settings.peak_lr - floor) * 0.5 * (1 + math.cos(math.pi * progress))
