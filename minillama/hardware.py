"""The machine and the versions that a figure was measured with, and the memory it took."""

import os
import platform
import sys
from importlib.metadata import version

import torch

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]


def hardware() -> str:
    """The machine in a few words."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{torch.get_num_threads()} threads, {platform.machine()}"


def versions() -> dict[str, str]:
    """Versions of what decides the numbers."""
    return {"python": platform.python_version(), "torch": torch.__version__, "minillama": version("minillama")}


def peak_memory_mb() -> float | None:
    """The most memory this process has held so far, in megabytes (10^6 bytes); None where the system does not say."""
    if resource is None:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kibibytes
    return round(most * unit / 1e6, 1)


def cores() -> int | None:
    """How many cores the machine has."""
    return os.cpu_count()
