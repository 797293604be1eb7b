"""What small ablations share: the rate, text held out, a run that breaks, and seeds that had no say."""

import math
from itertools import pairwise

import pytest
import torch

from minillama.experiments import Row, _small_text
from minillama.experiments._small_text import TRIAL_SEED, Run, held_out_loss_after, shuffle, token_streams, untouched
from minillama.model import ModelArgs, Transformer

TINY = ModelArgs(dim=16, n_layers=2, n_heads=2, vocab_size=512, multiple_of=16, max_seq_len=32)
SHORT = Run(steps=25, peak_lr=2e-2, batch=8, seq_len=32, warmup=3)


@pytest.fixture(scope="module")
def streams():
    return token_streams(0, 80_000)


@pytest.fixture
def reads(monkeypatch):
    """The rows of every batch that a model reads from now on."""
    rows_read = []
    inner = _small_text._loss
    monkeypatch.setattr(_small_text, "_loss", lambda model, rows: rows_read.append(rows) or inner(model, rows))
    return rows_read


def fresh():
    torch.manual_seed(0)
    return Transformer(TINY)


def test_the_rate_rises_in_a_line_and_ends_at_a_tenth():
    run = Run(steps=100, peak_lr=1.0, warmup=20)
    assert run.rate(1) == pytest.approx(0.05)
    assert run.rate(20) == max(run.rate(step) for step in range(1, 101)) == 1.0
    assert run.rate(60) == pytest.approx(0.55)
    assert run.rate(100) == pytest.approx(0.1)


def test_held_out_are_whole_documents_that_are_not_trained_on(streams):
    train, held_out = (split(tokens) for tokens in streams)
    assert streams[1].numel() >= _small_text.HELD_OUT_TOKENS
    assert streams[1][0] == streams[0][0] == 1
    assert streams[1][-1] == streams[0][-1] == 2
    assert not train & held_out


def split(tokens):
    places = [*(tokens == 1).nonzero().flatten().tolist(), len(tokens)]
    return {tuple(tokens[a:b].tolist()) for a, b in pairwise(places)}


def test_too_little_text_is_refused():
    with pytest.raises(ValueError, match="30,000 characters"):
        token_streams(0, 30_000)


def test_shuffling_keeps_counts_and_breaks_order():
    tokens = torch.arange(1000) % 7
    shuffled = shuffle(tokens, 0)
    assert torch.equal(shuffled.bincount(), tokens.bincount())
    assert (shuffled[1:] == (shuffled[:-1] + 1) % 7).float().mean() < 0.25  # 1 before, 1 in 7 after


def test_a_model_learns(streams):
    losses = []
    end = held_out_loss_after(fresh(), *streams, SHORT, 0, on_loss=losses.append)
    assert end < math.log(512) - 0.3
    assert len(losses) == SHORT.steps


def test_a_broken_run_stops_at_once_and_counts_as_knowing_nothing(streams, reads):
    broken, losses = fresh(), []
    broken.output.weight.data[0, 0] = math.nan
    assert held_out_loss_after(broken, *streams, SHORT, 0, on_loss=losses.append) == math.log(512)
    assert losses == []
    assert len(reads) == 1


def test_who_ends_worse_than_chance_counts_as_knowing_nothing(streams):
    loud = fresh()
    loud.output.weight.data *= 100
    assert held_out_loss_after(loud, *streams, Run(steps=1, peak_lr=1e-6, seq_len=32), 0) == math.log(512)


def test_models_of_one_seed_read_the_same_batches(streams, reads):
    for seed in (3, 3, 4):
        held_out_loss_after(fresh(), *streams, Run(steps=1, peak_lr=1e-3, seq_len=32), seed)
    assert torch.equal(reads[0], reads[2])
    assert not torch.equal(reads[0], reads[4])


def test_the_seed_of_the_trials_does_not_judge_where_there_are_others():
    trial, other = (Row(arm="a", seed=seed, numbers={}) for seed in (TRIAL_SEED, TRIAL_SEED + 1))
    assert untouched([trial, other]) == [other]
    assert untouched([trial]) == [trial]
