"""A model and a loader small enough to train hundreds of steps a second; run as a script, runs that are killed.

Both draw from the global random generators, so that a resumed run only ends in the same weights if these were put back.
As a script, because the checks of types that the tests switch on draw from Python's generator too.
"""

import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from minillama.data.collate import IGNORE, Batch
from minillama.training import Precision, TrainSettings, train

VOCAB, DIM = 23, 16
MIN_KILLS = 5


class TinyModel(nn.Module):
    """Next token from the present one, with dropout; the interface of Transformer."""

    def __init__(self, dropout=0.1):
        super().__init__()
        self.tok_embeddings = nn.Embedding(VOCAB, DIM)
        self.mix = nn.Linear(DIM, DIM)
        self.gain = nn.Parameter(torch.ones(DIM))
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(DIM, VOCAB, bias=False)

    def hidden(self, tokens, *, positions=None, document_ids=None):
        embedded = self.tok_embeddings(tokens)
        return self.dropout(embedded + torch.tanh(self.mix(embedded))) * self.gain


class TinyLoader:
    """Sparse random batches; the place is the number drawn, some noise comes from Python's and NumPy's generators."""

    def __init__(self, seed=0, batch_size=4, seq=8, python_noise=False):
        self.seed, self.shape, self.python_noise, self.drawn = seed, (batch_size, seq), python_noise, 0

    def __iter__(self):
        return self

    def __next__(self):
        self.drawn += 1
        generator = torch.Generator().manual_seed(self.seed * 1000 + self.drawn)
        tokens = torch.randint(VOCAB, self.shape, generator=generator)
        targets = (tokens * 3 + 1) % VOCAB
        targets[torch.rand(self.shape, generator=generator) < 0.4] = IGNORE
        tokens[0, 0] = int(np.random.randint(VOCAB))
        if self.python_noise:
            tokens[1, 0] = random.randrange(VOCAB)
        return Batch(tokens, targets)

    def state_dict(self):
        return {"drawn": self.drawn}

    def load_state_dict(self, state):
        self.drawn = state["drawn"]


def seed_everything(seed=0):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def whole_run(folder, compiled=False):
    """Train 60 steps with a checkpoint at every other one, and write the last weights."""
    seed_everything()
    settings = TrainSettings(
        steps=60, peak_lr=1e-2, warmup_steps=5, accumulation=2, checkpoint_every=2, compile=compiled
    )
    model, loader = TinyModel(), TinyLoader(python_noise=True)
    train(model, loader, settings, precision=Precision.detect("cpu", "float32"), run_dir=folder / "run")
    save_file(model.state_dict(), folder / "weights.safetensors")


def run_killed(folder, longest):
    """Start the run in process after process, killing each after a random time of up to ``longest`` seconds."""
    moments = random.Random(7)
    for kills in range(200):
        child = os.fork()
        if child == 0:
            whole_run(folder)
            os._exit(0)
        time.sleep(moments.uniform(0, longest))
        os.kill(child, signal.SIGKILL)
        if os.waitpid(child, 0)[1] == 0 or (folder / "weights.safetensors").exists():
            return kills
    raise AssertionError("200 processes were killed and the run is not done")


def main():
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    began = time.perf_counter()
    whole_run(folder / "straight")
    longest, kills = (time.perf_counter() - began) / 4, 0
    while kills < MIN_KILLS:  # on a machine that has become faster meanwhile, kill sooner and begin again
        shutil.rmtree(folder / "killed", ignore_errors=True)
        (folder / "killed").mkdir()
        kills, longest = run_killed(folder / "killed", longest), longest / 2
    print(kills)


if __name__ == "__main__":
    main()
