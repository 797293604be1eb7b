"""Table 3's measurement: four sizes with their controls, and what the verdict hangs on."""

from itertools import pairwise

import pytest

from minillama.experiments import Row
from minillama.experiments import benchmarks_by_size as table3
from minillama.model import ModelArgs, Transformer
from minillama.tokenizer import Tokenizer
from minillama.valley import World
from minillama.valley.benchmarks import make_benchmark

TINY = table3.Size(characters=6_000, passes=1, questions=5)


@pytest.mark.parametrize("column", table3.CHOSEN)
def test_a_swapped_question_cannot_be_answered_from_its_beginning(column):
    questions = make_benchmark(column, World.create(), count=40)
    answers = {question.prompt: question.answer for question in questions}
    for question, swapped in zip(questions, table3.swap_prompts(questions)):
        assert (swapped.choices, swapped.answer) == (question.choices, question.answer)
        assert answers[swapped.prompt] not in question.choices


def test_every_size_has_at_least_twice_the_weights_of_the_one_before_it_and_takes_all_columns(monkeypatch):
    monkeypatch.setattr(table3, "QUICK", TINY)
    share, swaps = table3.share_right, []

    def spy(model, tokenizer, column, questions, swapped=False):
        swaps.append((column, swapped))
        return share(model, tokenizer, column, questions, swapped)

    monkeypatch.setattr(table3, "share_right", spy)
    rows = table3.run(0, True)
    plain, swapped = ([column for column, swap in swaps if swap == kind] for kind in (False, True))
    assert sorted(plain) == sorted([*table3.CHOSEN, "code"] * 4)
    assert sorted(swapped) == sorted(table3.CHOSEN * 4)
    sizes = [row for row in rows if not row.control]
    assert [row.arm for row in sizes] == list(table3.SIZES)
    assert [row.arm for row in rows if row.control] == [arm + table3.SWAPPED for arm in table3.SIZES]
    weights = [row.numbers["weights"] for row in sizes]
    assert all(b > 2 * a for a, b in pairwise(weights))
    for row in sizes:
        columns = [row.numbers[name] for name in table3.CHOSEN]
        assert row.numbers[table3.MEAN] == pytest.approx(sum(columns) / 4)
        assert row.numbers["code"] == 0.0


def test_the_solved_examples_are_not_asked(monkeypatch):
    asked = []

    def score(model, tokenizer, pairs):
        asked.extend(pairs)
        return [0.0] * len(pairs)

    questions = make_benchmark("maths", World.create(), count=6)
    tokenizer = Tokenizer.train([question.prompt for question in questions], 270)
    model = Transformer(
        ModelArgs(dim=8, n_layers=1, n_heads=2, vocab_size=tokenizer.vocab_size, multiple_of=8, max_seq_len=16)
    )
    monkeypatch.setattr(table3, "continuation_logprobs", score)
    table3.share_right(model, tokenizer, "maths", questions)
    assert len(asked) == 3 * 4
    assert all(prompt.startswith(questions[0].prompt + questions[0].answer) for prompt, _ in asked)
    assert {prompt.split("\n\n")[-1] for prompt, _ in asked} == {question.prompt for question in questions[3:]}
    asked.clear()
    table3.share_right(model, tokenizer, "maths", questions, swapped=True)
    shown = [prompt.split("\n\n")[-1] for prompt, _ in asked[::4]]
    assert shown == [question.prompt for question in table3.swap_prompts(questions[3:])]


def rows(*means, control=0.27, seeds=(0, 1, 2), **columns):
    """Four sizes; a column has their means but where its own scores are given."""
    made = []
    for seed in seeds:
        for place, (arm, mean) in enumerate(zip(table3.SIZES, means)):
            numbers = {name: columns.get(name, means)[place] for name in table3.CHOSEN}
            made.append(Row(arm=arm, seed=seed, numbers=numbers | {table3.MEAN: mean}))
            made.append(Row(arm=arm + table3.SWAPPED, seed=seed, numbers={table3.MEAN: control}, control=True))
    return made


FLAT = (0.3, 0.2, 0.34, 0.26)


@pytest.mark.parametrize(
    ("measured", "outcome"),
    [
        (rows(0.26, 0.3, 0.4, 0.5), "reproduced"),
        (rows(0.26, 0.24, 0.4, 0.5), "reproduced"),
        (rows(0.3, 0.3, 0.35, 0.38), "not reproduced"),
        (rows(0.3, 0.45, 0.38, 0.5), "not reproduced"),
        (rows(0.3, 0.4, 0.6, 0.5), "not reproduced"),
        (rows(0.5, 0.4, 0.3, 0.3), "not reproduced"),
        (rows(0.26, 0.3, 0.4, 0.5, control=0.4), "cannot be seen at this scale"),
        (rows(0.26, 0.3, 0.4, 0.5, world=FLAT), "reproduced"),
        (rows(0.26, 0.3, 0.4, 0.5, world=FLAT, reading=FLAT), "cannot be seen at this scale"),
        (rows(0.26, 0.3, 0.4, 0.5, maths=(0.5, 0.5, 0.5, 0.5)), "not reproduced"),
    ],
)
def test_the_verdict(measured, outcome):
    assert table3.judge(measured).outcome == outcome


def test_a_mean_that_one_column_carries_is_no_table():
    verdict = table3.judge(rows(0.25, 0.29, 0.35, 0.38, world=FLAT, reading=FLAT, maths=FLAT))
    assert verdict.outcome == "cannot be seen at this scale"
    assert (
        "1 of four columns leave guessing (at least, from the smallest to the largest model: commonsense +0.13)"
        in verdict.why
    )


def test_a_column_leaves_guessing_only_where_every_seed_does():
    assert table3.leaves_guessing([[0.2, 0.3], [0.36, 0.4]])
    assert not table3.leaves_guessing([[0.9, 0.3], [0.3, 0.9]])


def test_the_seed_that_settled_the_sizes_does_not_judge_and_each_other_does():
    flat, good, falling = (0.3,) * 4, (0.26, 0.3, 0.4, 0.5), (0.5, 0.4, 0.4, 0.3)
    assert table3.judge(rows(*flat, seeds=(0,)) + rows(*good, seeds=(1,))).outcome == "reproduced"
    assert table3.judge(rows(*good, seeds=(0, 1)) + rows(*flat, seeds=(2,))).outcome != "reproduced"
    assert table3.judge(rows(*good, seeds=(0, 1)) + rows(*falling, seeds=(2,))).outcome != "reproduced"


def test_rows_without_an_arm_or_a_control_are_refused():
    for arm in ("small", "large" + table3.SWAPPED):
        with pytest.raises(ValueError, match="lacks the arm"):
            table3.judge([row for row in rows(0.3, 0.4, 0.5, 0.7) if row.arm != arm])
