import itertools
import json
import random
from collections import Counter

import pytest

from minillama.chat import DialogTokens
from minillama.data.collate import IGNORE
from minillama.data.dialog_loader import DialogLoader


def examples(n=200, seed=0):
    """Dialogues whose first token is 100 + their number, so that a batch can be traced back."""
    rng = random.Random(seed)
    lengths = [rng.randint(2, 60) for _ in range(n)]
    return [DialogTokens((100 + i, *[5] * (k - 1)), (0, *[1] * (k - 1))) for i, k in enumerate(lengths)]


LAYOUTS = [{"batch_size": 8}, {"tokens_per_batch": 480}, {"batch_size": 4, "seq_len": 128}]


def seen(batches):
    return Counter(token for batch in batches for row in batch.tokens.tolist() for token in row if token >= 100)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_epoch_gives_every_dialogue_once_in_another_order(layout):
    loader = DialogLoader(examples(), epochs=2, seed=4, **layout)
    batches = list(loader)
    assert len(batches) == len(loader)
    assert seen(batches) == Counter({100 + i: 2 for i in range(200)})
    half = len(DialogLoader(examples(), epochs=1, seed=4, **layout))
    assert seen(batches[:half]) == Counter({100 + i: 1 for i in range(200)})
    assert batches[0].tokens.tolist() != batches[half].tokens.tolist()
    assert sum(batch.n_targets for batch in batches) == 2 * sum(len(e) - 1 for e in examples())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_loader_that_stops_and_goes_on_gives_the_same_batches(layout):
    never_stopped = [b.tokens.tolist() for b in DialogLoader(examples(), epochs=3, seed=1, **layout)]
    for stop_after in (0, 5, len(never_stopped) // 3, len(never_stopped) - 1):
        first = DialogLoader(examples(), epochs=3, seed=1, **layout)
        for _ in range(stop_after):
            next(first)
        second = DialogLoader(examples(), epochs=3, seed=1, **layout)
        second.load_state_dict(json.loads(json.dumps(first.state_dict())))
        assert [b.tokens.tolist() for b in second] == never_stopped[stop_after:]


def test_buckets_waste_little_and_respect_the_token_budget():
    batches = list(DialogLoader(examples(1000), tokens_per_batch=480, epochs=1))
    assert max(batch.tokens.numel() for batch in batches) <= 480
    real = sum(len(example) for example in examples(1000))
    assert real / sum(batch.tokens.numel() for batch in batches) > 0.9


def test_packed_rows_waste_little_and_never_predict_across_dialogues():
    batches = list(DialogLoader(examples(1000), 4, seq_len=128, epochs=1))
    assert sum(len(e) for e in examples(1000)) / sum(b.tokens.numel() for b in batches) > 0.95
    for batch in batches:
        assert not ((batch.targets >= 100) & (batch.targets != IGNORE)).any()
        assert ((batch.tokens < 100) | (batch.positions == 0)).all()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_ranks_are_disjoint_and_give_as_many_batches(layout):
    ranks = [list(DialogLoader(examples(), epochs=1, rank=r, world_size=3, **layout)) for r in range(3)]
    assert len({len(batches) for batches in ranks}) == 1
    assert max(sum((seen(batches) for batches in ranks), Counter()).values()) == 1


def test_a_loader_without_epochs_never_ends():
    loader = DialogLoader(examples(10), 4)
    assert len(list(itertools.islice(loader, 50))) == 50
    with pytest.raises(TypeError, match="never ends"):
        len(loader)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "either batch_size or tokens_per_batch"),
        ({"tokens_per_batch": 64, "seq_len": 64}, "rows of seq_len are counted"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": 4, "seq_len": 8}, "a row holds 1 to 8"),
        ({"batch_size": 4, "rank": 1}, "rank is 1"),
    ],
)
def test_faults_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        DialogLoader(examples(), **arguments)
    with pytest.raises(ValueError, match="no examples"):
        DialogLoader([], 4)
    state = DialogLoader(examples(), 4).state_dict()
    with pytest.raises(ValueError, match="batch_size = 4, this one has 8"):
        DialogLoader(examples(), 8).load_state_dict(state)
