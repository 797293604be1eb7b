"""A model and a loader small enough to train hundreds of steps a second; run as a script, a whole training run.

Both draw from every global random generator, so that a resumed run only ends in the same weights if all of them were
put back.
"""

import argparse
import random

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from minillama.data.collate import IGNORE, Batch
from minillama.training import Precision, TrainSettings, train

VOCAB, DIM = 23, 16


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

    def __init__(self, seed=0, batch_size=4, seq=8, noise=True):
        self.seed, self.shape, self.noise, self.drawn = seed, (batch_size, seq), noise, 0

    def __iter__(self):
        return self

    def __next__(self):
        self.drawn += 1
        generator = torch.Generator().manual_seed(self.seed * 1000 + self.drawn)
        tokens = torch.randint(VOCAB, self.shape, generator=generator)
        targets = (tokens * 3 + 1) % VOCAB
        targets[torch.rand(self.shape, generator=generator) < 0.4] = IGNORE
        if self.noise:
            tokens[0, 0], tokens[1, 0] = random.randrange(VOCAB), int(np.random.randint(VOCAB))
        return Batch(tokens, targets)

    def state_dict(self):
        return {"drawn": self.drawn}

    def load_state_dict(self, state):
        self.drawn = state["drawn"]


def seed_everything(seed=0):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("run_dir")
    parser.add_argument("weights")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--checkpoint-every", type=int, default=2)
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    seed_everything()
    settings = TrainSettings(
        steps=options.steps,
        peak_lr=1e-2,
        warmup_steps=5,
        accumulation=2,
        checkpoint_every=options.checkpoint_every,
        compile=options.compile,
    )
    model = TinyModel()
    print("began", flush=True)
    train(model, TinyLoader(), settings, precision=Precision.detect("cpu", "float32"), run_dir=options.run_dir)
    save_file(model.state_dict(), options.weights)


if __name__ == "__main__":
    main()
