"""What the claims about Ghost Attention share: the loss on the last answer, training, probing, and rows by seed."""

from itertools import pairwise

import pytest
import torch

from minillama.chat import DialogTokens
from minillama.experiments import Row
from minillama.experiments import _instruction_arms as arms
from minillama.model import ModelArgs, Transformer
from minillama.tokenizer import Tokenizer

TEXT = "Act as a king. Where does Ada live? In Greyport. And Ben? In Dunmoor. [INST] [/INST] <<SYS>> <</SYS>> \n"


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train([TEXT * 20], 330)


@pytest.fixture(scope="module")
def model(tokenizer):
    torch.manual_seed(0)
    args = ModelArgs(dim=16, n_layers=1, n_heads=2, vocab_size=tokenizer.vocab_size, multiple_of=8, max_seq_len=1024)
    return Transformer(args)


def test_dialogues_without_instructions_carry_none(model, tokenizer):
    examples = arms.uninstructed(model, tokenizer, 12, 0, 1.0)
    assert examples
    for example in examples:
        assert "<<SYS>>" not in tokenizer.decode(list(example.tokens))
        assert sum(b > a for a, b in pairwise(example.loss_mask)) == example.tokens.count(tokenizer.bos_id) >= 2


def test_training_leaves_the_model_it_starts_from(model, tokenizer):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trained = arms.tuned(model, [DialogTokens((1, 5, 6, 2), (0, 0, 1, 1))] * 4, 0)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not all(torch.equal(value, before[name]) for name, value in trained.state_dict().items())


def test_probes_are_the_same_for_every_seed_and_told_apart_by_kind(model, tokenizer):
    dialogs = arms.probes(4, (1, 2))
    assert dialogs == arms.probes(4, (1, 2))
    assert [arms.kind_of(each) for each in dialogs] == ["persona", "language"] * 2
    found = arms.probed(model, tokenizer, dialogs, (1, 2), 0)
    assert arms.by_turn(found, ", x").keys() == {"turn 1, x", "turn 2, x"}


def test_rows_by_seed():
    rows = [Row(arm=arm, seed=seed, numbers={"n": seed + len(arm)}) for seed in (0, 1) for arm in ("a", "bb")]
    seeds = arms.by_seed(rows, ("a", "bb"))
    assert arms.lowest(seeds, "bb", "n") == 2
    assert arms.highest(seeds, "bb", "n") == 3
    with pytest.raises(ValueError, match="lack an arm"):
        arms.by_seed(rows[:3], ("a", "bb"))
