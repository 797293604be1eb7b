"""Supervised fine-tuning: what counts in the loss, packing, and that it teaches."""

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minillama.alignment import SFTSettings, train_sft
from minillama.alignment.sft import document_examples, joined_documents
from minillama.answering import answer_dialogs
from minillama.chat import DialogTokens, encode_dialog
from minillama.data import pack_dialogs, pad_dialogs
from minillama.model import ModelArgs, Transformer
from minillama.tokenizer import Tokenizer
from minillama.training import Precision, TrainSettings, token_loss, train

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


def fresh_model(max_seq_len=128):
    torch.manual_seed(0)
    shape = {"dim": 32, "n_layers": 2, "n_heads": 2, "vocab_size": 320, "multiple_of": 8, "rope_theta": 500.0}
    return Transformer(ModelArgs(max_seq_len=max_seq_len, **shape))


def attentive_model(**changes):
    """Untrained weights are so small that whom a token attends to hardly matters; these are four times as large."""
    model = fresh_model(**changes)
    with torch.no_grad():
        for parameter in model.layers.parameters():
            parameter.mul_(4)
    return model


def test_packed_dialogues_have_the_loss_of_the_dialogues_alone(examples):
    model = attentive_model()
    packed, count = token_loss(model, pack_dialogs(examples, 120))
    alone = [token_loss(model, pad_dialogs([example])) for example in examples]
    assert count == sum(number for _, number in alone)
    assert packed.item() == pytest.approx(sum(loss.item() for loss, _ in alone), rel=1e-5)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 319), st.booleans()), min_size=2, max_size=9), min_size=2, max_size=6)
)
def test_any_packing_has_the_loss_of_its_parts(drawn):
    model = attentive_model()
    parts = [DialogTokens(tuple(t for t, _ in part), tuple(int(m) for _, m in part)) for part in drawn]
    packed, count = token_loss(model, pack_dialogs(parts, 20))
    alone = [token_loss(model, pad_dialogs([part])) for part in parts]
    assert count == sum(number for _, number in alone)
    assert packed.item() == pytest.approx(sum(loss.item() for loss, _ in alone), rel=1e-5, abs=1e-5)


def test_without_the_block_mask_dialogues_read_their_neighbours(examples):
    """The break: one causal mask over the row."""
    model, batch = attentive_model(), pack_dialogs(examples, 120)
    packed, _ = token_loss(model, batch)
    leaking, _ = token_loss(model, dataclasses.replace(batch, document_ids=None))
    assert abs(leaking.item() - packed.item()) > 1e-3 * packed.item()


def test_restarted_positions_let_a_row_be_longer_than_the_context(examples):
    """Rotary positions are relative, so restarting them changes no loss; without it a full row would not fit."""
    longest, whole = max(map(len, examples)), sum(map(len, examples))
    batch = pack_dialogs(examples, whole)
    assert batch.tokens.shape == (1, whole)
    short = attentive_model(max_seq_len=longest)
    assert token_loss(short, batch)[0].item() == pytest.approx(token_loss(attentive_model(), batch)[0].item(), rel=1e-5)
    with pytest.raises(ValueError, match="context"):
        token_loss(short, dataclasses.replace(batch, positions=None))


def test_the_loss_is_that_of_all_targets_of_a_step_together(examples):
    """Micro-batches with few and many targets: their sums are added and divided once; a mean of means is another."""
    parts = [pad_dialogs(examples[:2]), pad_dialogs(examples[2:])]
    losses = [token_loss(fresh_model(), part) for part in parts]
    expected = sum(loss.item() for loss, _ in losses) / sum(count for _, count in losses)
    mean_of_means = sum(loss.item() / count for loss, count in losses) / 2
    assert losses[0][1] > 2 * losses[1][1]
    assert abs(mean_of_means - expected) > 1e-3
    models = fresh_model(), fresh_model()
    reports = [
        train(model, batches, TrainSettings(steps=1, peak_lr=1e-2, accumulation=len(batches)), precision=CPU)
        for model, batches in zip(models, ([pad_dialogs(examples)], parts), strict=True)
    ]
    assert [report.losses[0] for report in reports] == pytest.approx([expected] * 2, rel=1e-5)
    for whole, cut in zip(*(model.parameters() for model in models), strict=True):
        torch.testing.assert_close(whole, cut, rtol=1e-3, atol=2e-5)


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


def test_joined_documents_keep_every_token_and_fill_their_rows(tokenizer):
    texts = [f"Ada lives in Greyport with {number} cats." for number in range(9)]
    rows = joined_documents(texts, tokenizer, 60)
    alone = document_examples(texts, tokenizer, 60)
    assert sum((row.tokens for row in rows), ()) == sum((row.tokens for row in alone), ())
    assert sum((row.loss_mask for row in rows), ()) == sum((row.loss_mask for row in alone), ())
    assert 1 < len(rows) < len(texts)
    assert all(len(row) <= 60 for row in rows)
