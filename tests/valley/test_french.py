"""French: articles, elision and agreement, checked against sentences written by hand."""

from dataclasses import replace

import pytest

from minillama.valley import french, lexicon
from minillama.valley.french_words import Noun
from minillama.valley.world import World

WORLD = World.create(seed=0)


def test_every_english_word_of_the_lexicon_has_a_french_one():
    assert set(french.JOBS) == {job.name for job in lexicon.JOBS}
    assert set(french.WORKPLACES) == {job.workplace for job in lexicon.JOBS}
    assert set(french.ANIMALS) == {animal.name for animal in lexicon.ANIMALS}
    assert set(french.FOODS) == set(lexicon.FOODS)
    assert set(french.HOBBIES) == set(lexicon.HOBBIES)
    assert set(french.THINGS) == set(lexicon.THINGS)
    assert set(french.COLOURS) == set(lexicon.COLOURS)
    assert set(french.LANDMARKS) == {town.landmark for town in lexicon.TOWNS}


@pytest.mark.parametrize(
    ("noun", "the", "a", "some", "at"),
    [
        (Noun("pain", "m"), "le pain", "un pain", "du pain", "au pain"),
        (Noun("soupe", "f"), "la soupe", "une soupe", "de la soupe", "à la soupe"),
        (Noun("école", "f"), "l'école", "une école", "de l'école", "à l'école"),
        (Noun("atelier", "m"), "l'atelier", "un atelier", "de l'atelier", "à l'atelier"),
        (Noun("pommes", "f", True), "les pommes", "des pommes", "des pommes", "aux pommes"),
        (Noun("hibou", "m"), "le hibou", "un hibou", "du hibou", "au hibou"),
    ],
)
def test_articles(noun, the, a, some, at):
    assert (noun.the, noun.a, noun.some, noun.at) == (the, a, some, at)


def test_horloge_has_a_silent_h():
    assert french.THINGS["clock"].the == "l'horloge"
    assert french.THINGS["clock"].a == "une horloge"
    assert french.FOODS["beans"].the == "les haricots"


def _ada():
    ada = WORLD.villager("Ada")
    job = next(job for job in lexicon.JOBS if job.name == "teacher")
    animal = next(animal for animal in lexicon.ANIMALS if animal.name == "donkey")
    return replace(
        ada, job=job, animal=animal, pet_name="Rusty", foods=("soup", "apples", "bread"), hobby="chess",
        things=("lamp", "hat", "clock"), treasure="lamp", treasure_colour="green", town=lexicon.TOWNS[0],
        birth_month="May", birth_day=1, arrival_year=1974,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fact", "sentence", "with_pronoun"),
    [
        ("town", "Ada habite à Alderbrook.", "Elle habite à Alderbrook."),
        ("job", "Ada est institutrice.", "Elle est institutrice."),
        ("workplace", "Ada travaille à l'école.", "Elle travaille à l'école."),
        ("animal", "Ada a un âne.", "Elle a un âne."),
        ("pet_name", "L'âne d'Ada s'appelle Rusty.", "Son âne s'appelle Rusty."),
        ("food", "Ada aime surtout la soupe.", "Elle aime surtout la soupe."),
        ("foods", "Ada mange de la soupe, des pommes et du pain.", "Elle mange de la soupe, des pommes et du pain."),
        ("hobby", "Ada aime les échecs.", "Elle aime les échecs."),
        ("things", "Ada a une lampe, un chapeau et une horloge.", "Elle a une lampe, un chapeau et une horloge."),
        ("treasure", "Le trésor d'Ada est une lampe verte.", "Son trésor est une lampe verte."),
        ("birthday", "L'anniversaire d'Ada est le 1er mai.", "Son anniversaire est le 1er mai."),
        ("year", "Ada est arrivée en 1974.", "Elle est arrivée en 1974."),
    ],
)
def test_sentences_by_hand(fact, sentence, with_pronoun):
    assert french.fact_sentence(WORLD, _ada(), fact) == sentence
    assert french.fact_sentence(WORLD, _ada(), fact, pronoun=True) == with_pronoun


def test_family_words_follow_the_gender_of_the_other_person():
    ben = replace(WORLD.villager("Ben"), sibling="Ada", friend="Leo")
    assert french.fact_sentence(WORLD, ben, "sibling") == "La sœur de Ben s'appelle Ada."
    assert french.fact_sentence(WORLD, ben, "friend", pronoun=True) == "Son meilleur ami s'appelle Leo."


def test_all_sentences_read_as_french_and_no_english_one_does():
    for villager in WORLD.villagers:
        for fact in french.FACTS:
            for pronoun in (False, True):
                assert french.is_french(french.fact_sentence(WORLD, villager, fact, pronoun=pronoun))
    for text in ("Ada lives in Dunmoor.", "A dog barks.", "Her treasure is a red lamp.", "Yes.", "", "42", "apples"):
        assert not french.is_french(text), text


def test_unknown_fact_is_named():
    with pytest.raises(ValueError, match="shoe size"):
        french.fact_sentence(WORLD, _ada(), "shoe size")
    with pytest.raises(ValueError, match="Atlantis"):
        french.town_sentence(WORLD, "Atlantis")


def test_town_sentence():
    assert french.town_sentence(WORLD, "Dunmoor") == "À Dunmoor, il y a un moulin à vent."
