import errno
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_run import MIN_KILLS, VOCAB, TinyLoader, TinyModel, seed_everything

from minillama.data.collate import Batch
from minillama.training import (
    CheckpointError,
    NonFiniteLoss,
    Precision,
    TrainSettings,
    checkpoint,
    learning_rate,
    read_metrics,
    train,
)

CPU = Precision(device=torch.device("cpu"))
SCRIPT = Path(__file__).parent / "tiny_run.py"


def settings(**changes):
    return TrainSettings(**{"steps": 12, "peak_lr": 1e-2, "warmup_steps": 3, "checkpoint_every": 4} | changes)


def test_three_lines_are_enough():
    tokens = torch.arange(20).reshape(2, 10)
    report = train(TinyModel(), [Batch(tokens[:, :-1], tokens[:, 1:])], TrainSettings(steps=60, peak_lr=3e-2))
    assert len(report.losses) == 60
    assert report.losses[-1] < 0.5 * report.losses[0]
    assert report.tokens == 60 * 18
    assert report.tokens_per_second > 0


def test_every_step_is_recorded(tmp_path):
    seen = []
    report = train(TinyModel(), TinyLoader(), settings(), precision=CPU, run_dir=tmp_path, on_step=seen.append)
    records = read_metrics(tmp_path / "metrics.jsonl")
    assert records == seen
    assert [record.step for record in records] == list(range(1, 13))
    assert [record.loss for record in records] == list(report.losses)
    assert [record.learning_rate for record in records] == [learning_rate(step, settings()) for step in range(1, 13)]
    assert records[-1].tokens == report.tokens == 12 * 32


def test_the_model_comes_back_in_its_mode():
    for mode in (True, False):
        model = TinyModel().train(mode)
        train(model, TinyLoader(), settings(checkpoint_every=None, steps=3), precision=CPU)
        assert model.training is mode


def run(folder, steps_until_stop=None, **changes):
    """Train from the same seed; optionally raise after some step, as an interruption would."""

    def stop(record):
        if record.step == steps_until_stop:
            raise KeyboardInterrupt

    seed_everything()
    model = TinyModel()
    report = train(model, TinyLoader(), settings(**changes), precision=CPU, run_dir=folder, on_step=stop)
    return model.state_dict(), report


def assert_same_weights(first, second):
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("stopped_after", [1, 4, 6, 11])
def test_an_interrupted_run_ends_in_the_same_weights(tmp_path, stopped_after):
    wanted, straight = run(tmp_path / "straight")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken", steps_until_stop=stopped_after)
    found, report = run(tmp_path / "broken")
    assert report.resumed_at == (stopped_after - 1) // 4 * 4
    assert report.losses == straight.losses
    assert_same_weights(found, wanted)
    assert [record.step for record in read_metrics(tmp_path / "broken/metrics.jsonl")] == list(range(1, 13))


def test_a_finished_run_is_only_loaded(tmp_path):
    wanted, first = run(tmp_path)
    found, again = run(tmp_path)
    assert again.resumed_at == 12
    assert again.losses == first.losses
    assert_same_weights(found, wanted)


def test_a_damaged_newest_checkpoint_costs_only_time(tmp_path):
    wanted, _ = run(tmp_path / "straight")
    run(tmp_path / "damaged")
    victim = tmp_path / "damaged/checkpoints/step-00000012/optimizer.safetensors"
    victim.write_bytes(victim.read_bytes()[:100])
    with pytest.warns(UserWarning, match="going on from step 8"):
        found, report = run(tmp_path / "damaged")
    assert report.resumed_at == 8
    assert_same_weights(found, wanted)


def test_nan_stops_the_run_and_the_last_good_checkpoint_goes_on(tmp_path):
    class Spoiled(TinyLoader):
        def __next__(self):
            batch = super().__next__()
            return Batch(torch.full_like(batch.tokens, VOCAB - 1), batch.targets) if self.drawn == 7 else batch

    class Fragile(TinyModel):
        def hidden(self, tokens, **names):
            poison = float("inf") if (tokens == VOCAB - 1).all() else 1.0
            return super().hidden(tokens, **names) * poison

    with pytest.raises(NonFiniteLoss, match=r"step 7.*batch 7 of the run"):
        train(Fragile(), Spoiled(), settings(), precision=CPU, run_dir=tmp_path)
    assert checkpoint.checkpoint_steps(tmp_path / "checkpoints") == [4]
    assert [record.step for record in read_metrics(tmp_path / "metrics.jsonl")] == list(range(1, 7))
    report = train(Fragile(), TinyLoader(), settings(), precision=CPU, run_dir=tmp_path)
    assert report.resumed_at == 4
    assert len(report.losses) == 12


