"""Long system prompts: how they are made, whose voice the judge of facts does not hear, and the verdict."""

import pytest
import torch

from minillama.chat import check_dialog
from minillama.experiments import Row
from minillama.experiments import long_system_prompt as claim
from minillama.experiments._instruction_arms import probes
from minillama.model import ModelArgs, Transformer
from minillama.tokenizer import Tokenizer

TEXT = "Act as a king. Where does Ada live? In Greyport. And Ben? In Dunmoor. [INST] [/INST] <<SYS>> <</SYS>> \n"

PLANS = probes(3, (1,), kinds=("persona",))


def test_the_instruction_stands_last_first_and_in_the_middle():
    places = []
    for number, plan in enumerate(PLANS):
        dialog = claim.lengthened(plan, 4, number)
        check_dialog(dialog)
        before, after = dialog[0]["content"].split(plan.instruction)
        places.append((bool(before), bool(after)))
        assert dialog == claim.lengthened(plan, 4, number)
    assert places == [(True, False), (False, True), (True, True)]
    assert claim.lengthened(PLANS[0], 0, 0)[0]["content"] == PLANS[0].instruction


def test_the_opening_of_the_persona_is_taken_off():
    opening = PLANS[0].rules[0].persona.openings[1]
    assert claim.unvoiced(PLANS[0], f"{opening} Ada lives in Dale.") == "Ada lives in Dale."
    assert claim.unvoiced(PLANS[0], "Ada lives in Dale.") == "Ada lives in Dale."
    assert claim.unvoiced(PLANS[0], opening) == opening


def test_costs_rise_with_the_length():
    tokenizer = Tokenizer.train([TEXT * 20], 330)
    args = ModelArgs(dim=16, n_layers=1, n_heads=2, vocab_size=tokenizer.vocab_size, multiple_of=8, max_seq_len=900)
    torch.manual_seed(0)
    model = Transformer(args)
    short, long = (
        claim.measured(model, tokenizer, PLANS, [claim.lengthened(p, rules, i) for i, p in enumerate(PLANS)], 0)
        for rules in (0, 8)
    )
    for name in (claim.TOKENS, "share of the reading", "cache bytes"):
        assert long[name] > short[name]
    assert long[claim.SECONDS] > 0


def rows(obeys=0.6, helps=0.7, again=0.92, slower=3.0, seed=0):
    def row(arm, obedience, helpfulness, seconds, control=False):
        numbers = {claim.OBEDIENCE: obedience, claim.HELPFULNESS: helpfulness, claim.SECONDS: seconds, claim.TOKENS: 9}
        return Row(arm=arm, seed=seed, numbers=numbers, control=control)

    middle = [row(claim.arm(rules), 0.9, 0.8, 1.0) for rules in claim.LENGTHS[:-1]]
    return [*middle, row(claim.arm(32), obeys, helps, slower), row(claim.CONTROL, again, 0.8, 1.0, True)]


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"obeys": 0.88}, "reproduced"),
        ({"obeys": 0.88, "helps": 0.79}, "not reproduced"),
        ({"slower": 0.9}, "not reproduced"),
        ({"again": 0.7}, "cannot be seen at this scale"),
    ],
)
def test_the_verdict_needs_every_seed(changed, outcome):
    assert claim.judge(rows(**changed)).outcome == outcome
    assert claim.judge(rows() + rows(**changed, seed=1)).outcome == outcome
