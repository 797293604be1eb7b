"""The experiment on data: what each arm reads, what nobody reads, and what the verdict hangs on."""

import dataclasses

import pytest

from minillama.data import Scorers, TextScorer
from minillama.experiments import Row
from minillama.experiments import cleaning_and_upsampling as data
from minillama.valley import World
from minillama.valley.corpus import CorpusSettings, make_corpus

TINY = data.Size(
    characters=70_000, repeated_pages=2, copies=8, batch_size=16, seq_len=64, held_out_characters=15_000,
    other_characters=30_000, questions=5,
)  # fmt: skip


def learn_junk(seed, size):
    """As the experiment learns it, but for toxicity, which it measures and never filters by."""
    settings = CorpusSettings(characters=size.other_characters, sources=data.SOURCES)
    documents = make_corpus(World.create(seed=seed + 1), seed + 1, settings=settings)
    texts, junk = zip(*((document.text, document.source == "junk") for document in documents))
    scorer = TextScorer.train(texts, junk)
    return Scorers(low_quality=scorer, toxicity=scorer)


@pytest.fixture(scope="module", autouse=True)
def crawls_without_forum():
    """A forum's first thread takes seconds to write, in each world."""
    sources = data.SOURCES | {"forum": 0.0, "stories": data.SOURCES["stories"] + data.SOURCES["forum"]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "SOURCES", sources)
        patch.setattr(data, "learn_junk", learn_junk)
        yield


@pytest.fixture(scope="module")
def material(crawls_without_forum):
    return data.make_material(0, TINY)


def test_repeated_pages_stand_often_in_the_raw_crawl_and_once_in_the_cleaned(material):
    for page in material.repeated:
        assert material.arms[data.RAW].count(page) > TINY.copies // 2
        assert material.arms[data.CLEANED].count(page) <= 1
    assert sum(page in material.arms[data.CLEANED] for page in material.repeated) >= len(material.repeated) - 1


def test_up_sampling_repeats_the_encyclopedia_and_nothing_else(material):
    cleaned, up = material.arms[data.CLEANED], material.arms[data.UPSAMPLED]
    assert set(up) == set(cleaned)
    assert {up.count(text) for text in cleaned} == {1, int(TINY.weight)}


def test_the_control_loses_as_many_documents_as_cleaning_removes(material):
    assert len(material.arms[data.THINNED]) == len(material.arms[data.CLEANED]) < len(material.arms[data.RAW])


def test_nobody_reads_the_test(material):
    read = set().union(*material.arms.values())
    assert all(texts for texts in material.held_out.values())
    assert not read & {text for texts in material.held_out.values() for text in texts}
    assert material.unread
    assert not read & set(material.unread)


def test_pages_read_once_are_not_the_repeated_ones(material):
    assert material.once
    assert not set(material.once) & set(material.repeated)


def test_a_crawl_with_too_few_pages_is_named():
    with pytest.raises(ValueError, match="9 repeated pages need 54"):
        data.make_crawl(0, dataclasses.replace(TINY, repeated_pages=9))


def test_windows_ask_for_the_token_after():
    batches = data.windows(list(range(1000)), TINY)
    assert all((batch.targets == batch.tokens + 1).all() for batch in batches)
    assert sum(batch.targets.numel() for batch in batches) == 999 // TINY.seq_len * TINY.seq_len


GOOD = {
    data.RAW: (2.0, 2.0, 1.0, 0.0),
    data.CLEANED: (1.9, 1.9, 0.1, 0.0),
    data.UPSAMPLED: (1.9, 1.8, 0.2, 0.0),
    data.THINNED: (2.0, 2.0, 1.0, 0.0),
}


def rows(seed=0, **changed):
    """One seed's rows; ``cleaned=...`` replaces the numbers of an arm, ``up=...`` those of the up-sampled one."""
    names = (data.CLEAN_LOSS, data.FACT_LOSS, data.MEMORISED, data.ONCE)
    short = {"raw": data.RAW, "cleaned": data.CLEANED, "up": data.UPSAMPLED, "thinned": data.THINNED}
    arms = GOOD | {short[name]: numbers for name, numbers in changed.items()}
    return [
        Row(arm=arm, seed=seed, numbers=dict(zip(names, numbers)), control=arm == data.THINNED)
        for arm, numbers in arms.items()
    ]


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"cleaned": (1.995, 1.9, 0.1, 0.0)}, "not reproduced"),
        ({"cleaned": (1.9, 1.9, 0.6, 0.0)}, "not reproduced"),
        ({"up": (1.9, 1.9, 0.1, 0.0)}, "not reproduced"),
        ({"raw": (2.0, 2.0, 0.1, 0.0), "cleaned": (1.9, 1.9, 0.0, 0.0)}, "not reproduced"),
        ({"thinned": (1.9, 1.9, 1.0, 0.0)}, "cannot be seen at this scale"),
        ({"raw": (2.0, 2.0, 1.0, 0.6)}, "cannot be seen at this scale"),
        ({"cleaned": (1.9, 1.9, 0.1, -0.6)}, "cannot be seen at this scale"),
    ],
)
def test_the_verdict(changed, outcome):
    assert data.judge(rows(**changed)).outcome == outcome


def test_one_seed_without_the_effect_is_enough_to_deny():
    assert data.judge(rows() + rows(seed=1, cleaned=(2.0, 1.9, 0.1, 0.0))).outcome == "not reproduced"


def test_a_missing_arm_is_named():
    with pytest.raises(ValueError, match="thinned at random"):
        data.judge([row for row in rows() if not row.control])


def test_a_run_measures_every_arm_on_equally_many_tokens(monkeypatch):
    monkeypatch.setattr(data, "QUICK", TINY)
    measured = data.run(0, True)
    assert [row.arm for row in measured] == [data.RAW, data.CLEANED, data.UPSAMPLED, data.THINNED]
    assert [row.control for row in measured] == [False, False, False, True]
    assert len({row.numbers["tokens"] for row in measured}) == 1
