"""A tiny model and answers to prompts of several lengths."""

import pytest
import torch

from minillama.alignment.ppo.rollout import Rollouts
from minillama.model import ModelArgs, Transformer

ARGS = ModelArgs(dim=16, n_layers=2, n_heads=2, vocab_size=12, multiple_of=8, max_seq_len=32, rope_theta=500.0)


@pytest.fixture
def make_model():
    def make(seed=0):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return Transformer(ARGS)

    return make


@pytest.fixture
def rollouts():
    return Rollouts(
        prompts=[[1, 5], [1, 6, 7, 8, 9, 10, 11], [1, 4, 4], [1, 3]],
        answers=[[7, 8, 2], [2], [5, 5, 5, 5, 5], [9, 2]],
        finished=[True, True, False, True],
        is_safety=[False, True, False, False],
    )
