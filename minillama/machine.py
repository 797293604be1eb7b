"""What this machine can do, and how long the pipeline will take on it."""

import os
import platform
import shutil
import time

import torch

from minillama.pipeline import choose_preset, pipeline
from minillama.pipeline.cache import cache_folder
from minillama.pipeline.stages import DEFAULT_STAGE
from minillama.training.precision import Precision, multiplies_bfloat16

REFERENCE_GFLOPS = 100.0  # float32 matrix products of the two cores for which the presets' minutes are given


def describe() -> list[str]:
    """Lines that say what there is, which preset fits, and how long it will build."""
    precision, preset = Precision.detect(), choose_preset()
    stages = pipeline(preset)
    last = DEFAULT_STAGE
    missing = stages.missing(last)
    lines = [
        f"Python {platform.python_version()}, PyTorch {torch.__version__}, {platform.system()} {platform.machine()}",
        f"CPU: {os.cpu_count()} cores, {torch.get_num_threads()} threads used, bfloat16 "
        + ("in hardware" if multiplies_bfloat16() else "emulated, so float32 is used"),
        f"memory: {_gigabytes(memory_bytes())}; disk for the cache: {_gigabytes(_free_disk())} free",
        f"GPU: {_gpu()}",
        f"training would use: {precision}",
        f"preset that fits: {preset.name} ({preset.base.model.n_parameters / 1e6:.1f} million parameters)",
    ]
    if not missing:
        return [*lines, "every stage is built; talk to the model: minillama chat"]
    minutes = stages.minutes(last) * (slowness() if precision.device.type == "cpu" else 1.0)
    return [*lines, f"to build: {', '.join(missing)}, about {max(1, round(minutes))} minutes: minillama build"]


def memory_bytes() -> int | None:
    """The machine's memory in bytes, None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def slowness() -> float:
    """How many times as long as the reference machine this CPU takes for a matrix product, measured in a moment."""
    a = torch.randn(1024, 256)
    b = torch.randn(256, 1024)
    a @ b
    began, rounds = time.perf_counter(), 20
    for _ in range(rounds):
        a @ b
    gflops = rounds * 2 * 1024 * 256 * 1024 / (time.perf_counter() - began) / 1e9
    return REFERENCE_GFLOPS / gflops


def _gpu() -> str:
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        return f"{torch.cuda.get_device_name()}, {_gigabytes(free)} of {_gigabytes(total)} free"
    return "Apple MPS" if torch.backends.mps.is_available() else "none that PyTorch can use"


def _free_disk() -> int:
    folder = cache_folder()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _gigabytes(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 2**30:.1f} GB"
