"""Memory that training keeps between steps goes back to the system when a stage ends."""

import os
import platform
import subprocess
import sys

import pytest

from minillama.training.allocator import KERNEL_CACHE_VARIABLES, bound_kernel_caches, return_freed_memory

PROGRAM = """
from minillama.training.allocator import keep_freed_memory, return_freed_memory
def held():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20
keep_freed_memory()
kept = []
for number in range(100):  # every other block stays, so that the heap cannot shrink at its end
    block = bytearray(2**20 + 4096 * number)
    if number % 2:
        kept.append(bytearray(64))
    kept.append(block)
full = held()
kept = kept[-1:]
freed = held()
print(full, freed, return_freed_memory(), held())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_what_is_free_goes_back():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    full, freed, returned, after = done.stdout.split()
    assert float(freed) > float(full) - 40  # kept, though free
    assert returned == "True"
    assert float(after) < float(full) - 80


def test_without_glibc_nothing_happens(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not return_freed_memory()


SHAPES = """
import sys
from minillama.training.allocator import bound_kernel_caches
if sys.argv[1] == "bound":
    bound_kernel_caches()
import torch
def held():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20
layer = torch.nn.Linear(128, 384)
def multiply(lengths):
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        for length in lengths:
            layer(torch.zeros(length, 128))
multiply(range(1000, 1010))
before = held()
multiply(range(1, 1000))
print(held() - before)
"""


def growth(how):
    done = subprocess.run([sys.executable, "-c", SHAPES, how], capture_output=True, text=True, check=True)
    return float(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read as Linux tells it")
def test_kernels_for_ever_new_lengths_are_not_all_kept(monkeypatch):
    for variable in KERNEL_CACHE_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    free, bound = growth("free"), growth("bound")
    if free < 20:
        pytest.skip("this build of PyTorch keeps no kernels by shape")
    assert bound < free / 2


def test_the_users_own_choice_of_kernels_stays(monkeypatch):
    chosen, other = KERNEL_CACHE_VARIABLES
    monkeypatch.setenv(chosen, "7")
    monkeypatch.delenv(other, raising=False)
    bound_kernel_caches()
    assert (os.environ[chosen], os.environ[other]) == ("7", "128")
    monkeypatch.delenv(other)
