"""Supervised fine-tuning: what counts in the loss, packing, and that it teaches."""

import pytest
import torch

from minillama.alignment import SFTSettings, train_sft
from minillama.answering import answer_dialogs
from minillama.chat import DialogTokens, encode_dialog
from minillama.data import pack_dialogs, pad_dialogs
from minillama.model import ModelArgs, Transformer
from minillama.tokenizer import Tokenizer
from minillama.training import Precision, token_loss

TEXT = "Where does Ada live? Ada lives in Greyport. Ben lives in Dunmoor. [INST] [/INST] What is 2 + 3? " * 20
CPU = Precision.detect("cpu", "float32")


def dialog(question, answer):
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


DIALOGS = [
    dialog("Where does Ada live?", "Ada lives in Greyport."),
    dialog("Where does Ben live?", "Ben lives in Dunmoor."),
    dialog("What is 2 + 3?", "5"),
]


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train([TEXT], vocab_size=320)


@pytest.fixture(scope="module")
def examples(tokenizer):
    return [encode_dialog(each, tokenizer) for each in DIALOGS]


def fresh_model():
    torch.manual_seed(0)
    args = ModelArgs(dim=32, n_layers=2, n_heads=2, vocab_size=320, multiple_of=8, max_seq_len=128, rope_theta=500.0)
    return Transformer(args)


def test_packed_dialogues_have_the_loss_of_the_dialogues_alone(examples):
    model = fresh_model()
    packed, count = token_loss(model, pack_dialogs(examples, 120))
    alone = [token_loss(model, pad_dialogs([example])) for example in examples]
    assert count == sum(number for _, number in alone)
    assert packed.item() == pytest.approx(sum(loss.item() for loss, _ in alone), rel=1e-4)


def test_questions_count_nothing(examples):
    """With the loss on every token, the number of targets would be that of all tokens but the first of each."""
    _, count = token_loss(fresh_model(), pack_dialogs(examples, 120))
    assert count == sum(sum(example.loss_mask) for example in examples)
    assert count < sum(len(example) - 1 for example in examples) / 2


def test_it_learns_the_answers_and_stops_after_them(examples, tokenizer):
    model = fresh_model()
    settings = SFTSettings(epochs=120, peak_lr=5e-3, batch_size=1, seq_len=128)
    report = train_sft(model, examples, settings, precision=CPU)
    assert report.losses[-1] < 0.1 < report.losses[0]
    questions = [each[:1] for each in DIALOGS]
    assert answer_dialogs(model, tokenizer, questions) == [each[1]["content"] for each in DIALOGS]


def test_a_wrong_mask_teaches_nothing(examples, tokenizer):
    """The break that the effect must not survive: answers masked, questions learnt."""
    flipped = [DialogTokens(each.tokens, tuple(1 - counts for counts in each.loss_mask)) for each in examples]
    model = fresh_model()
    train_sft(model, flipped, SFTSettings(epochs=120, peak_lr=5e-3, batch_size=1, seq_len=128), precision=CPU)
    replies = answer_dialogs(model, tokenizer, [each[:1] for each in DIALOGS])
    assert not any(reply == each[1]["content"] for reply, each in zip(replies, DIALOGS, strict=True))


def test_the_papers_recipe_is_named():
    paper = SFTSettings.paper()
    assert (paper.peak_lr, paper.batch_size, paper.seq_len, paper.epochs) == (2e-5, 64, 4096, 2)


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"batch_size": 0}, {"seq_len": 0}, {"warmup_ratio": 1.5}])
def test_settings_name_what_is_wrong(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SFTSettings(**wrong)


def test_an_example_longer_than_a_row_is_refused(examples):
    with pytest.raises(ValueError, match="row"):
        train_sft(fresh_model(), examples, SFTSettings(seq_len=8), precision=CPU)
