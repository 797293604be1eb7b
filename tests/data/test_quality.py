import pytest

from minillama.data.quality import Scorers, TextFeatures, TextScorer
from minillama.valley.corpus import Document

GOOD = [
    f"The {animal} runs to the {place} and drinks." for animal in ("fox", "cow", "dog") for place in ("lake", "sea")
]
BAD = [f"You {word} {animal}, go away!" for word in ("silly", "stupid") for animal in ("fox", "cow", "dog")]


def test_a_scorer_learns_what_sets_two_kinds_apart_and_is_the_same_every_time():
    scorer = TextScorer.train(GOOD + BAD, [False] * 6 + [True] * 6)
    assert (scorer.score(GOOD) < 0.4).all()
    assert (scorer.score(BAD) > 0.6).all()
    new = scorer.score(["The hen runs to the lake.", "You silly hen, go away!"])
    assert new[0] < 0.5 < new[1]
    again = TextScorer.train(GOOD + BAD, [False] * 6 + [True] * 6)
    assert (again.weights == scorer.weights).all()
    assert scorer.score([]).shape == (0,)


def test_a_rare_class_weighs_as_much():
    scorer = TextScorer.train(GOOD * 50 + BAD[:2], [False] * 300 + [True] * 2)
    assert (scorer.score(BAD[:2]) > 0.5).all()


def test_features_of_a_text_do_not_depend_on_the_company():
    alone, together = TextFeatures.of([BAD[0]]), TextFeatures.of([GOOD[0], "", BAD[0]])
    first, last = together.borders[-2:]
    assert together.indices[first:last].tolist() == alone.indices.tolist()
    assert (TextScorer.train(GOOD + BAD, [False] * 6 + [True] * 6).score(["", "?"]) > 0).all()


def test_a_label_that_all_or_none_carry_is_named():
    with pytest.raises(ValueError, match="0 of 6 texts carry the label"):
        TextScorer.train(GOOD, [False] * 6)
    with pytest.raises(ValueError, match="1 of 1 texts"):
        Scorers.train([Document("x", "junk", frozenset({"low_quality", "toxic"}))])
