"""Table 30: the verdict needs GAtt to keep, the baseline to forget and the control to stay with it."""

import pytest
import torch

from minillama.experiments import Row
from minillama.experiments import obedience_over_turns as claim
from minillama.experiments._instruction_arms import probes
from minillama.model import ModelArgs, Transformer
from minillama.tokenizer import Tokenizer

TEXT = "Act as a king. Where does Ada live? In Greyport. And Ben? In Dunmoor. [INST] [/INST] <<SYS>> <</SYS>> \n"


def row(arm, seed, shares):
    numbers = {f"turn {turn}": share for turn, share in zip((2, 4, 6, 20), shares, strict=True)}
    return Row(arm=arm, seed=seed, numbers=numbers | {"turn 20, held-out personas": 0.1}, control=arm == claim.CONTROL)


def rows(
    seed=0, baseline=(1, 0.1, 0, 0), reminded=(1, 0.3, 0.1, 0), gatt=(1, 0.9, 0.9, 0.9), control=(0.9, 0.2, 0.1, 0.1)
):
    shares = {claim.BASELINE: baseline, claim.REMINDED: reminded, claim.GATT: gatt, claim.CONTROL: control}
    return [row(arm, seed, each) for arm, each in shares.items()]


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"gatt": (1, 0.9, 0.9, 0.5)}, "not reproduced"),
        ({"gatt": (1, 0.5, 0.9, 0.9)}, "not reproduced"),
        ({"baseline": (1, 1, 0.9, 0.4)}, "not reproduced"),
        ({"reminded": (1, 1, 0.9, 0.8), "control": (1, 1, 1, 0.8)}, "not reproduced"),
        ({"control": (1, 0.9, 0.9, 0.8)}, "cannot be seen at this scale"),
    ],
)
def test_the_verdict_needs_every_seed(changed, outcome):
    assert claim.judge(rows(**changed)).outcome == outcome
    assert claim.judge(rows() + rows(1, **changed)).outcome == outcome


def test_rows_without_the_control_are_refused():
    with pytest.raises(ValueError, match="lack an arm"):
        claim.judge(rows()[:-1])


def test_a_row_tells_personas_french_and_held_out_personas_apart(monkeypatch):
    monkeypatch.setattr(claim, "PAPER_TURNS", (1, 2))
    tokenizer = Tokenizer.train([TEXT * 20], 330)
    args = ModelArgs(dim=16, n_layers=1, n_heads=2, vocab_size=tokenizer.vocab_size, multiple_of=8, max_seq_len=600)
    torch.manual_seed(0)
    dialogs = (probes(2, (1, 2)), probes(2, (1, 2), ("persona",), heldout=True))
    measured = claim._row(claim.GATT, Transformer(args), tokenizer, dialogs, 0)
    for suffix in ("", ", persona", ", language", ", held-out personas"):
        assert 0 <= measured.numbers[f"turn 2{suffix}"] <= 1
