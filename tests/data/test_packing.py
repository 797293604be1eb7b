import itertools
import json

import numpy as np
import pytest

from minillama.data.collate import IGNORE
from minillama.data.packing import PretrainLoader, ShardWriter, TokenShards, write_shards

VOCAB = 300


def documents(n=40, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(3, VOCAB, size=rng.integers(1, 60)).tolist() for _ in range(n)]


def written(folder, docs, shard_tokens=200):
    return write_shards(docs, folder, vocab_size=VOCAB, shard_tokens=shard_tokens, fingerprint="abc")


def test_shards_hold_every_document_between_bos_and_eos(tmp_path):
    docs = documents()
    shards = written(tmp_path, docs)
    flat = [token for ids in docs for token in (1, *ids, 2)]
    assert len(list(tmp_path.glob("shard-*.bin"))) > 3
    assert shards.read(0, shards.n_tokens).tolist() == flat
    assert (shards.n_documents, len(shards)) == (len(docs), len(flat))
    for start, stop in ((0, 0), (3, 190), (150, 600), (len(flat) - 1, len(flat))):
        assert shards.read(start, stop).tolist() == flat[start:stop]
    assert shards.read(0, 1).dtype == np.uint16


def test_vocabulary_beyond_16_bits_is_kept(tmp_path):
    shards = write_shards([[70_000, 3]], tmp_path, vocab_size=128_000)
    assert shards.read(0, 4).tolist() == [1, 70_000, 3, 2]


@pytest.mark.parametrize(
    ("docs", "message"),
    [([[300]], "token id 300 is outside"), ([[-1]], "token id -1"), ([[1, 5]], "holds BOS"), ([], "no documents")],
)
def test_bad_documents_are_named(tmp_path, docs, message):
    with pytest.raises(ValueError, match=message):
        written(tmp_path, docs)


def test_open_refuses_what_is_unfinished_damaged_or_from_another_tokenizer(tmp_path):
    with pytest.raises(ValueError, match=r"no index\.json"):
        TokenShards.open(tmp_path)
    writer = ShardWriter(tmp_path, vocab_size=VOCAB)
    writer.add([5, 6])
    writer.flush()
    with pytest.raises(ValueError, match="unfinished"):
        TokenShards.open(tmp_path)
    written(tmp_path, documents())
    TokenShards.open(tmp_path, fingerprint="abc")
    with pytest.raises(ValueError, match="tokenizer 'abc', not 'xyz'"):
        TokenShards.open(tmp_path, fingerprint="xyz")
    shard = tmp_path / "shard-00001.bin"
    shard.write_bytes(shard.read_bytes()[:-2])
    with pytest.raises(ValueError, match=r"shard-00001\.bin has \d+ bytes, the index says"):
        TokenShards.open(tmp_path)
    (tmp_path / "index.json").write_text("{")
    with pytest.raises(ValueError, match=r"index\.json is damaged"):
        TokenShards.open(tmp_path)


def test_a_writer_goes_on_behind_what_was_flushed(tmp_path):
    first = ShardWriter(tmp_path, vocab_size=VOCAB)
    first.add([5, 6])
    first.flush()
    first.add([7])  # never flushed: lost with the process
    second = ShardWriter(tmp_path, vocab_size=VOCAB, resume=True)
    second.add([8])
    second.flush(complete=True)
    assert TokenShards.open(tmp_path).read(0, 7).tolist() == [1, 5, 6, 2, 1, 8, 2]
    assert ShardWriter(tmp_path, vocab_size=VOCAB + 1, resume=True).shards == []


def test_writing_again_leaves_no_old_shards(tmp_path):
    written(tmp_path, documents(40))
    written(tmp_path, documents(2), shard_tokens=10_000)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["index.json", "shard-00000.bin"]


def test_windows_are_contiguous_and_targets_are_the_next_tokens(tmp_path):
    shards = written(tmp_path, [list(range(3, 290))], shard_tokens=100)
    batch = next(PretrainLoader(shards, batch_size=5, seq_len=16))
    assert batch.tokens.shape == (5, 16)
    inner = (batch.tokens > 2) & (batch.targets > 2)
    assert (batch.targets[inner] == batch.tokens[inner] + 1).all()
    assert (batch.tokens[:, 1:] == batch.targets[:, :-1]).all()


