"""Memory that training keeps between steps goes back to the system when a stage ends."""

import platform
import subprocess
import sys

import pytest

from minillama.training.allocator import return_freed_memory

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
