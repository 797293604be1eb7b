"""The paper's configuration, and refusals."""

import math

import pytest

from minillama.alignment.ppo import PPOSettings


@pytest.mark.parametrize(("size", "beta"), [("7b", 0.01), ("13b", 0.01), ("34b", 0.005), ("70b", 0.005)])
def test_the_papers_numbers(size, beta):
    """Section 3.2.3."""
    paper = PPOSettings.paper(size)
    assert paper.beta == beta
    assert (paper.batch_size, paper.minibatch_size, paper.epochs, paper.clip) == (512, 64, 1, 0.2)
    assert (paper.policy_lr, paper.betas, paper.eps, paper.weight_decay, paper.max_norm) == (
        1e-6,
        (0.9, 0.95),
        1e-5,
        0.1,
        1.0,
    )
    assert 200 <= paper.iterations <= 400


def test_another_size_is_refused():
    function = PPOSettings.paper.__func__
    while hasattr(function, "__wrapped__"):  # past the checks of types, which a reader's session does not have
        function = function.__wrapped__
    with pytest.raises(ValueError, match="65b"):
        function(PPOSettings, "65b")


@pytest.mark.parametrize(
    "wrong",
    [
        {"iterations": 0},
        {"epochs": 0},
        {"patience": 0},
        {"temperature": 0.0},
        {"reference_temperature": 0.0},
        {"clip": 0.0},
        {"policy_lr": math.nan},
        {"beta": -0.1},
        {"exact_kl": -0.1},
        {"unfinished_penalty": -1.0},
        {"gamma": 1.1},
        {"lam": -0.1},
        {"minibatch_size": 48},
    ],
)
def test_settings_name_what_is_wrong(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PPOSettings(**wrong)
