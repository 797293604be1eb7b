import contextlib
import subprocess
import sys

import pytest
import torch
from torch import nn

from minillama.training import Precision, precision
from minillama.training.allocator import keep_freed_memory


def test_the_cpu_takes_bfloat16_only_where_it_multiplies_it(monkeypatch):
    for native, dtype in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(precision, "multiplies_bfloat16", lambda native=native: native)
        assert Precision.detect("cpu").dtype == dtype


def test_the_environment_decides_and_arguments_decide_over_it(monkeypatch):
    monkeypatch.setenv("MINILLAMA_DEVICE", "cpu")
    monkeypatch.setenv("MINILLAMA_DTYPE", "float16")
    monkeypatch.setenv("MINILLAMA_COMPILE", "0")
    found = Precision.detect()
    assert (found.device.type, found.dtype, found.compile) == ("cpu", torch.float16, False)
    assert Precision.detect(dtype=torch.float32).dtype == torch.float32
    monkeypatch.setenv("MINILLAMA_COMPILE", "1")
    assert Precision.detect().compilation_pays(nn.Linear(1, 1), tokens=1)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("MINILLAMA_DEVICE", "tpu"), ("MINILLAMA_DTYPE", "int8"), ("MINILLAMA_COMPILE", "yes")],
)
def test_wrong_wishes_are_named(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=value):
        Precision.detect()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="cuda"):
        Precision.detect("cuda")


@pytest.mark.parametrize(
    ("capability", "dtype"), [((7, 5), torch.float16), ((8, 0), torch.bfloat16), ((9, 0), torch.bfloat16)]
)
def test_gpus_get_bfloat16_from_ampere_on(monkeypatch, capability, dtype):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: capability)
    found = Precision.detect()
    assert (found.device, found.dtype) == (torch.device("cuda:0"), dtype)
    assert found.needs_scaler == (dtype == torch.float16)


def test_autocast_changes_products_and_nothing_else():
    weight = torch.ones(2, 2)
    with Precision(device=torch.device("cpu"), dtype=torch.bfloat16).autocast():
        assert (weight @ weight).dtype == torch.bfloat16
    with Precision(device=torch.device("cpu")).autocast() as plain:
        assert plain is None
        assert (weight @ weight).dtype == torch.float32
    assert isinstance(Precision(device=torch.device("cpu")).autocast(), contextlib.nullcontext)


def test_only_long_runs_are_compiled():
    able = Precision(device=torch.device("cpu"), compile=True)
    model = nn.Linear(1000, 1000)
    assert not able.compilation_pays(model, tokens=10_000)
    assert able.compilation_pays(model, tokens=10**9)
    assert not Precision(device=torch.device("cpu")).compilation_pays(model, tokens=10**9)


def test_without_a_compiler_nothing_is_compiled(monkeypatch):
    precision._can_compile.cache_clear()
    monkeypatch.setattr(precision.shutil, "which", lambda name: None)
    assert not Precision.detect("cpu").compile
    precision._can_compile.cache_clear()


FAULTS = """
import resource, sys
from minillama.training.allocator import keep_freed_memory
import torch
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def work():
    for _ in range(10):  # a step's activations: many blocks alive together, then all freed
        [torch.ones(1_000_000) for _ in range(32)]
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_kept_memory_is_not_faulted_in_again():
    if not keep_freed_memory():
        pytest.skip("not glibc")
    faults = {
        how: int(subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True).stdout)
        for how in ("default", "keep")
    }
    assert faults["keep"] < 1000  # of 32 blocks with 977 pages each, ten times over
    if faults["default"] < 10_000:
        pytest.skip("here freed memory is kept without being asked for")
    assert faults["keep"] * 10 < faults["default"]


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_cuda_is_found_and_computes():
    found = Precision.detect()
    assert found.device.type == "cuda"
    with found.autocast():
        product = torch.ones(4, 4, device=found.device) @ torch.ones(4, 4, device=found.device)
    assert product.dtype == found.dtype
