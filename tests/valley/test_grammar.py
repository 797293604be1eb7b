import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillama.valley.writing.grammar import expand, listing, polish, sentence, with_article


def test_choices_nest_and_slots_are_filled():
    wordings = {expand("{a|b{c|d}} [who]{|!}", random.Random(seed), {"who": "Ada"}) for seed in range(200)}
    assert wordings == {"a Ada", "bc Ada", "bd Ada", "a Ada!", "bc Ada!", "bd Ada!"}


def test_the_same_random_numbers_give_the_same_words():
    template = "{a|b|c}{d|e|f}{g|h}"
    assert expand(template, random.Random(7)) == expand(template, random.Random(7))


@pytest.mark.parametrize("template", ["{a|b", "a}", "{{a}"])
def test_unbalanced_braces_are_refused(template):
    with pytest.raises(ValueError, match="brace"):
        expand(template, random.Random(0))


def test_a_slot_without_a_value_is_refused():
    with pytest.raises(ValueError, match="colour"):
        expand("a [colour] hat", random.Random(0), {"color": "red"})


@given(st.text(alphabet="abc XYZ.,!?é", max_size=40))
def test_text_without_choices_stays_as_it_is(text):
    assert expand(text, random.Random(0)) == text


@pytest.mark.parametrize(
    ("raw", "good"),
    [
        ("a apple and a pear", "An apple and a pear"),
        ("it is a orange hat. a owl has it", "It is an orange hat. An owl has it"),
        ("a one, a useful thing", "A one, a useful thing"),
        ("who? me! yes.\nno", "Who? Me! Yes.\nNo"),
        ("banana in may", "Banana in may"),
    ],
)
def test_polish_sets_articles_and_capitals(raw, good):
    assert polish(raw) == good


def test_sentences_and_lists():
    assert sentence("ada sings") == "Ada sings."
    assert sentence("does ada sing?") == "Does ada sing?"
    assert listing(["a"]) == "a"
    assert listing(["a", "b", "c"]) == "a, b and c"
    assert with_article("umbrella") == "an umbrella"
