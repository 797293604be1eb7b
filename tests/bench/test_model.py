import pytest

from minillama.bench.model import measure_generation, measure_training
from minillama.model import ModelArgs

pytest.importorskip("transformers")
TINY = ModelArgs(dim=16, n_layers=1, n_heads=2, n_kv_heads=1, vocab_size=32, multiple_of=8, max_seq_len=32)


def check(row):
    speeds = row["variants"]
    assert row["ours"] == max(speed for name, speed in speeds.items() if name.startswith("minillama"))
    assert row["theirs"] == max(speed for name, speed in speeds.items() if name.startswith("transformers"))
    assert row["ratio"] == pytest.approx(row["ours"] / row["theirs"], abs=0.006)
    assert min(speeds.values()) > 0


def test_training_is_measured_in_every_variant():
    report = measure_training(args=TINY, seq_lens=(8, 16), tokens_per_step=32, rounds=1, steps=1, compiled=False)
    assert [row["seq_len"] for row in report["rows"]] == [8, 16]
    for row in report["rows"]:
        check(row)
        assert "minillama, float32" in row["variants"]
        assert "transformers, float32" in row["variants"]


def test_generation_is_measured_with_both_caches():
    report = measure_generation(args=TINY, batch_sizes=(1, 3), prompt_tokens=4, new_tokens=4, rounds=1)
    assert [row["batch"] for row in report["rows"]] == [1, 3]
    for row in report["rows"]:
        check(row)
        assert {"transformers, float32, dynamic cache", "transformers, float32, static cache"} <= set(row["variants"])
