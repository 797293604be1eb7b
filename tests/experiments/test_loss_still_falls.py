"""Figure 5's measurement: the line through the last quarter, the shuffled control, and what the verdict hangs on."""

import dataclasses
import itertools
import math
import random

import pytest
import torch

from minillama.experiments import Row
from minillama.experiments import loss_still_falls as figure5

TINY = figure5.Size(characters=60_000, batch_size=8, measurements=20, held_out_tokens=800, seq_len=32)


def test_a_straight_line_falls_by_its_slope_without_error():
    places = [i / 40 for i in range(1, 41)]
    fall, error = figure5.fall_at_the_end(places, [3 - 0.4 * place for place in places])
    assert math.isclose(fall, 0.1)
    assert error < 1e-12


def test_only_the_last_quarter_counts():
    places = [i / 40 for i in range(1, 41)]
    losses = [6.9 - 5 * place if place <= 0.75 else 3.0 for place in places]
    fall, error = figure5.fall_at_the_end(places, losses)
    assert abs(fall) < 1e-12
    assert error < 1e-12


def test_the_error_is_that_of_the_least_squares_line():
    noise, places = random.Random(0), [i / 400 for i in range(1, 401)]
    falls = []
    for _ in range(200):
        fall, error = figure5.fall_at_the_end(places, [3 - 0.2 * p + noise.gauss(0, 0.05) for p in places])
        falls.append((fall - 0.05) / error)
    spread = (sum(f * f for f in falls) / len(falls)) ** 0.5
    assert 0.8 < spread < 1.25


def test_too_few_measurements_are_refused():
    with pytest.raises(ValueError, match="4 measurements"):
        figure5.fall_at_the_end([i / 16 for i in range(1, 17)], [3.0] * 16)


def test_every_token_is_a_target_once_and_stands_one_place_on():
    batches = figure5.windows(torch.arange(32 * 20 + 5), TINY)
    targets = torch.cat([batch.targets.flatten() for batch in batches])
    assert torch.equal(targets, torch.arange(1, 32 * 20 + 1))
    assert all(torch.equal(batch.targets, batch.tokens + 1) for batch in batches)


def test_shuffling_keeps_counts_and_breaks_order():
    tokens = torch.arange(1000) % 7
    shuffled = figure5.shuffle(tokens, 0)
    assert torch.equal(shuffled.bincount(), tokens.bincount())
    follows = (shuffled[1:] == (shuffled[:-1] + 1) % 7).float().mean()
    assert follows < 0.25  # 1 before, 1 in 7 after


def test_entropy_of_counts_by_hand():
    tokens = torch.tensor([0, 0, 0, 1])  # with one added: 4 and 2 of 6
    expected = -(math.log(4 / 6) + math.log(2 / 6)) / 2
    assert math.isclose(figure5.count_entropy(tokens, torch.tensor([0, 1]), 2), expected, rel_tol=1e-6)


def test_held_out_documents_are_not_trained_on():
    train, held_out, vocab_size = figure5.token_stream(0, TINY)
    assert len(held_out) >= TINY.held_out_tokens
    assert max(int(train.max()), int(held_out.max())) < vocab_size
    documents = {tuple(part) for part in split(train)}
    assert documents
    assert all(tuple(part) not in documents for part in split(held_out))


def split(tokens):
    starts = [*(tokens == 1).nonzero().flatten().tolist(), len(tokens)]
    return [tokens[a:b].tolist() for a, b in itertools.pairwise(starts)]


def rows(text_fall, shuffled_fall, error=0.001):
    return [
        row
        for seed in (0, 1)
        for row in (
            Row(arm=figure5.TEXT, seed=seed, numbers=numbers(text_fall, error)),
            Row(arm=figure5.SHUFFLED, seed=seed, numbers=numbers(shuffled_fall, error), control=True),
        )
    ]


def numbers(fall, error):
    return {"fall over the last quarter": fall, "its standard error": error}


@pytest.mark.parametrize(
    ("text", "shuffled", "error", "outcome"),
    [
        (0.1, 0.0, 0.001, "reproduced"),
        (0.01, 0.0, 0.001, "not reproduced"),
        (0.1, 0.0, 0.05, "not reproduced"),
        (-0.1, -0.2, 0.001, "not reproduced"),
        (0.1, 0.08, 0.001, "cannot be seen at this scale"),
        (0.05, 0.028, 0.001, "cannot be seen at this scale"),
    ],
)
def test_the_verdict(text, shuffled, error, outcome):
    assert figure5.judge(rows(text, shuffled, error)).outcome == outcome


def test_one_seed_that_flattens_is_enough_to_deny():
    mixed = rows(0.1, 0.0)
    mixed[2] = dataclasses.replace(mixed[2], numbers=numbers(0.0, 0.001))
    assert figure5.judge(mixed).outcome == "not reproduced"


def test_rows_without_the_control_are_refused():
    with pytest.raises(ValueError, match="lack an arm"):
        figure5.judge([row for row in rows(0.1, 0.0) if not row.control])


def test_a_run_has_four_arms_and_shuffled_tokens_stay_above_the_entropy(monkeypatch):
    monkeypatch.setattr(figure5, "QUICK", TINY)
    measured = {row.arm: row for row in figure5.run(0, True)}
    assert [row.control for row in measured.values()] == [False, False, True, True]
    constant = measured[figure5.SHUFFLED].numbers["above the entropy of the counts"]
    assert constant > -0.05
    assert measured[figure5.TEXT].numbers["loss at the end"] < measured[figure5.SHUFFLED].numbers["loss at the end"]
