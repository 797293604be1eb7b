"""Scope of context distillation: what each arm learns, and the verdict."""

import pytest

from minillama.alignment.context_kl import ContextPair
from minillama.chat import DialogTokens
from minillama.experiments import Row
from minillama.experiments import distillation_scope as claim


def pair(token, told):
    example = DialogTokens((1, token, 2), (0, 1, 1))
    return ContextPair(example, DialogTokens((1, 9, token, 2), (0, 0, 1, 1)) if told else example)


def test_arms_learn_different_parts_of_the_same_samples():
    good = claim.Sampled(pair(11, True), pair(12, False), harmful=True, better=True)
    worse = claim.Sampled(pair(21, True), pair(22, False), harmful=True, better=False)
    ordinary = claim.Sampled(pair(31, True), pair(32, False), harmful=False, better=True)
    broken = claim.Sampled(None, None, harmful=True, better=True)
    learnt = {
        arm: ([each.student.tokens[1] for each in pairs], form)
        for arm, (pairs, form) in claim.lessons([good, worse, ordinary, broken]).items()
    }
    assert learnt == {
        claim.GATED: ([11, 32], "sft"),
        claim.UNGATED: ([11, 21, 32], "sft"),
        claim.KL: ([11, 32], "kl"),
        claim.ALL: ([11, 21, 31], "sft"),
        claim.CONTROL: ([12, 22, 32], "sft"),
    }


def test_a_row_says_what_changed():
    before = {claim.HELPFULNESS: [1.0, 0.5], claim.FALSE: [0.0, 0.0], claim.VIOLATIONS: [1.0, 1.0]}
    before[claim.BORDERLINE] = [0.0, 1.0]
    after = before | {claim.HELPFULNESS: [0.5, 0.5], claim.VIOLATIONS: [0.0, 1.0]}
    numbers = claim.compared(after, before)
    assert numbers[claim.FEWER] == 0.5
    assert numbers[claim.WORSE] == 0.25
    assert numbers[claim.BORDERLINE] == 0.5


def rows(gated=0.2, control=0.0, worse=0.0, false=0.0, borderline=0.1, seed=0):
    def row(arm, fewer, lost=0.0, refusals=0.0, sounding=0.0):
        numbers = {claim.VIOLATIONS: 0.3 - fewer, claim.FEWER: fewer, claim.WORSE: lost}
        numbers |= {claim.FALSE: refusals, claim.BORDERLINE: sounding}
        return Row(arm=arm, seed=seed, numbers=numbers, control=arm == claim.CONTROL)

    return [
        row(claim.BEFORE, 0.0),
        *(row(arm, gated) for arm in (claim.GATED, claim.UNGATED, claim.KL)),
        row(claim.ALL, gated, worse, false, borderline),
        row(claim.CONTROL, control),
    ]


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"borderline": 0.0, "worse": 0.05}, "reproduced"),
        ({"borderline": 0.01}, "not reproduced"),
        ({"gated": 0.01}, "not reproduced"),
        ({"control": 0.15}, "cannot be seen at this scale"),
    ],
)
def test_the_verdict(changed, outcome):
    assert claim.judge(rows(**changed)).outcome == outcome
    assert claim.judge(rows(**changed) + rows(**changed, seed=1)).outcome == outcome


def test_rows_without_an_arm_are_refused():
    with pytest.raises(ValueError, match="lack an arm"):
        claim.judge(rows()[1:])


def test_the_quick_form_needs_neither_the_ungated_nor_the_kl_arm():
    few = [row for row in rows() if row.arm not in (claim.UNGATED, claim.KL)]
    assert claim.judge(few).outcome == "reproduced"
    assert claim.KL in claim.judge(rows()).why
    assert claim.KL not in claim.judge(few).why
