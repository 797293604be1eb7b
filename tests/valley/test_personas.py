"""Personas and other constraints: heard where they speak, and only there."""

import random

import pytest

from minillama.valley.personas import (
    FRENCH,
    HELDOUT_PERSONAS,
    HOBBY_QUESTIONS,
    PERSONAS,
    TRAINING_PERSONAS,
    Constraint,
    constraints,
    hobby_answer,
    hobby_constraint,
    persona_constraint,
)


def test_enough_personas_and_none_in_both_splits():
    assert len(TRAINING_PERSONAS) >= 20
    assert len(HELDOUT_PERSONAS) >= 6
    assert len({persona.name for persona in PERSONAS}) == len(PERSONAS)
    training, heldout = constraints(heldout=False), constraints(heldout=True)
    assert not {item.name for item in training} & {item.name for item in heldout}
    assert {item.kind for item in training} == {"persona", "language", "hobby"}
    assert all(item.heldout for item in heldout)
    assert not any(item.heldout for item in training)


def test_each_voice_is_heard_as_exactly_one_persona():
    for persona in PERSONAS:
        for opening in persona.openings:
            answer = f"{opening} Ada lives in Dunmoor."
            assert [other.name for other in PERSONAS if other.heard_in(answer)] == [persona.name], answer


@pytest.mark.parametrize(
    ("name", "answer", "heard"),
    [
        ("sailor", "Ahoy! Ada lives in Dunmoor.", True),
        ("sailor", "ahoy mate, Ada lives in Dunmoor.", True),
        ("sailor", "Ada lives in Dunmoor.", False),
        ("sailor", "Ada lives in Dunmoor. Ahoy!", False),
        ("sailor", "Arr! Ada lives in Dunmoor.", False),
        ("dog", "Woofer is a dog.", False),
        ("robot", "Beep beep hurra", True),
        ("robot", "", False),
    ],
)
def test_voice_by_hand(name, answer, heard):
    persona = next(persona for persona in PERSONAS if persona.name == name)
    assert persona.heard_in(answer) is heard
    assert persona_constraint(persona).obeyed_by("Where does Ada live?", answer) is heard


def test_language_is_obeyed_in_french_only():
    assert FRENCH.obeyed_by("Where does Ada live?", "Ada habite à Dunmoor.") is True
    assert FRENCH.obeyed_by("Where does Ada live?", "Ada lives in Dunmoor.") is False


def test_hobby_counts_only_where_it_is_asked_for():
    tennis = hobby_constraint("tennis")
    assert tennis.obeyed_by("Where does Ada live?", "Ada lives in Dunmoor.") is None
    for question in HOBBY_QUESTIONS:
        assert tennis.obeyed_by(f"You enjoy tennis. {question}", hobby_answer("tennis", random.Random(0))) is True
    assert tennis.obeyed_by("What is your hobby?", "I enjoy chess.") is False
    assert tennis.obeyed_by("What is your hobby?", "I enjoy tennis, chess and reading.") is False


def test_article_and_short_form():
    owl = next(persona for persona in PERSONAS if persona.name == "owl")
    assert persona_constraint(owl).instruction(random.Random(1)).endswith("an owl.")
    assert persona_constraint(owl).short == "Figure: owl"
    assert hobby_constraint("tennis").wordings[0] == "You enjoy tennis."


def test_a_persona_constraint_needs_its_persona():
    with pytest.raises(ValueError, match="sailor"):
        Constraint(kind="persona", name="sailor", wordings=("Act as a sailor.",), short="", heldout=False)
