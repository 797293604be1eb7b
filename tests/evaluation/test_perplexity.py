"""Perplexity by hand: uniform models, ignored targets, bytes."""

import math

import pytest
import torch

from minillama.data import IGNORE, Batch
from minillama.evaluation import Perplexity, perplexity
from minillama.model import ModelArgs, Transformer

ARGS = ModelArgs(dim=16, n_layers=1, n_heads=2, vocab_size=32, multiple_of=8, max_seq_len=16)


def uniform_model():
    """All logits are zero, so every token has probability 1/32."""
    model = Transformer(ARGS)
    with torch.no_grad():
        model.output.weight.zero_()
    return model


def batch(ignored=0):
    tokens = torch.arange(12).reshape(2, 6)
    targets = tokens + 1
    targets[:, :ignored] = IGNORE
    return Batch(tokens, targets)


def test_a_uniform_model_hesitates_among_the_whole_vocabulary():
    measured = perplexity(uniform_model(), [batch(), batch()])
    assert measured.targets == 24
    assert measured.loss == pytest.approx(math.log(32))
    assert measured.perplexity == pytest.approx(32)


def test_ignored_targets_count_neither_in_the_sum_nor_in_the_number():
    model = Transformer(ARGS)
    whole, part = perplexity(model, [batch()]), perplexity(model, [batch(ignored=4)])
    assert part.targets == 4
    assert part.nats < whole.nats


def test_bits_per_byte_do_not_depend_on_the_cut():
    coarse, fine = Perplexity(10 * math.log(2), 5, 20), Perplexity(10 * math.log(2), 10, 20)
    assert coarse.bits_per_byte == fine.bits_per_byte == pytest.approx(0.5)
    with pytest.raises(ValueError, match="n_bytes"):
        _ = Perplexity(1.0, 1).bits_per_byte


def test_the_mode_of_the_model_is_kept_and_no_target_is_refused():
    model = uniform_model().train()
    perplexity(model, [batch()])
    assert model.training
    with pytest.raises(ValueError, match="no target"):
        perplexity(model, [batch(ignored=6)])
