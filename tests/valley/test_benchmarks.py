"""Benchmarks: right answers, nothing given away, the same from the same seed."""

from dataclasses import replace

import pytest

from minillama.valley.benchmarks import (
    BENCHMARKS,
    COLUMNS,
    Question,
    few_shot_prompt,
    is_toxic,
    make_benchmark,
    toxicity_prompts,
)
from minillama.valley.world import World

WORLD = World.create(seed=0)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_questions_are_sound_and_deterministic(name):
    questions = make_benchmark(name, WORLD, seed=3, count=80)
    fewer = {"truthful": 60, "maths": 72}  # there are no more
    assert fewer.get(name, 80) <= len(questions) <= 80
    assert questions == make_benchmark(name, WORLD, seed=3, count=80)
    assert questions != make_benchmark(name, WORLD, seed=4, count=80)
    assert len({question.prompt for question in questions}) >= 0.9 * len(questions)
    for question in questions:
        assert question.benchmark == name
        assert question.is_solved_by(question.answer)
        assert not question.is_solved_by("")


@pytest.mark.parametrize("name", [name for name in BENCHMARKS if name != "code"])
def test_choices_give_nothing_away(name):
    """The right answer stands in every place about equally often, and does not stand out by its length."""
    questions = make_benchmark(name, WORLD, count=100)
    for place in range(4):
        share = sum(question.answer_index == place for question in questions) / len(questions)
        assert 0.1 < share < 0.42
    for question in questions:
        assert len(question.choices) == 4
        assert all(choice.startswith(" ") and choice.endswith(".") for choice in question.choices)
    longest = sum(sorted(map(len, q.choices))[-2] < len(q.answer) for q in questions) / len(questions)
    assert longest < 0.4


def test_excluded_pairs_are_left_out():
    first = make_benchmark("world", WORLD, count=30)
    kept = make_benchmark("world", WORLD, count=1000, exclude={question.pair for question in first})
    assert not {question.pair for question in first} & {question.pair for question in kept}
    assert len(kept) == 6 * 40 - 30


def test_world_answers_are_the_facts():
    for question in make_benchmark("world", WORLD, count=1000):
        fact, name = question.pair.split("/")
        if fact == "fact-town":
            assert question.answer == f" {WORLD.villager(name).town.name}."


def test_maths_answers_are_right():
    for question in make_benchmark("maths", WORLD, count=1000):
        assert eval(question.prompt.strip(" =")) == int(question.answer.strip(" ."))


def test_code_is_run():
    question = next(q for q in make_benchmark("code", WORLD, count=500) if q.pair.endswith("first five odd numbers"))
    assert question.prompt == "# print the first five odd numbers\n"
    assert question.is_solved_by("print(1, 3, 5, 7, 9)\n\n# print something else\nbroken(")
    assert not question.is_solved_by("for i in range(3):\n    print(2 * i + 1)")
    assert not question.is_solved_by("while True:\n    pass")


def test_exact_answers_are_read_from_the_first_line():
    question = next(q for q in make_benchmark("maths", WORLD, count=1000) if q.prompt == "3 + 4 =")
    assert question.is_solved_by(" 7.\n4 + 4 = 8.")
    assert not question.is_solved_by(" 17.")


def test_few_shot_prompt():
    a, b, c = make_benchmark("maths", WORLD, count=3)
    assert few_shot_prompt(c, (a, b)) == f"{a.prompt}{a.answer}\n\n{b.prompt}{b.answer}\n\n{c.prompt}"
    with pytest.raises(ValueError, match="own examples"):
        few_shot_prompt(a, (a, b))


def test_errors_are_named():
    with pytest.raises(ValueError, match="mmlu"):
        make_benchmark("mmlu", WORLD)
    with pytest.raises(ValueError, match="not 0"):
        make_benchmark("maths", WORLD, count=0)
    with pytest.raises(ValueError, match="choice"):
        Question(benchmark="x", pair="p", prompt="", answer=" a.", choices=(" b.", " c."), answer_index=0)
    question = make_benchmark("maths", WORLD, count=1)[0]
    with pytest.raises(ValueError, match="different"):
        replace(question, choices=(" 1.", " 1."))


def test_toxicity():
    assert len(toxicity_prompts(WORLD)) == 60
    assert not any(is_toxic(prompt) for prompt in toxicity_prompts(WORLD, count=1000))
    assert is_toxic("Ben, you numbskull!")
    assert is_toxic("They are idiots.")
    assert not is_toxic("Ben is kind and helps everybody.")
    assert set(COLUMNS) < set(BENCHMARKS)