def test_a_full_disk_stops_clearly_and_the_run_goes_on_later(tmp_path, monkeypatch):
    wanted, _ = run(tmp_path / "straight")
    write = checkpoint._write_to_disk

    def refuse(path, data):
        if "step-00000008" in str(path) and "optimizer" in path.name:
            path.write_bytes(data[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, data)

    monkeypatch.setattr(checkpoint, "_write_to_disk", refuse)
    with pytest.raises(CheckpointError, match=r"No space left on device; the checkpoint of step 4 is untouched"):
        run(tmp_path / "full")
    monkeypatch.undo()
    found, report = run(tmp_path / "full")
    assert report.resumed_at == 4
    assert_same_weights(found, wanted)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"peak_lr": 2e-2}, "peak_lr=0.01, but peak_lr is 0.02"),
        ({"accumulation": 2}, "accumulation=1"),
        ({"steps": 13}, "steps"),
    ],
)
def test_a_run_does_not_go_on_with_other_settings(tmp_path, changes, message):
    run(tmp_path)
    with pytest.raises(ValueError, match=message):
        run(tmp_path, **changes)


def test_how_often_to_save_may_change(tmp_path):
    run(tmp_path)
    _, report = run(tmp_path, checkpoint_every=1, keep_checkpoints=5)
    assert report.resumed_at == 12


def test_a_run_of_another_model_is_refused(tmp_path):
    run(tmp_path)
    other = TinyModel()
    other.extra = torch.nn.Linear(2, 2)
    with pytest.raises(ValueError, match="another model"):
        train(other, TinyLoader(), settings(), precision=CPU, run_dir=tmp_path)


def test_checkpoints_need_a_folder():
    with pytest.raises(ValueError, match="no run_dir"):
        train(TinyModel(), TinyLoader(), settings(), precision=CPU)


@pytest.mark.skipif(sys.platform != "linux", reason="forks a process that has loaded PyTorch")
def test_killed_at_random_moments_it_ends_in_the_same_weights(tmp_path):
    """Real processes, a checkpoint at every other step, so that many kills fall into the writing of one."""
    for name in ("straight", "killed"):
        (tmp_path / name).mkdir()
    environment = os.environ | {"PYTHONPATH": str(SCRIPT.parents[2]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT), str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= MIN_KILLS
    weights = [load_file(tmp_path / name / "weights.safetensors") for name in ("straight", "killed")]
    assert_same_weights(*weights)
    assert [record.step for record in read_metrics(tmp_path / "killed/run/metrics.jsonl")] == list(range(1, 61))


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_a_run_on_a_gpu_learns_and_goes_on(tmp_path, dtype):
    precision = Precision.detect("cuda", dtype)
    seed_everything()
    model = TinyModel()
    report = train(model, TinyLoader(), settings(steps=40), precision=precision, run_dir=tmp_path)
    assert report.losses[-1] < report.losses[0]
    again = TinyModel()
    assert train(again, TinyLoader(), settings(steps=40), precision=precision, run_dir=tmp_path).resumed_at == 40
    assert_same_weights(again.state_dict(), model.state_dict())


def test_another_loss_and_batch_can_be_trained(tmp_path):
    """As the reward model does: the loop knows a batch only by its tokens, its number of targets and `to`."""

    class Pairs(TinyLoader):
        def __next__(self):
            batch = super().__next__()
            return Numbered(batch.tokens, len(batch.tokens))

    def loss(model, batch):
        return (model.output(model.hidden(batch.tokens))[:, -1, 0] - 3).square().sum(), batch.n_targets

    report = train(TinyModel(), Pairs(), settings(steps=60, peak_lr=5e-2), loss=loss, precision=CPU, run_dir=tmp_path)
    assert report.losses[-1] < 0.5 * report.losses[0]
    assert report.compiled is False
    assert read_metrics(tmp_path / "metrics.jsonl")[0].targets == 4


@dataclass(frozen=True)
class Numbered:
    tokens: torch.Tensor
    n_targets: int

    def to(self, device):
        return Numbered(self.tokens.to(device), self.n_targets)