def test_an_epoch_sees_every_window_once_in_an_order_of_its_own(tmp_path):
    shards = written(tmp_path, documents(200))
    loader = PretrainLoader(shards, batch_size=1, seq_len=16, seed=3)
    n = loader.windows_per_epoch
    orders = [loader._starts(epoch).copy() for epoch in range(3)]
    for order in orders:
        assert sorted(order - order.min()) == list(range(0, 16 * n, 16))
        assert order.max() + 17 <= shards.n_tokens
    assert not np.array_equal(orders[0] - orders[0].min(), orders[1] - orders[1].min())
    assert shards.n_tokens - 16 * n < 32


def test_ranks_are_disjoint_and_together_give_what_one_process_sees(tmp_path):
    shards = written(tmp_path, documents(200))
    alone = PretrainLoader(shards, batch_size=6, seq_len=16, seed=1)
    ranks = [PretrainLoader(shards, 2, 16, seed=1, rank=rank, world_size=3) for rank in range(3)]
    for _ in range(30):
        rows = [row for rank in ranks for row in next(rank).tokens.tolist()]
        assert rows == next(alone).tokens.tolist()


@pytest.mark.parametrize("stop_after", [0, 1, 7, 25])
def test_a_loader_that_stops_and_goes_on_gives_the_same_batches(tmp_path, stop_after):
    shards = written(tmp_path, documents())
    never_stopped = [b.tokens.tolist() for b in itertools.islice(PretrainLoader(shards, 3, 32, seed=9), 40)]
    first = PretrainLoader(shards, 3, 32, seed=9)
    for _ in range(stop_after):
        next(first)
    state = json.loads(json.dumps(first.state_dict()))
    second = PretrainLoader(TokenShards.open(tmp_path), 3, 32, seed=9)
    second.load_state_dict(state)
    assert [next(second).tokens.tolist() for _ in range(40 - stop_after)] == never_stopped[stop_after:]
    assert second.epoch > 1


def test_document_ids_separate_documents(tmp_path):
    shards = written(tmp_path, [[5, 6, 7], [8], [9, 10, 11, 12]])
    batch = next(PretrainLoader(shards, 1, 12, document_ids=True))
    offset = (np.array([1, 5, 6, 7, 2, 1, 8, 2, 1, 9, 10, 11, 12, 2]) == batch.tokens[0, 0].item()).argmax()
    if offset == 0:
        assert batch.document_ids.tolist() == [[1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3]]
        assert batch.positions.tolist() == [[0, 1, 2, 3, 4, 0, 1, 2, 0, 1, 2, 3]]
        assert batch.targets.tolist() == [[5, 6, 7, 2, IGNORE, 8, 2, IGNORE, 9, 10, 11, 12]]
    else:
        assert offset == 1
        assert batch.document_ids.tolist() == [[0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2]]
        assert batch.positions.tolist() == [[0, 1, 2, 3, 0, 1, 2, 0, 1, 2, 3, 4]]
        assert batch.targets.tolist() == [[6, 7, 2, IGNORE, 8, 2, IGNORE, 9, 10, 11, 12, 2]]
    assert next(PretrainLoader(shards, 1, 12)).document_ids is None


def test_loader_faults_are_named(tmp_path):
    shards = written(tmp_path, [[5, 6, 7]])
    with pytest.raises(ValueError, match="holds 5 tokens, fewer than one window of 8"):
        PretrainLoader(shards, 1, 8)
    PretrainLoader(shards, 1, 4)
    with pytest.raises(ValueError, match="rank is 2"):
        PretrainLoader(shards, 1, 4, rank=2, world_size=2)
    with pytest.raises(ValueError, match="batch_size is 0"):
        PretrainLoader(shards, 0, 4)
    state = PretrainLoader(shards, 1, 4, seed=1).state_dict()
    with pytest.raises(ValueError, match="seed = 1, this one has 2"):
        PretrainLoader(shards, 1, 4, seed=2).load_state_dict(state)
