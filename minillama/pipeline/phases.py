"""One loader out of several: pretraining goes from short rows to long ones under a single schedule."""

import bisect
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from minillama.data import Batch, PretrainLoader, TokenShards
from minillama.pipeline.presets import Phase


class PhasedLoader:
    """Gives each phase's batches for as many steps as the phase lasts; the last phase goes on without end."""

    def __init__(self, shards: TokenShards, phases: Sequence[Phase], seed: int) -> None:
        if not phases:
            raise ValueError("there are no phases to train; give at least one")
        # Each phase draws in its own order; the seeds of two runs never meet.
        self._loaders = [
            PretrainLoader(
                shards, phase.batch_size, phase.seq_len, seed * len(phases) + number, document_ids=phase.own_document
            )
            for number, phase in enumerate(phases)
        ]
        self._ends = list(accumulate(phase.steps for phase in phases))
        self._drawn = 0

    def __iter__(self) -> "PhasedLoader":
        return self

    def __next__(self) -> Batch:
        phase = min(bisect.bisect_right(self._ends, self._drawn), len(self._loaders) - 1)
        self._drawn += 1
        return next(self._loaders[phase])

    def state_dict(self) -> dict[str, Any]:
        """Where each phase stands, as JSON values."""
        return {"drawn": self._drawn, "phases": [loader.state_dict() for loader in self._loaders]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where another loader stood."""
        if len(state["phases"]) != len(self._loaders):
            raise ValueError(f"the saved loader had {len(state['phases'])} phases, this one has {len(self._loaders)}")
        self._drawn = int(state["drawn"])
        for loader, saved in zip(self._loaders, state["phases"], strict=True):
            loader.load_state_dict(saved)
