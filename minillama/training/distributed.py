"""Several processes that train one model: each takes its part of the batch, and gradients are summed over all.

No wrapper around the model is needed. The loss is divided by the number of target tokens of the whole batch before the
backward pass, so a plain sum of gradients is already the gradient of the whole batch, whatever each process's share of
the targets was. (Averaging per-process means, as a data-parallel wrapper does, would weigh a process with few targets
like one with many.) Without a process group every function here is the identity.
"""

import contextlib
import gc
import os
from collections.abc import Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


def rank() -> int:
    """Return the number of this process, 0 when it is alone."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def world_size() -> int:
    """Return how many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


@contextlib.contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Join the processes that ``torchrun`` started, for the time of the block; do nothing in a process on its own."""
    if "RANK" not in os.environ:
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
        dist.barrier()  # nobody hangs up while another still sends
    finally:
        dist.destroy_process_group()
        # What still refers to the group goes now, not when Python shuts down: its threads would end with an abort.
        gc.collect()


def sum_over_ranks(value: Tensor) -> Tensor:
    """Return the sum of a tensor over all processes, in the shape it had."""
    if world_size() > 1:
        value = value.clone()
        dist.all_reduce(value)
    return value


@torch.no_grad()
def sum_gradients(model: nn.Module) -> None:
    """Replace every gradient by its sum over all processes, in one message."""
    if world_size() == 1:
        return
    # A parameter that this process's part did not touch still takes part, or the messages would not line up.
    for parameter in model.parameters():
        if parameter.requires_grad and parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    message = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(message)
    for gradient, total in zip(gradients, message.split([gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(total.view_as(gradient))


@torch.no_grad()
def copy_from_first_rank(model: nn.Module) -> None:
    """Give every process the weights and buffers of the first, so that all start from the same model."""
    if world_size() > 1:
        for tensor in (*model.parameters(), *model.buffers()):
            dist.broadcast(tensor, src=0)


def gather_objects(value: Any) -> list[Any]:
    """Return the values of all processes, in the order of their ranks, to each of them."""
    if world_size() == 1:
        return [value]
    values: list[Any] = [None] * world_size()
    dist.all_gather_object(values, value)
    return values


def object_from_first_rank(value: Any) -> Any:
    """Return the first process's value to all of them."""
    return gather_objects(value)[0]
