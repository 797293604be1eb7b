"""Replies: order, batches, the end of the context."""

import pytest
import torch

from minillama.answering import answer_dialogs
from minillama.model import ModelArgs, Transformer
from minillama.tokenizer import Tokenizer

TOKENIZER = Tokenizer.train(["Where does Ada live? [INST] [/INST] " * 20], vocab_size=300)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    args = ModelArgs(dim=16, n_layers=1, n_heads=2, vocab_size=300, multiple_of=8, max_seq_len=64)
    return Transformer(args)


def ask(text):
    return [{"role": "user", "content": text}]


def test_batches_of_any_size_give_the_same_replies_in_the_order_of_the_questions(model):
    dialogs = [ask("Ada?"), ask("Where does Ada live? Where?"), ask("live?"), ask("Where does Ada")]
    alone = [answer_dialogs(model, TOKENIZER, [each], max_new_tokens=8)[0] for each in dialogs]
    assert answer_dialogs(model, TOKENIZER, dialogs, max_new_tokens=8) == alone
    assert answer_dialogs(model, TOKENIZER, dialogs, max_new_tokens=8, batch_size=1) == alone


def test_near_the_end_of_the_context_replies_get_shorter_and_then_are_refused(model):
    near = ask("Ada " * 40)
    assert isinstance(answer_dialogs(model, TOKENIZER, [near], max_new_tokens=96)[0], str)
    with pytest.raises(ValueError, match="context"):
        answer_dialogs(model, TOKENIZER, [ask("Ada " * 70)])


def test_a_dialogue_that_ends_with_the_assistant_is_refused(model):
    with pytest.raises(ValueError, match="ends with the user"):
        answer_dialogs(model, TOKENIZER, [[*ask("Ada?"), {"role": "assistant", "content": "yes"}]])
