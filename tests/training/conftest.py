"""Lets the tests of this folder import tiny_run.py, which is also run as a program."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def plain_machine(monkeypatch):
    """The choices of whoever runs the tests are not to change what they test."""
    for name in ("MINILLAMA_DEVICE", "MINILLAMA_DTYPE", "MINILLAMA_COMPILE", "MINILLAMA_PROGRESS"):
        monkeypatch.delenv(name, raising=False)
