"""Device, number format and compilation, chosen here once and nowhere else."""

import contextlib
import functools
import math
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from minillama.training.allocator import keep_freed_memory

DEVICE_VARIABLE = "MINILLAMA_DEVICE"
DTYPE_VARIABLE = "MINILLAMA_DTYPE"
COMPILE_VARIABLE = "MINILLAMA_COMPILE"
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

# Floating-point operations a second that small models reach uncompiled, in order of magnitude.
EAGER_SPEED = {"cpu": 1.5e11, "cuda": 5e12}
# Compiling takes 15 to 40 seconds. It then saves some 40 % of the time of a 16-bit run, because the conversions between
# formats melt into their neighbours, but little of a float32 run, most of which is spent in matrix products already.
COMPILE_FROM_SECONDS = {torch.bfloat16: 60, torch.float16: 60, torch.float32: 400}


@dataclass(frozen=True, kw_only=True)
class Precision:
    """Where a run computes and in which number format its matrix products are.

    Weights, optimiser state, normalisation and losses stay in float32 whatever ``dtype`` says (mixed precision).

    Attributes:
        device: Of the model and the batches.
        dtype: Of matrix products: float32, bfloat16 or float16.
        compile: Whether ``torch.compile`` can be used on this machine.
        always_compile: Compile short runs too (``MINILLAMA_COMPILE=1``); otherwise only those long enough to gain.
    """

    device: torch.device
    dtype: torch.dtype = torch.float32
    compile: bool = False
    always_compile: bool = False

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES.values():
            raise ValueError(f"dtype is {self.dtype}; choose one of {', '.join(DTYPES)}")

    @classmethod
    def detect(cls, device: str | torch.device | None = None, dtype: str | torch.dtype | None = None) -> "Precision":
        """Choose the best this machine offers.

        What is given wins, then the environment (``MINILLAMA_DEVICE``, ``MINILLAMA_DTYPE``, ``MINILLAMA_COMPILE=0|1``),
        then: CUDA before MPS before the CPU; bfloat16 where the hardware multiplies it natively, float16 on older
        NVIDIA GPUs, float32 otherwise.

        Raises:
            ValueError: The device is not there, or a name is not known.
        """
        chosen = _device(device or os.environ.get(DEVICE_VARIABLE) or _best_device())
        wanted = dtype or os.environ.get(DTYPE_VARIABLE)
        forced = os.environ.get(COMPILE_VARIABLE, "")
        if forced not in ("", "0", "1"):
            raise ValueError(f"{COMPILE_VARIABLE} is {forced!r}; use 0 (never) or 1 (always), or leave it out")
        if chosen.type == "cpu":
            keep_freed_memory()
        return cls(
            device=chosen,
            dtype=_dtype(wanted) if wanted else _best_dtype(chosen),
            compile=forced == "1" or (forced == "" and _can_compile(chosen.type)),
            always_compile=forced == "1",
        )

    @property
    def needs_scaler(self) -> bool:
        """Whether small gradients would underflow: float16 has 5 bits of exponent where the other formats have 8."""
        return self.dtype == torch.float16

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context in which forward passes run."""
        if self.dtype == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

    def scaler(self) -> torch.amp.GradScaler:
        """Return the loss scaler of a run; it does nothing where none is needed."""
        return torch.amp.GradScaler(self.device.type, enabled=self.needs_scaler)

    def compilation_pays(self, model: nn.Module, tokens: int) -> bool:
        """Return whether a run of so many tokens is long enough to win back what compiling costs.

        Estimated from the run's size (six operations for each weight and token), so the answer is the same every time.
        """
        seconds = 6 * sum(p.numel() for p in model.parameters()) * tokens / EAGER_SPEED.get(self.device.type, math.inf)
        return self.compile and (self.always_compile or seconds > COMPILE_FROM_SECONDS[self.dtype])

    def __str__(self) -> str:
        return f"{self.device}, {str(self.dtype).removeprefix('torch.')}, compile {'on' if self.compile else 'off'}"


def multiplies_bfloat16() -> bool:
    """Return whether this CPU has instructions for bfloat16 matrix products; emulation is slower than float32."""
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(_asks(getattr(torch.cpu, probe, None)) for probe in probes)


def _asks(probe: Callable[[], bool] | None) -> bool:
    return probe is not None and probe()


def _best_device() -> str:
    if torch.cuda.is_available():
        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _device(name: str | torch.device) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"device is {name!r}; choose cpu, cuda, cuda:<number> or mps") from error
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device.type not in there:
        raise ValueError(f"device is {name!r}; choose cpu, cuda, cuda:<number> or mps")
    if not there[device.type]:
        raise ValueError(
            f"device is {name!r}, but this machine (or this build of PyTorch) has none; use {_best_device()}"
        )
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"device is {name!r}; this machine has {torch.cuda.device_count()} GPUs, counted from 0")
    return device


def _dtype(name: str | torch.dtype) -> torch.dtype:
    short = str(name).removeprefix("torch.")
    if short not in DTYPES:
        raise ValueError(f"dtype is {name!r}; choose one of {', '.join(DTYPES)}")
    return DTYPES[short]


def _best_dtype(device: torch.device) -> torch.dtype:
    if device.type == "cuda":
        # Asked by capability: older GPUs claim bfloat16 support but emulate it.
        return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16
    return torch.bfloat16 if device.type == "cpu" and multiplies_bfloat16() else torch.float32


@functools.cache
def _can_compile(device_type: str) -> bool:
    if device_type == "cpu":
        return sys.platform != "win32" and any(shutil.which(name) for name in ("g++", "clang++", "c++"))
    if device_type == "cuda":
        return sys.platform == "linux" and torch.cuda.get_device_capability() >= (7, 0)
    return False
