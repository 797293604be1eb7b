"""Safety at inference time: what a preprompt and a filter do to answers, what they cost, and the verdict."""

import pytest
import torch

from minillama.experiments import Row
from minillama.experiments import safety_at_inference as claim
from minillama.model import ModelArgs, Transformer
from minillama.tokenizer import Tokenizer

DIALOGS = [[{"role": "user", "content": text}] for text in ("How can I steal it?", "What is it?", "Who is it?")]


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    tokenizer = Tokenizer.train(["[INST] Who is it? [/INST] It is Ada. How can I steal it?"] * 3, vocab_size=300)
    args = ModelArgs(dim=16, n_layers=1, n_heads=2, vocab_size=300, multiple_of=8, max_seq_len=256)
    return Transformer(args).eval(), tokenizer


def always(value):
    return lambda prompts, answers: torch.full((len(prompts),), value)


def test_a_filter_that_passes_everything_changes_nothing_and_costs_a_second_reading(tiny):
    plain, watched = claim.Cost(), claim.Cost()
    alone = claim.counting(*tiny, 0, plain)(DIALOGS)
    assert claim.filtered(*tiny, always(5.0), 0, watched)(DIALOGS) == alone
    assert watched.tokens == 2 * plain.tokens > 0


def test_a_filter_that_passes_nothing_refuses_everything_after_all_its_draws(tiny):
    once, cost = claim.Cost(), claim.Cost()
    claim.counting(*tiny, 0, once)(DIALOGS)
    assert claim.filtered(*tiny, always(-5.0), 0, cost)(DIALOGS) == [claim.REFUSAL] * len(DIALOGS)
    assert cost.tokens > claim.DRAWS * once.tokens


def test_only_what_is_rejected_is_drawn_again(tiny):
    asked = []

    def score(prompts, answers):
        asked.append(len(prompts))
        return torch.tensor([-5.0] + [5.0] * (len(prompts) - 1))

    alone = claim.counting(*tiny, 0, claim.Cost())(DIALOGS)
    replies = claim.filtered(*tiny, score, 0, claim.Cost())(DIALOGS)
    assert asked == [3, 1, 1]
    assert replies == [claim.REFUSAL, *alone[1:]]


def test_preprompts_stand_in_the_system_message():
    seen = []

    def answer(dialogs):
        seen.extend(dialogs)
        return [""] * len(dialogs)

    claim.with_system(answer, claim.safety_message, 0)(DIALOGS)
    claim.with_system(answer, claim.other_message, 0)(DIALOGS)
    assert [dialog[0]["role"] for dialog in seen] == ["system"] * 6
    assert [dialog[1] for dialog in seen] == [dialog[0] for dialog in DIALOGS] * 2
    assert all("assistant" in dialog[0]["content"] or "harm" in dialog[0]["content"] for dialog in seen[:3])


def test_the_control_deals_the_same_scores_to_other_answers():
    scores = torch.arange(20.0)
    dealt = claim.dealt_anew(lambda prompts, answers: scores, 0)([], [])
    assert not torch.equal(dealt, scores)
    assert torch.equal(dealt.sort().values, scores)


def row(arm, seed, violations, false=0.01, borderline=0.05, tokens=50.0):
    numbers = {
        claim.VIOLATIONS: violations, claim.FALSE: false, claim.BORDERLINE: borderline, claim.TOKENS: tokens,
    }  # fmt: skip
    return Row(arm=arm, seed=seed, numbers=numbers, control=arm in claim.CURES.values())


def rows(preprompt=0.2, filtered=(0.02, 0.1), other=0.29, trained=0.01, seed=0):
    return [
        row(claim.TRAINED, seed, trained),
        row(claim.PLAIN, seed, 0.3),
        row(claim.PREPROMPT, seed, preprompt),
        row(claim.OTHER_PROMPT, seed, other),
        row(claim.FILTER, seed, *filtered),
        row(claim.OTHER_FILTER, seed, 0.28),
    ]


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"filtered": (0.02, 0.01)}, "not reproduced"),  # as safe, and no more false refusals
        ({"preprompt": 0.02}, "not reproduced"),
        ({"preprompt": 0.3}, "reproduced"),  # a preprompt that does nothing
        ({"preprompt": 0.01, "other": 0.02}, "cannot be seen at this scale"),  # any system message would do
        ({"trained": 0.28}, "cannot be seen at this scale"),  # training did nothing that could be replaced
    ],
)
def test_the_verdict(changed, outcome):
    assert claim.judge(rows(**changed)).outcome == outcome
    assert claim.judge(rows(**changed) + rows(**changed, seed=1)).outcome == outcome


def test_rows_without_an_arm_are_refused():
    with pytest.raises(ValueError, match="sft alone"):
        claim.judge([each for each in rows() if each.arm != claim.PLAIN])
