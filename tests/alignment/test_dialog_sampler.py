"""Dialogues read on from turn to turn: the same replies as when each is read anew, from far fewer tokens."""

from itertools import pairwise

import pytest
import torch

from minillama.alignment.dialog_sampler import DialogSampler
from minillama.answering import answer_dialogs
from minillama.model import ModelArgs, Transformer
from minillama.tokenizer import Tokenizer

TEXT = "Act as a king. Where does Ada live? In Greyport. And Ben? In Dunmoor. [INST] [/INST] <<SYS>> <</SYS>> \n"


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train([TEXT * 20], 330)


@pytest.fixture(scope="module")
def model(tokenizer):
    torch.manual_seed(0)
    args = ModelArgs(
        dim=32, n_layers=2, n_heads=4, n_kv_heads=2, vocab_size=tokenizer.vocab_size, multiple_of=8, max_seq_len=400
    )
    model = Transformer(args)
    for parameter in model.parameters():
        parameter.data *= 4  # sharp enough that rounding decides nothing
    return model


def ask(dialog, question, answer=None):
    said = [] if answer is None else [{"role": "assistant", "content": answer}]
    return [*dialog, *said, {"role": "user", "content": question}]


FIRST = [
    [{"role": "system", "content": "Act as a king."}, {"role": "user", "content": "Where does Ada live?"}],
    ask([], "And Ben?"),
    ask([], "Where does Ada live? And Ben? Where does Ada live?"),
]
QUESTIONS = ("And Ben? And Ben?", "Where?", "Where does Ben live? In Dunmoor?", "And Ada?")


def played(answer, drop=()):
    """Four more turns under some answer function, in which dialogues end one after another; all replies."""
    dialogs, replies = [list(dialog) for dialog in FIRST], []
    for turn, question in enumerate(QUESTIONS):
        replies.append(answer(dialogs, turn))
        kept = [index for index in range(len(dialogs)) if (turn, index) not in drop]
        dialogs = [ask(dialogs[index], question, replies[-1][index].strip() or "Hm.") for index in kept]
    return replies


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("batch_size", [1, 2, 8])
@pytest.mark.parametrize("drop", [(), ((0, 0), (2, 1))])
def test_replies_are_those_of_reading_anew(model, tokenizer, temperature, batch_size, drop):
    sampler = DialogSampler(model, tokenizer, 12, batch_size)
    read_on = played(lambda dialogs, turn: sampler(dialogs, temperature, turn), drop)
    anew = played(
        lambda dialogs, turn: answer_dialogs(
            model, tokenizer, dialogs, max_new_tokens=12, temperature=temperature, seed=turn
        ),
        drop,
    )
    assert read_on == anew
    assert len({reply for replies in anew for reply in replies}) > 3


def test_only_what_is_new_is_read(model, tokenizer, monkeypatch):
    read, real = [], model.hidden
    monkeypatch.setattr(model, "hidden", lambda tokens, **rest: read.append(tokens.shape[1]) or real(tokens, **rest))
    sampler = DialogSampler(model, tokenizer, 4)
    dialog = FIRST[2]
    lengths = []
    for question in QUESTIONS:
        sampler([dialog], 0.0, 0)
        lengths.append(len(sampler._encode(dialog)))
        dialog = ask(dialog, question, "In Greyport.")
    assert read == [lengths[0], *(b - a for a, b in pairwise(lengths))]


def test_equal_dialogues_get_different_samples(model, tokenizer):
    replies = DialogSampler(model, tokenizer, 12)([FIRST[0]] * 6, 1.0, 0)
    assert len(set(replies)) > 1


def test_what_cannot_be_answered_is_refused(model, tokenizer):
    sampler = DialogSampler(model, tokenizer)
    with pytest.raises(ValueError, match="ends with the user"):
        sampler([[*FIRST[0], {"role": "assistant", "content": "Hail"}]], 0.0, 0)
    with pytest.raises(ValueError, match="tokens"):
        sampler([ask([], "Where does Ada live? " * 200)], 0.0, 0)
    with pytest.raises(ValueError, match="max_new_tokens is 0"):
        DialogSampler(model, tokenizer, 0)
