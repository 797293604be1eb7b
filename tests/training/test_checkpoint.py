import errno
import json
import os

import pytest
import torch

from minillama.training import CheckpointError, checkpoint, newest_checkpoint
from minillama.training.checkpoint import (
    Checkpoint,
    checkpoint_path,
    checkpoint_steps,
    read_checkpoint,
    write_checkpoint,
)


def made(step):
    weights = torch.arange(12.0).reshape(3, 4).T * step  # not contiguous
    return Checkpoint(
        step=step, tensors={"model": {"w": weights}, "random": {}}, state={"lr": 0.1 * step, "a": [1, None]}
    )


def write_all(folder, steps, keep=2):
    for step in steps:
        write_checkpoint(folder, made(step), keep)


def test_comes_back_as_it_was(tmp_path):
    found = read_checkpoint(write_checkpoint(tmp_path, made(7), keep=2))
    assert (found.step, found.state) == (7, made(7).state)
    assert torch.equal(found.tensors["model"]["w"], made(7).tensors["model"]["w"])
    assert found.tensors["random"] == {}


@pytest.mark.parametrize(("keep", "left"), [(1, [30]), (2, [20, 30]), (9, [5, 10, 20, 30])])
def test_keeps_the_newest(tmp_path, keep, left):
    write_all(tmp_path, [5, 10, 20, 30], keep)
    assert checkpoint_steps(tmp_path) == left
    assert newest_checkpoint(tmp_path).step == 30


def test_none_was_ever_written(tmp_path):
    assert newest_checkpoint(tmp_path) is None
    assert newest_checkpoint(tmp_path / "absent") is None


def cut(path):
    path.write_bytes(path.read_bytes()[:-5])


def flip(path):
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)


def edit_number(path):
    path.write_text(path.read_text().replace('"a": [', '"a": [9, '))
    json.loads(path.read_text())


@pytest.mark.parametrize("name", ["model.safetensors", "random.safetensors", "state.json"])
@pytest.mark.parametrize("damage", [cut, flip, os.remove])
def test_a_damaged_newest_one_is_passed_over_aloud(tmp_path, name, damage):
    write_all(tmp_path, [10, 20])
    damage(checkpoint_path(tmp_path, 20) / name)
    with pytest.warns(UserWarning, match="step-00000020.*going on from step 10"):
        assert newest_checkpoint(tmp_path).step == 10


def test_valid_json_with_other_numbers_is_damaged_too(tmp_path):
    write_all(tmp_path, [10])
    edit_number(checkpoint_path(tmp_path, 10) / "state.json")
    with pytest.raises(CheckpointError, match="changed after it was written"):
        read_checkpoint(checkpoint_path(tmp_path, 10))


def test_only_damaged_ones_are_an_error_not_a_new_start(tmp_path):
    write_all(tmp_path, [10, 20])
    for step in (10, 20):
        cut(checkpoint_path(tmp_path, step) / "model.safetensors")
    with pytest.raises(CheckpointError, match="delete it to start again"):
        newest_checkpoint(tmp_path)


def test_a_damaged_one_is_replaced_and_never_counts_as_kept(tmp_path):
    write_all(tmp_path, [10, 20])
    cut(checkpoint_path(tmp_path, 20) / "model.safetensors")
    write_checkpoint(tmp_path, made(15), keep=1)
    assert checkpoint_steps(tmp_path) == [15]
    cut(checkpoint_path(tmp_path, 15) / "model.safetensors")
    write_checkpoint(tmp_path, made(15), keep=1)
    assert newest_checkpoint(tmp_path).step == 15


@pytest.mark.parametrize("broken", ["_write_to_disk", "_sync_folder"])
def test_a_full_disk_costs_nothing_older(tmp_path, monkeypatch, broken):
    write_all(tmp_path, [10, 20])

    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, broken, refuse)
    with pytest.raises(CheckpointError, match=r"No space left on device; the checkpoint of step 20 is untouched"):
        write_checkpoint(tmp_path, made(30), keep=2)
    monkeypatch.undo()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["step-00000010", "step-00000020"]
    assert newest_checkpoint(tmp_path).step == 20


def test_what_a_killed_writer_left_is_cleared(tmp_path):
    (tmp_path / ".draft-step-00000005").mkdir()
    (tmp_path / ".old-step-00000004").mkdir()
    (tmp_path / "notes").mkdir()
    write_all(tmp_path, [6])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes", "step-00000006"]
