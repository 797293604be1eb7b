import errno
import json

import pytest

from minillama.training import StepRecord, read_metrics
from minillama.training.metrics import MetricsFile


def record(step):
    return StepRecord(
        step=step,
        loss=1.0 / step,
        learning_rate=1e-3,
        gradient_norm=0.5,
        targets=7,
        tokens=8 * step,
        seconds=0.1 * step,
        tokens_per_second=80.0,
    )


def write(path, steps, last_step=0):
    file = MetricsFile(path, last_step)
    for step in steps:
        file.append(record(step))
    file.close()


def test_lines_are_json_and_come_back(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write(path, [1, 2, 3])
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2, 3]
    assert read_metrics(path) == [record(1), record(2), record(3)]


def test_going_on_leaves_no_step_twice_and_none_out(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write(path, [1, 2, 3, 4])
    path.write_text(path.read_text() + '{"step": 5, "lo')  # killed in the middle of a line
    write(path, [3, 4, 5], last_step=2)
    assert [entry.step for entry in read_metrics(path)] == [1, 2, 3, 4, 5]


def test_a_line_that_is_no_record_is_named(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n')
    with pytest.raises(ValueError, match="line 1"):
        read_metrics(path)


def test_each_line_is_in_the_file_at_once(tmp_path):
    path = tmp_path / "metrics.jsonl"
    file = MetricsFile(path, 0)
    file.append(record(1))
    assert len(read_metrics(path)) == 1
    file.close()


def test_a_full_disk_names_the_file(tmp_path, monkeypatch):
    class Full:
        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

    file = MetricsFile(tmp_path / "metrics.jsonl", 0)
    file.close()
    monkeypatch.setattr(file, "_file", Full())
    with pytest.raises(OSError, match=r"metrics\.jsonl.*No space left"):
        file.append(record(1))
