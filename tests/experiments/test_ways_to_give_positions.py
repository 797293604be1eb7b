"""Rotation against tables on text: the windows, the held-out loss, and how the claim is judged."""

import math
from dataclasses import replace

import pytest
import torch

from minillama.experiments import Row
from minillama.experiments import ways_to_give_positions as ways

TINY = replace(ways.SETTINGS, steps=3, length=8, longest=8, numbers=50, dim=16, n_heads=2, n_layers=1, batch=4)


def rows(rotary, learned, sines, none=3.0, shuffled=(4.0, 4.0, 4.0), seed=0):
    values = dict(zip(ways.ARMS, (rotary, learned, sines, none)))
    values |= {arm + ways.SHUFFLED: loss for arm, loss in zip(ways.ARMS, shuffled)}
    return [
        Row(arm=arm, seed=seed, numbers={ways.LOSS: loss}, control=ways.SHUFFLED in arm) for arm, loss in values.items()
    ]


def test_rotary_must_be_clearly_ahead_of_both_tables_in_every_seed():
    good = rows(2.0, 2.1, 2.2)
    assert ways.judge(good).outcome == "reproduced"
    assert ways.judge(good + rows(2.0, 2.02, 2.2, seed=1)).outcome == "not reproduced"
    assert ways.judge(good + rows(2.0, 2.1, 1.9, seed=1)).outcome == "not reproduced"


def test_without_positions_decides_nothing_but_is_told():
    assert ways.judge(rows(2.0, 2.1, 2.2, none=1.5)).outcome == "reproduced"
    assert "no positions at least -0.500" in ways.judge(rows(2.0, 2.1, 2.2, none=1.5)).why


def test_the_control_must_not_differ():
    assert ways.judge(rows(2.0, 2.1, 2.2, shuffled=(4.0, 4.02, 4.0))).outcome == "cannot be seen at this scale"
    assert ways.judge(rows(2.0, 2.1, 2.2, shuffled=(4.0, 4.01, 4.0))).outcome == "reproduced"


def test_windows_hold_the_token_after_each_of_theirs_and_are_the_same_for_every_arm():
    tokens = torch.arange(40)
    batches = list(ways.draw_windows(tokens, 0, TINY))
    assert len(batches) == TINY.steps
    for inputs, targets in batches:
        assert inputs.shape == (TINY.batch, TINY.length)
        assert torch.equal(targets, inputs + 1)
        assert torch.equal(inputs.diff(dim=1), torch.ones(TINY.batch, TINY.length - 1, dtype=torch.long))
    again = list(ways.draw_windows(tokens, 0, TINY))
    assert all(torch.equal(one[0], other[0]) for one, other in zip(batches, again))


def test_the_held_out_loss_of_a_model_that_knows_only_the_rule():
    class NextIsOneMore(torch.nn.Module):
        def forward(self, tokens):
            return torch.nn.functional.one_hot(tokens + 1, 50).float()  # 1 for the right token, 0 for the other 49

    loss = ways.held_out_loss(NextIsOneMore(), torch.arange(35), TINY)
    assert math.isclose(loss, math.log(math.e + 49) - 1, rel_tol=1e-5)


def test_a_run_has_four_arms_on_text_and_three_on_shuffled_text(monkeypatch):
    monkeypatch.setattr(ways, "SETTINGS", replace(TINY, steps=5, numbers=1024))
    monkeypatch.setattr(ways, "CHARACTERS", 60_000)
    monkeypatch.setattr(ways, "token_stream", lambda seed, size: (torch.arange(900) % 50, torch.arange(100) % 50, 50))
    measured = {row.arm: row for row in ways.run(0, False)}
    assert list(measured)[:4] == list(ways.ARMS)
    assert [row.control for row in measured.values()] == [False] * 4 + [True] * 3
    assert all(len(row.curve["loss"]) == 5 for row in measured.values())
    assert measured["rotary"].numbers[ways.LOSS] != pytest.approx(measured["learned table"].numbers[ways.LOSS])
