import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from test_update import CPU, rows, split
from tiny_run import VOCAB, TinyModel

from minillama.data.collate import Batch
from minillama.training import NonFiniteLoss, TrainSettings, distributed, train

N_TARGETS = (10, 3, 0, 7, 1, 9, 10, 2)
SETTINGS = TrainSettings(steps=4, peak_lr=1e-2, accumulation=2, checkpoint_every=2)


def batches(rank, world):
    """Two micro-batches a step; each process takes its share of the rows, and their targets are unevenly spread."""
    return [split(part, [4 // world] * world)[rank] for part in split(rows(N_TARGETS), [4, 4])]


def model(seed):
    torch.manual_seed(seed)
    return TinyModel(dropout=0.0)


def one_of_two(folder):
    """What each process runs: a training run, then one that meets NaN on the second process only."""
    with distributed.process_group(torch.device("cpu")):
        rank = distributed.rank()
        found = model(seed=rank)  # only the first process's start counts
        report = train(found, batches(rank, 2), SETTINGS, precision=CPU, run_dir=folder)
        again = model(seed=5)
        resumed = train(again, batches(rank, 2), SETTINGS, precision=CPU, run_dir=folder)
        assert resumed.resumed_at == 4
        assert resumed.losses == report.losses
        assert all(torch.equal(a, b) for a, b in zip(found.parameters(), again.parameters(), strict=True))
        with torch.no_grad():
            found.tok_embeddings.weight[VOCAB - 1] = float("nan")
        tokens = torch.full((2, 10), VOCAB - 1 if rank == 1 else 0)
        try:
            train(found, [Batch(tokens, torch.ones_like(tokens))], TrainSettings(steps=1, peak_lr=1e-2), precision=CPU)
        except NonFiniteLoss as error:
            print(error)


def test_two_processes_equal_one(tmp_path):
    alone = model(seed=0)
    report = train(alone, batches(0, 1), SETTINGS, precision=CPU, run_dir=tmp_path / "alone")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    command = [
        sys.executable,
        "-c",
        # Shutting Python down is not what is tested: threads of gloo now and then abort there.
        "import os, sys, test_distributed; "
        f"test_distributed.one_of_two({str(tmp_path / 'both')!r}); sys.stdout.flush(); os._exit(0)",
    ]
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    processes = [
        subprocess.Popen(
            command, env=environment | {"RANK": str(rank), "PYTHONPATH": path}, text=True, stdout=subprocess.PIPE
        )
        for rank in (0, 1)
    ]
    out = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    together = load_file(tmp_path / "both/checkpoints/step-00000004/model.safetensors")
    for name, weight in alone.state_dict().items():
        torch.testing.assert_close(together[name], weight, rtol=1e-4, atol=1e-6)
    assert len((tmp_path / "both/metrics.jsonl").read_text().splitlines()) == len(report.losses) == 4
    assert "another process's loss is nan" in out[0]
    assert "in batch 1 of the run" in out[1]


def test_alone_nothing_is_sent():
    assert (distributed.rank(), distributed.world_size()) == (0, 1)
    assert distributed.gather_objects("x") == ["x"]
    value = torch.ones(2)
    assert distributed.sum_over_ranks(value) is value


@pytest.mark.skipif("RANK" in os.environ, reason="started by torchrun")
def test_a_process_on_its_own_joins_nothing():
    with distributed.process_group(torch.device("cpu")):
        assert distributed.world_size() == 1
