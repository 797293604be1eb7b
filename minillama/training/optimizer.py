"""AdamW as Llama 2 uses it (section 2.2), with its state saved and restored under the parameters' names."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from minillama.training.settings import TrainSettings

FUSED_DEVICES = ("cpu", "cuda")


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Split the trainable parameters into matrices, which are decayed, and vectors, which are not.

    The paper gives the decay (0.1) but not to what it applies; matrices only is the convention. The gains of RMSNorm
    stand near one by design, and pulling them to zero would fight the layer that needs them.

    Raises:
        ValueError: No parameter of the model is trainable.
    """
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not trainable:
        raise ValueError("the model has no trainable parameter; set requires_grad on what is to be trained")
    groups = [
        {"params": [p for p in trainable if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trainable if p.ndim < 2], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def make_optimizer(model: nn.Module, settings: TrainSettings) -> torch.optim.AdamW:
    """Build AdamW for the model where its parameters lie, in the fused form where there is one.

    The fused form updates all parameters in one kernel instead of a dozen small operations for each.
    """
    device = next(model.parameters()).device
    return torch.optim.AdamW(
        parameter_groups(model, settings.weight_decay),
        lr=settings.peak_lr,
        betas=settings.betas,
        eps=settings.eps,
        fused=device.type in FUSED_DEVICES,
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Use ``rate`` in every group from the next update on."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def optimizer_tensors(optimizer: torch.optim.Optimizer, model: nn.Module) -> dict[str, Tensor]:
    """Return the optimiser's state as tensors named ``<parameter>/<key>``, for example ``norm.weight/exp_avg``."""
    return {
        f"{name}/{key}": value
        for name, parameter in model.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def load_optimizer_tensors(optimizer: torch.optim.Optimizer, model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put back what :func:`optimizer_tensors` returned.

    Raises:
        ValueError: The state belongs to parameters that this model does not have, or in another shape.
    """
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    order = [names[id(parameter)] for group in optimizer.param_groups for parameter in group["params"]]
    shapes = {name: parameter.shape for name, parameter in model.named_parameters()}
    state: dict[int, dict[str, Tensor]] = {}
    for full_name, tensor in tensors.items():
        name, _, key = full_name.rpartition("/")
        if name not in order or (tensor.ndim and tensor.shape != shapes[name]):
            raise ValueError(f"the optimiser state {full_name} {tuple(tensor.shape)} fits no parameter of this model")
        state.setdefault(order.index(name), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
