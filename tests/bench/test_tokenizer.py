import json
import subprocess
import sys

import pytest

from minillama.bench.tokenizer import gather_docstrings


def test_docstrings_are_gathered_until_enough(tmp_path):
    (tmp_path / "a.py").write_text('"""One."""\ndef f():\n    """Two, é."""\n', encoding="utf-8")
    (tmp_path / "b.py").write_text("def (", encoding="utf-8")
    (tmp_path / "c.py").write_bytes(b'"""\xff"""')
    (tmp_path / "d.py").write_text('class C:\n    """Three."""\n', encoding="utf-8")
    assert gather_docstrings(10**6, tmp_path) == ["One.", "Two, é.", "Three."]
    assert gather_docstrings(5, tmp_path) == ["One.", "Two, é."]
    assert gather_docstrings(5, tmp_path / "nothing") == []


@pytest.fixture(scope="module")
def measured() -> dict[str, float]:
    """Measured in a process of its own: the run-time type checks of the test-suite would slow down one side only."""
    program = (
        "import json; from minillama.bench.tokenizer import gather_docstrings, measure_tokenizer;"
        "print(json.dumps(measure_tokenizer(gather_docstrings(4_000_000))))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_training_is_near_the_librarys_time(measured):
    assert measured["corpus_mb"] > 1
    assert measured["train_ratio"] < 15, json.dumps(measured)


def test_training_is_far_quicker_than_recounting(measured):
    assert measured["speedup_over_recounting"] > 50, json.dumps(measured)


def test_encoding_takes_a_megabyte_a_second(measured):
    assert measured["encode_mb_per_second"] > 1, json.dumps(measured)
