"""Make the C library keep the memory that training frees, because it asks for the same sizes again a moment later."""

import ctypes
import functools
import gc
import os
import platform
import sys

# Names and numbers of glibc's malloc.h.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
LARGEST_MMAP_THRESHOLD = 32 * 2**20  # glibc refuses more on 64-bit machines
KEEP_BYTES = 2**30
GROW_BYTES = 64 * 2**20
# How many shapes oneDNN and PyTorch's own layer above it keep kernels for; by default 1,024 each.
KERNEL_CACHE_VARIABLES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")
KEPT_KERNELS = 128  # training needs fewer: its rows have one shape


@functools.cache
def keep_freed_memory() -> bool:
    """Tell glibc to reuse freed memory instead of handing it back to the system; return whether it agreed.

    A training step on the CPU allocates activations of some megabytes and frees them in the backward pass. By default
    glibc maps blocks of that size straight from the system and unmaps them when freed, so that every step pays for
    thousands of page faults and for zeroing pages. Served from a heap that is not trimmed, the same blocks come back
    warm. The price is that the process keeps up to :data:`KEEP_BYTES` more than it needs.

    Acts once per process, on Linux with glibc; elsewhere it does nothing and returns False.
    """
    if not sys.platform.startswith("linux") or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    wanted = {M_MMAP_THRESHOLD: LARGEST_MMAP_THRESHOLD, M_TRIM_THRESHOLD: KEEP_BYTES, M_TOP_PAD: GROW_BYTES}
    return min(mallopt(option, value) for option, value in wanted.items()) == 1


def return_freed_memory() -> bool:
    """Hand what is free in the heap back to the system; return whether anything was.

    Stages that follow one another in one process allocate blocks of other sizes each, so what one kept is of little use
    to the next. Does nothing and returns False where there is no glibc.
    """
    if not sys.platform.startswith("linux") or platform.libc_ver()[0] != "glibc":
        return False
    gc.collect()
    return ctypes.CDLL(None).malloc_trim(0) == 1


def bound_kernel_caches() -> None:
    """Let PyTorch keep few kernels of matrix products on the CPU, unless the user has set how many.

    In bfloat16 it compiles one for every shape that it meets and keeps it: 0.8 MB each, seen with torch 2.13. Answers
    and dialogues have ever new lengths, so that a round of rejection sampling left 500 MB of kernels that were never
    used again, and a build of all stages grew by that much from stage to stage. Read once, at the first such product
    of a process; later calls change nothing.
    """
    for variable in KERNEL_CACHE_VARIABLES:
        os.environ.setdefault(variable, str(KEPT_KERNELS))
