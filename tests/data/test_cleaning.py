import jaxtyping
import pytest

from minillama.data.cleaning import CleaningSettings, clean
from minillama.data.quality import Scorers
from minillama.valley.corpus import Document, make_corpus
from minillama.valley.world import World

LABEL_OF = {
    "boilerplate": "boilerplate",
    "exact duplicates": "exact_duplicate",
    "near duplicates": "near_duplicate",
    "personal data": "personal_data",
    "low quality": "low_quality",
}


def corpus(seed, characters):
    """A Valley, written without the checks of types that its own tests make, since they cost more than writing it."""
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        return make_corpus(World.create(seed=seed), seed, characters=characters)
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(scope="module")
def valley():
    return corpus(0, 650_000)


@pytest.fixture(scope="module")
def scorers():
    return Scorers.train(corpus(1, 700_000))


@pytest.fixture(scope="module")
def cleaned(valley, scorers):
    return clean(valley, scorers=scorers)


@pytest.mark.parametrize(
    ("step", "precision", "recall"),
    [
        ("boilerplate", 0.95, 0.85),
        ("exact duplicates", 0.98, 0.98),
        ("near duplicates", 0.95, 0.9),
        ("personal data", 0.97, 0.95),
        ("low quality", 0.95, 0.93),
    ],
)
def test_each_step_finds_what_was_planted(valley, cleaned, step, precision, recall):
    reports = {report.name: report for report in cleaned[1].steps}
    found = {*reports[step].removed, *reports[step].changed}
    earlier = set()
    for report in cleaned[1].steps:
        if report.name == step:
            break
        earlier.update(report.removed)
    planted = {i for i, one in enumerate(valley) if LABEL_OF[step] in one.labels and i not in earlier}
    assert len(planted) > 20
    assert len(found & planted) / len(found) >= precision
    assert len(found & planted) / len(planted) >= recall


def test_toxicity_is_scored_and_by_default_not_filtered(valley, cleaned, scorers):
    kept, report = cleaned
    toxic = ["toxic" in one.labels for one in kept]
    flagged = [score > 0.5 for score in report.toxicity]
    hits = sum(one and two for one, two in zip(toxic, flagged))
    assert hits / sum(flagged) > 0.8
    assert hits / sum(toxic) > 0.7
    assert report.toxic_share == pytest.approx(sum(flagged) / len(kept))


def test_toxicity_is_filtered_on_request(valley, scorers):
    some = valley[:400]
    kept, report = clean(some, scorers=scorers)
    fewer, strict = clean(some, CleaningSettings(max_toxicity=0.5), scorers)
    flagged = sum(score > 0.5 for score in report.toxicity)
    assert len(strict.steps[-1].removed) == flagged > 0
    assert len(fewer) == len(kept) - flagged


def test_the_report_adds_up(valley, cleaned):
    kept, report = cleaned
    assert (report.documents, report.kept_documents) == (len(valley), len(kept))
    assert report.documents - sum(len(step.removed) for step in report.steps) == len(kept)
    assert report.characters - sum(step.characters_removed for step in report.steps) == report.kept_characters
    assert report.kept_characters == sum(len(one.text) for one in kept)
    assert len(report.toxicity) == len(kept)
    assert "near duplicates" in str(report)
    numbers = {one.text: index for index, one in reversed(list(enumerate(valley)))}
    unchanged = [numbers[one.text] for one in kept if one.text in numbers]
    assert unchanged == sorted(unchanged)


def test_without_scorers_nothing_is_judged():
    documents = [Document("Only this text.", "a"), Document("only THIS text.", "b"), Document("asdf jkl", "c")]
    kept, report = clean(documents)
    assert [one.source for one in kept] == ["a", "c"]
    assert report.toxicity == ()
    assert clean([])[0] == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"similarity": 0.0}, "similarity is 0.0"),
        ({"bands": 30}, "30 bands do not divide 128"),
        ({"max_toxicity": 2.0}, "max_toxicity is 2.0"),
        ({"permutations": 0}, "permutations is 0"),
    ],
)
def test_settings_are_checked(change, message):
    with pytest.raises(ValueError, match=message):
        CleaningSettings(**change)
