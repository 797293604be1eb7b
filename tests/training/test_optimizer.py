import pytest
import torch
from tiny_run import TinyModel
from torch import nn

from minillama.training import TrainSettings, make_optimizer
from minillama.training.optimizer import (
    load_optimizer_tensors,
    optimizer_tensors,
    parameter_groups,
    set_learning_rate,
)

SETTINGS = TrainSettings(steps=10, peak_lr=0.1)


def test_only_matrices_are_decayed():
    model = TinyModel()
    decayed, plain = parameter_groups(model, 0.1)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert {names[id(p)] for p in decayed["params"]} == {"tok_embeddings.weight", "mix.weight", "output.weight"}
    assert {names[id(p)] for p in plain["params"]} == {"mix.bias", "gain"}
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.1, 0.0)


def test_frozen_parameters_are_left_out():
    model = TinyModel().requires_grad_(False)
    with pytest.raises(ValueError, match="no trainable parameter"):
        parameter_groups(model, 0.1)
    model.gain.requires_grad_(True)
    assert [len(group["params"]) for group in parameter_groups(model, 0.1)] == [1]


def test_two_updates_by_hand():
    """The formulas of Loshchilov and Hutter, with the decay outside the moments, on one matrix of one number."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 2.0)
    optimizer = make_optimizer(model, SETTINGS)
    weight, mean, square = 2.0, 0.0, 0.0
    for step, gradient in ((1, 0.5), (2, -1.5)):
        model.weight.grad = torch.tensor([[gradient]])
        optimizer.step()
        mean, square = 0.9 * mean + 0.1 * gradient, 0.95 * square + 0.05 * gradient**2
        moved = (mean / (1 - 0.9**step)) / ((square / (1 - 0.95**step)) ** 0.5 + 1e-5)
        weight = weight * (1 - 0.1 * 0.1) - 0.1 * moved
        assert model.weight.item() == pytest.approx(weight, rel=1e-6)


def one_step(model, optimizer):
    optimizer.zero_grad()
    model.output(model.hidden(torch.arange(8)[None])).square().sum().backward()
    optimizer.step()


def test_state_goes_back_under_the_parameters_names():
    model = TinyModel(dropout=0.0)
    optimizer = make_optimizer(model, SETTINGS)
    one_step(model, optimizer)
    saved = {name: tensor.clone() for name, tensor in optimizer_tensors(optimizer, model).items()}
    assert "mix.weight/exp_avg" in saved
    twin = TinyModel(dropout=0.0)
    twin.load_state_dict(model.state_dict())
    second = make_optimizer(twin, SETTINGS)
    load_optimizer_tensors(second, twin, saved)
    one_step(model, optimizer)
    one_step(twin, second)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), twin.parameters(), strict=True))


@pytest.mark.parametrize("name", ["absent.weight/exp_avg", "gain/exp_avg"])
def test_state_of_another_model_is_refused(name):
    model = TinyModel()
    with pytest.raises(ValueError, match=name):
        load_optimizer_tensors(make_optimizer(model, SETTINGS), model, {name: torch.zeros(3, 5)})


def test_the_learning_rate_reaches_every_group():
    optimizer = make_optimizer(TinyModel(), SETTINGS)
    set_learning_rate(optimizer, 0.25)
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]
