"""Ability before and after alignment: how columns are taken, what is lost, and the verdict."""

import pytest
import torch

from minillama.experiments import Row
from minillama.experiments import ability_before_after as claim
from minillama.model import ModelArgs, Transformer
from minillama.tokenizer import Tokenizer
from minillama.valley.benchmarks import COLUMNS, make_benchmark
from minillama.valley.world import World

WORLD = World.create(0)


def test_every_question_of_every_column_is_answered_but_the_solved_ones():
    asked = {column: make_benchmark(column, WORLD, count=6) for column in COLUMNS}
    tokenizer = Tokenizer.train(["Ada lives in a hut. 3 + 4 = 7."] * 3, vocab_size=290)
    torch.manual_seed(0)
    args = ModelArgs(dim=16, n_layers=1, n_heads=2, vocab_size=tokenizer.vocab_size, multiple_of=8, max_seq_len=512)
    found = claim.solved(Transformer(args), tokenizer, asked)
    assert {column: len(right) for column, right in found.items()} == {
        column: 6 - claim.SHOTS.get(column, 0) for column in COLUMNS
    }
    assert {value for right in found.values() for value in right} <= {0.0, 1.0}
    assert sum(found["code"]) == 0


def test_what_was_lost_is_a_paired_difference():
    before = {"world": [1.0] * 30, "maths": [1.0] * 20}
    after = {"world": [1.0] * 15 + [0.0] * 15, "maths": [1.0] * 20}
    numbers = claim.row("sft", 0, after, before).numbers
    assert (numbers["world"], numbers["maths"], numbers[claim.AVERAGE]) == (0.5, 1.0, 0.75)
    assert numbers[claim.LOST] == pytest.approx(0.3)
    assert 0 < numbers[f"{claim.LOST}, low"] < 0.3


def row(arm, seed, **columns):
    numbers = dict.fromkeys(COLUMNS, 0.7 if arm != claim.CONTROL else 0.25) | columns
    numbers[claim.AVERAGE] = sum(numbers.values()) / len(COLUMNS)
    return Row(arm=arm, seed=seed, numbers=numbers, control=arm == claim.CONTROL)


def rows(seed=0, chance=0.25, before=None, **columns):
    untrained = row(claim.CONTROL, seed, **dict.fromkeys(COLUMNS, chance))
    return [row(claim.BEFORE, seed, **(before or {})), row(claim.AFTER, seed, **columns), untrained]


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"world": 0.9, "code": 0.65}, "reproduced"),
        ({"code": 0.5, "world": 0.9}, "not reproduced"),  # a column is lost, although the average is kept
        ({"code": 0.65, "world": 0.62, "maths": 0.6, "reading": 0.65}, "not reproduced"),
        ({"before": {"code": 0.3}, "code": 0.0}, "reproduced"),  # what was never there cannot be lost
        ({"chance": 0.65}, "cannot be seen at this scale"),
    ],
)
def test_the_verdict(changed, outcome):
    assert claim.judge(rows(**changed)).outcome == outcome
    assert claim.judge(rows(**changed) + rows(**changed, seed=1)).outcome == outcome


def test_rows_without_an_arm_are_refused():
    with pytest.raises(ValueError, match="lack an arm"):
        claim.judge(rows()[:2])
