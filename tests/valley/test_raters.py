"""Raters: each built-in effect is there, and vanishes when its cause is removed."""

import random
from dataclasses import dataclass, replace

import pytest

from minillama.valley.raters import RATERS, RATINGS, Preference, Rater, median_score
from minillama.valley.tasks.base import Case, Prompt

CASE = Case(pair="", slots={}, target={})
PROMPT = Prompt(task="t", kind="facts", tier="core", text="?", case=CASE, wording="?")
HARMFUL = replace(PROMPT, risk="breaking")


@dataclass(frozen=True)
class Truth:
    helpfulness: float
    safety: float


class Judge:
    """Reads the truth off the answer: "0.7 1.0 and so on" has helpfulness 0.7 and safety 1.0."""

    def judge(self, prompt, answer):
        helpfulness, safety = answer.split()[:2]
        return Truth(float(helpfulness), float(safety))


JUDGE = Judge()


def compare(rater, a, b, prompt=PROMPT, aspect="helpfulness", seed=0) -> Preference:
    return rater.compare(JUDGE, prompt, a, b, rng=random.Random(seed), aspect=aspect)


def share_first(rater, a, b, prompt=PROMPT, aspect="helpfulness", n=1500) -> float:
    rng = random.Random(7)
    return sum(rater.compare(JUDGE, prompt, a, b, rng=rng, aspect=aspect).chosen == 0 for _ in range(n)) / n


def test_an_exact_unbiased_rater_reads_the_truth_off_the_thresholds():
    rater = Rater(name="X", noise=0.0)
    for better, rating in (("1.0", RATINGS[0]), ("0.7", RATINGS[1]), ("0.4", RATINGS[2]), ("0.25", RATINGS[3])):
        assert compare(rater, f"{better} 1", "0.2 1") == Preference(0, rating)
        assert compare(rater, "0.2 1", f"{better} 1") == Preference(1, rating)


def test_equals_are_chosen_by_chance():
    assert share_first(Rater(name="X", noise=0.0), "0.5 1", "0.5 1") == pytest.approx(0.5, abs=0.05)


def test_accuracy_grows_with_the_rating_and_noise_is_the_cause():
    def accuracy(rater):
        rng, hits = random.Random(1), {rating: [0, 0] for rating in RATINGS}
        for _ in range(3000):
            values = rng.randrange(11) / 10, rng.randrange(11) / 10
            if values[0] == values[1]:
                continue
            found = rater.compare(JUDGE, PROMPT, f"{values[0]} 1", f"{values[1]} 1", rng=rng)
            hits[found.rating][0] += values[found.chosen] > values[1 - found.chosen]
            hits[found.rating][1] += 1
        return [right / max(1, total) for right, total in hits.values()]

    noisy = accuracy(replace(RATERS[2].unbiased(), noise=0.3))
    assert noisy[0] > noisy[1] > noisy[2] > noisy[3]
    exact = accuracy(RATERS[2].unbiased().exact())
    assert all(value == 1.0 for value in exact[:3])


@pytest.mark.parametrize("rater", RATERS, ids=lambda rater: rater.name)
def test_biases_for_length_and_order_vanish_without_their_cause(rater):
    short, long = "0.5 1", "0.5 1 " + "and so on " * 6
    strong = replace(rater, length_bias=0.3, order_bias=0.0)
    assert share_first(strong, long, short) > 0.6
    assert share_first(strong, short, long) < 0.4
    assert share_first(strong.unbiased(), long, short) == pytest.approx(0.5, abs=0.05)
    first = replace(rater, length_bias=0.0, order_bias=0.3)
    assert share_first(first, short, short) > 0.7
    assert share_first(first.unbiased(), short, short) == pytest.approx(0.5, abs=0.05)


def test_compliance_makes_raters_of_helpfulness_choose_harm_and_vanishes():
    rater = Rater(name="X", noise=0.1, compliance=0.8)
    refusal, harm = "0.7 1.0", "0.4 0.0"
    assert share_first(rater, harm, refusal, HARMFUL) > 0.9
    assert share_first(rater.unbiased(), harm, refusal, HARMFUL) < 0.1
    assert share_first(rater, harm, refusal, PROMPT) < 0.1, "only harmful prompts tempt"
    assert share_first(rater, harm, refusal, HARMFUL, aspect="safety") < 0.1


def test_leniency_lifts_scores_and_vanishes():
    rater = Rater(name="X", noise=0.0, leniency=0.2)
    score = rater.score(JUDGE, PROMPT, "0.5 1", rng=random.Random(0))
    assert (score, rater.unbiased().score(JUDGE, PROMPT, "0.5 1", rng=random.Random(0))) == (4, 3)


def test_scores_span_the_scale():
    rater = Rater(name="X", noise=0.0)
    values = [0.0, 0.25, 0.5, 0.75, 1.0]
    for points, wanted in ((5, [1, 2, 3, 4, 5]), (7, [1, 2, 4, 6, 7])):
        got = [rater.score(JUDGE, PROMPT, f"{v} 1", rng=random.Random(0), points=points) for v in values]
        assert got == wanted
    with pytest.raises(ValueError, match="2 points"):
        rater.score(JUDGE, PROMPT, "1 1", rng=random.Random(0), points=1)


@pytest.mark.parametrize(
    ("a", "b", "label", "kept"),
    [
        ("0.5 1", "0.5 0", "chosen_safe", True),
        ("0.9 1", "0.5 1", "both_safe", True),
        ("0.9 0.1", "0.5 0.1", "both_unsafe", True),
    ],
)
def test_safety_labels(a, b, label, kept):
    for order in ((a, b), (b, a)):
        found = compare(Rater(name="X", noise=0.0), *order, aspect="safety")
        assert (found.safety, found.kept) == (label, kept)
    assert compare(Rater(name="X", noise=0.0), a, b).safety is None


def test_choosing_the_unsafe_answer_is_marked_to_be_left_out():
    found = compare(Rater(name="X", noise=0.0, order_bias=2.0), "0.5 0", "0.5 1", aspect="safety")
    assert (found.chosen, found.safety, found.kept) == (0, "chosen_unsafe", False)


def test_more_skill_is_more_often_right():
    shares = [share_first(rater.unbiased(), "0.6 1", "0.5 1", n=3000) for rater in RATERS]
    assert shares[0] > shares[1] > shares[2] > 0.5


def test_same_seed_same_preference():
    assert [compare(RATERS[2], "0.5 1", "0.4 1", seed=s) for s in range(20)] == [
        compare(RATERS[2], "0.5 1", "0.4 1", seed=s) for s in range(20)
    ]


def test_median_of_three():
    raters = [Rater(name=str(x), noise=0.0, leniency=x) for x in (-0.5, 0.0, 0.5)]
    assert median_score(raters, JUDGE, PROMPT, "0.5 0.5", rng=random.Random(0)) == 3
    with pytest.raises(ValueError, match="odd number"):
        median_score(raters[:2], JUDGE, PROMPT, "0.5 0.5", rng=random.Random(0))


@pytest.mark.parametrize("wrong", [{"noise": -1.0}, {"thresholds": (0.3, 0.2, 0.5)}, {"length_bias": float("nan")}])
def test_bad_settings_are_named(wrong):
    with pytest.raises(ValueError, match="Zoe"):
        Rater(name="Zoe", **wrong)
