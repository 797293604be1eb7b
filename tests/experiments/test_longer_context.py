"""Tables 16 and 17: the texts, near and far, what the short model sees, and what the verdict hangs on."""

import random

import pytest
import torch

from minillama.experiments import Row
from minillama.experiments import longer_context as table16
from minillama.model import ModelArgs, Transformer

TINY = table16.Size(steps=2, tests=4)


def test_every_answer_follows_from_the_text_before_it():
    chance = random.Random(0)
    for _ in range(20):
        lies = {}
        for mark, subject, answer, stop in table16.write_text(chance, 64):
            assert stop == table16.STOP
            if mark == table16.LIES:
                assert subject not in lies
                lies[subject] = answer
            elif mark == table16.WHERE:
                assert lies[subject] == answer
            else:
                assert answer == table16.home(subject - table16.FIRST_PERSON)


def test_only_answers_are_targets():
    tokens = torch.tensor([[table16.LIES, 6, 30, 4, table16.WHERE, 6, 30, 4, table16.KNOWN, 50, 95, 4]])
    expected = [-100] * 5 + [30] + [-100] * 3 + [95] + [-100] * 2
    assert table16.targets_of(tokens).tolist() == [expected]


@pytest.mark.parametrize("kind", ["near", "far"])
def test_distances(kind):
    for test in table16.make_tests(kind, TINY, seed=0):
        asked = test.text[-1]
        assert test.text[-2] == table16.WHERE
        last = max(place for place in range(len(test.text) - 1) if test.text[place] == asked)
        assert test.text[last + 1] == test.answer
        distance = len(test.text) - 1 - last
        assert distance <= TINY.near if kind == "near" else distance >= TINY.far
        assert asked not in test.removed[:-1]
        assert len(test.removed) == len(test.text) <= TINY.long


def test_a_text_cut_to_the_short_length_hides_what_is_far_and_shows_what_is_near():
    keep = TINY.short - table16.WORDS + 2
    assert all(t.text[-1] not in t.text[-keep:-1] for t in table16.make_tests("far", TINY, seed=0))
    assert all(t.text[-1] in t.text[-keep:-1] for t in table16.make_tests("near", TINY, seed=0))
    assert all(t.text[-keep:][0] in (1, 2, 3) for t in table16.make_tests("near", TINY, seed=0))


class Reader(Transformer):
    """Remembers what it was shown, and gives one answer to everything."""

    def __init__(self, answer):
        super().__init__(ModelArgs(dim=8, n_layers=1, n_heads=2, vocab_size=table16.VOCAB, multiple_of=8))
        self.answer, self.shown = answer, []

    def forward(self, tokens):
        self.shown.append(tokens[0].tolist())
        logits = torch.zeros(1, tokens.shape[1], table16.VOCAB)
        logits[..., self.answer] = 1
        return logits


@pytest.mark.parametrize("kind", ["near", "far"])
def test_a_model_is_shown_the_text_the_cut_text_or_the_text_without_mentions(kind):
    tests = table16.make_tests(kind, TINY, seed=0)
    for removed in (False, True):
        for cut in (None, TINY.short):
            reader = Reader(tests[0].answer)
            share = table16.share_right(reader, tests, removed, cut)
            assert share == sum(test.answer == tests[0].answer for test in tests) / len(tests)
            for shown, test in zip(reader.shown, tests, strict=True):
                whole = test.removed if removed else test.text
                assert shown == (whole if cut is None else whole[-len(shown) :])
                assert shown[0] in (table16.LIES, table16.WHERE, table16.KNOWN)  # whole sentences
                if cut is not None:  # with the answer and the stop it would fill the window
                    assert len(shown) + 2 == TINY.short
                assert (test.text[-1] in shown[:-1]) == (not removed and (cut is None or kind == "near"))


def test_both_contexts_read_the_same_texts_in_as_many_steps(monkeypatch):
    read = []
    monkeypatch.setattr(table16, "train", lambda model, batches, settings, **_: read.append(batches))
    for context in (TINY.long, TINY.short):
        table16.train_model(context, TINY, seed=3)
        assert all(batch.tokens.shape == (TINY.tokens // context, context) for batch in read[-1])
    assert len(read[0]) == len(read[1]) == TINY.steps
    for long, short in zip(*read):
        assert torch.equal(long.tokens.flatten(), short.tokens.flatten())
        assert torch.equal(long.targets.flatten(), short.targets.flatten())


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="'middle'"):
        table16.make_tests("middle", TINY, seed=0)


def rows(far, short_far=0.1, near=0.9, short_near=0.9, plain=1.0, guess=0.06, seeds=(0, 1, 2)):
    made = []
    for seed in seeds:
        for arm, f, n in (
            (table16.LONG, far, near),
            (table16.SHORT, short_far, short_near),
            (table16.SHORT_CUT, 0.06, short_near),
        ):
            p = plain if arm == table16.LONG else 1.0
            made.append(Row(arm=arm, seed=seed, numbers={"near": n, "far": f, "plain": p}))
            made.append(Row(arm=arm + table16.REMOVED, seed=seed, numbers={"near": guess, "far": guess}, control=True))
    return made


@pytest.mark.parametrize(
    ("measured", "outcome"),
    [
        (rows(0.9), "reproduced"),
        (rows(0.3), "not reproduced"),
        (rows(0.9, short_far=0.87), "not reproduced"),
        (rows(0.9, near=0.8), "not reproduced"),
        (rows(0.9, plain=0.9), "not reproduced"),
        (rows(0.9, guess=0.4), "cannot be seen at this scale"),
    ],
)
def test_the_verdict(measured, outcome):
    assert table16.judge(measured).outcome == outcome


def test_the_seed_that_settled_the_criterion_does_not_judge_and_each_other_does():
    assert table16.judge(rows(0.3, seeds=(0,)) + rows(0.9, seeds=(1, 2))).outcome == "reproduced"
    assert table16.judge(rows(0.9, seeds=(0, 1)) + rows(0.3, seeds=(2,))).outcome == "not reproduced"


def test_rows_without_an_arm_or_the_control_are_refused():
    with pytest.raises(ValueError, match="lack an arm"):
        table16.judge([row for row in rows(0.9) if row.arm != table16.SHORT])
    with pytest.raises(ValueError, match="no control"):
        table16.judge([row for row in rows(0.9) if not row.control])


def test_a_run_has_three_arms_and_their_controls(monkeypatch):
    monkeypatch.setattr(table16, "QUICK", TINY)
    share, asked = table16.share_right, []

    def spy(model, tests, removed, cut):
        asked.append((removed, cut))
        return share(model, tests, removed, cut)

    monkeypatch.setattr(table16, "share_right", spy)
    measured = table16.run(0, True)
    assert asked == [(removed, cut) for cut in (None, None, TINY.short) for removed in (False, True) for _ in range(3)]
    assert [row.control for row in measured] == [False, True] * 3
    assert {row.arm for row in measured if not row.control} == {table16.LONG, table16.SHORT, table16.SHORT_CUT}
