"""The bar that shows a run to whoever watches it, and nobody else."""

import os
import sys

from tqdm import tqdm

from minillama.training.metrics import StepRecord

PROGRESS_VARIABLE = "MINILLAMA_PROGRESS"


def is_watched() -> bool:
    """Return whether a terminal or a notebook shows the bar, and not in CI; ``MINILLAMA_PROGRESS=0|1`` decides."""
    wish = os.environ.get(PROGRESS_VARIABLE)
    if wish in ("0", "1"):
        return wish == "1"
    if os.environ.get("CI"):
        return False
    # ipykernel gives a notebook a stderr that is no terminal but is shown all the same.
    return sys.stderr.isatty() or type(sys.stderr).__module__.startswith("ipykernel")


class ProgressBar:
    """Steps done, time left, loss and speed; a context manager that removes its line from notebooks when it ends."""

    def __init__(self, description: str, steps: int, done: int, shown: bool) -> None:
        self._bar = tqdm(
            total=steps,
            initial=done,
            desc=description,
            unit="step",
            disable=not (shown and is_watched()),
            leave=sys.stderr.isatty(),
            mininterval=0.5,
        )

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def show(self, record: StepRecord) -> None:
        """Move on by one step."""
        self._bar.set_postfix_str(f"loss {record.loss:.3f}, {record.tokens_per_second:,.0f} tokens/s", refresh=False)
        self._bar.update()
