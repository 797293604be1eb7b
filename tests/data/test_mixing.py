from collections import Counter

import pytest

from minillama.data.mixing import mix, shares
from minillama.valley.corpus import Document

DOCUMENTS = [Document(text=f"{source} {i}", source=source) for source in ("encyclopedia", "forum") for i in range(10)]


def counts(documents):
    return Counter(document.source for document in documents)


def test_weights_repeat_and_thin_out_sources():
    assert counts(mix(DOCUMENTS)) == {"encyclopedia": 20, "forum": 10}
    mixed = mix(DOCUMENTS, {"encyclopedia": 2.3, "forum": 0.5})
    assert counts(mixed) == {"encyclopedia": 23, "forum": 5}
    times = Counter(document.text for document in mixed)
    assert {times[f"encyclopedia {i}"] for i in range(10)} == {2, 3}
    assert counts(mix(DOCUMENTS, {"forum": 0})) == {"encyclopedia": 10}


def test_order_depends_on_the_seed_alone():
    assert mix(DOCUMENTS, seed=1) == mix(DOCUMENTS, seed=1)
    assert mix(DOCUMENTS, seed=1) != mix(DOCUMENTS, seed=2)
    assert [d.source for d in mix(DOCUMENTS, {})] != [d.source for d in DOCUMENTS]


def test_shares_are_of_characters():
    assert shares([Document("aaa", "x"), Document("b", "y")]) == {"x": 0.75, "y": 0.25}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"forum": -1.0}, "is -1.0; it must be 0 or more"),
        ({"news": 2.0}, r"'news'; there are \['encyclopedia', 'forum'\]"),
    ],
)
def test_faults_are_named(weights, message):
    with pytest.raises(ValueError, match=message):
        mix(DOCUMENTS, weights)
