"""Attention on the system message: the text that both models read, what is measured, and the verdict."""

import pytest
import torch

from minillama.chat import check_dialog
from minillama.experiments import Row
from minillama.experiments import attention_on_instruction as claim
from minillama.experiments._instruction_arms import probes
from minillama.model import ModelArgs, Transformer
from minillama.tokenizer import Tokenizer

TEXT = "Act as a king. Where does Ada live? In Greyport. And Ben? In Dunmoor. [INST] [/INST] <<SYS>> <</SYS>> \n"


@pytest.fixture(scope="module")
def dialog():
    return claim.spoken(probes(1, (1, 2, 3), kinds=("persona",))[0], 0)


def test_every_answer_is_in_the_personas_voice(dialog):
    plan = probes(1, (1, 2, 3), kinds=("persona",))[0]
    check_dialog(dialog)
    answers = [message["content"] for message in dialog if message["role"] == "assistant"]
    assert len(answers) == 3
    assert all(plan.obeyed(question, answer) for question, answer in zip(plan.questions, answers, strict=True))
    assert dialog == claim.spoken(plan, 0)


def test_a_language_is_refused():
    with pytest.raises(ValueError, match="names no persona"):
        claim.spoken(probes(2, (1,))[1], 0)


def test_a_model_that_looks_everywhere_alike_looks_at_the_system_message_by_its_length(dialog, monkeypatch):
    """With queries of zero, attention is even: the share of a span is its length over what a token can see."""
    monkeypatch.setattr(claim, "TURNS", (2,))
    tokenizer = Tokenizer.train([TEXT * 20], 330)
    args = ModelArgs(dim=16, n_layers=2, n_heads=2, vocab_size=tokenizer.vocab_size, multiple_of=8, max_seq_len=900)
    model = Transformer(args)
    for layer in model.layers:
        torch.nn.init.zeros_(layer.attention.wq.weight)
    system, question = claim.looked_at(model, tokenizer, [dialog])
    span = claim.system_span(dialog, tokenizer)
    begin, end = (len(claim.encode_dialog(dialog[:count], tokenizer)) for count in (3, 5))
    wanted = sum((span[1] - span[0]) / (place + 1) for place in range(begin, end)) / (end - begin)
    assert system["turn 2"] == pytest.approx(wanted, rel=1e-4)
    assert question["turn 2"] == pytest.approx(wanted, rel=1e-4)  # as many tokens


def rows(system=(0.1, 0.4), question=(0.1, 0.12), seed=0):
    arms = {claim.BASELINE: system[0], claim.GATT: system[1]}
    arms |= {claim.BASELINE + claim.QUESTION: question[0], claim.GATT + claim.QUESTION: question[1]}
    return [Row(arm=arm, seed=seed, numbers={f"turn {turn}": v for turn in claim.TURNS}) for arm, v in arms.items()]


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"system": (0.1, 0.12)}, "not reproduced"),
        ({"system": (0.4, 0.1)}, "not reproduced"),
        ({"question": (0.1, 0.5)}, "cannot be seen at this scale"),
    ],
)
def test_the_verdict_needs_every_seed(changed, outcome):
    assert claim.judge(rows(**changed)).outcome == outcome
    assert claim.judge(rows() + rows(**changed, seed=1)).outcome == outcome
