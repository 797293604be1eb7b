"""Figure 6: a model's lower layers, pairs decided by a coin, and what the verdict asks of data and size."""

import numpy as np
import pytest
import torch

from minillama.alignment.preferences import PreferencePair
from minillama.experiments import Row
from minillama.experiments._reward_pairs import error_of
from minillama.experiments.reward_data_and_size import (
    ACCURACY,
    CLAIM,
    COIN,
    FROM_LEAST,
    FROM_MIDDLE,
    FROM_SMALLER,
    LOWER,
    WHOLE,
    coin_decided,
    gains,
    judge,
    lower_layers,
)
from minillama.model import ModelArgs, Transformer


def test_lower_layers_are_the_models_own():
    torch.manual_seed(0)
    model = Transformer(ModelArgs(dim=16, n_layers=3, n_heads=2, vocab_size=24, multiple_of=8, max_seq_len=16)).eval()
    part = lower_layers(model, 2)
    tokens = torch.tensor([[1, 5, 6, 7]])
    assert part.args.n_layers == len(part.layers) == 2
    with torch.no_grad():
        del model.layers[2]
        assert torch.allclose(part(tokens), model(tokens), atol=1e-6)
        part.layers[0].attention.wq.weight.zero_()
    assert model.layers[0].attention.wq.weight.abs().sum() > 0  # a copy


@pytest.mark.parametrize("layers", [0, 2, 5])
def test_a_part_has_fewer_layers_than_the_whole(layers):
    model = Transformer(ModelArgs(dim=16, n_layers=2, n_heads=2, vocab_size=24, multiple_of=8, max_seq_len=16))
    with pytest.raises(ValueError, match=f"layers is {layers}"):
        lower_layers(model, layers)


def test_a_coin_turns_about_half_of_the_pairs_round():
    pairs = [
        PreferencePair(prompt={"text": "Who?"}, chosen="Yes.", rejected="No.", rating="better", aspect="helpfulness")
        for _ in range(400)
    ]
    turned = coin_decided(pairs, 0)
    assert 150 < sum(pair.chosen == "No." for pair in turned) < 250
    assert all({pair.chosen, pair.rejected} == {"Yes.", "No."} for pair in turned)


def test_gains_are_those_of_the_most_data_on_the_same_pairs():
    least, middle, most = np.array([1, 0, 0, 0.0]), np.array([1, 1, 0, 0.0]), np.array([1, 1, 1, 0.0])
    numbers = gains([least, middle, most], middle)
    assert [numbers[f"{ACCURACY}, amount {place}"] for place in (1, 2, 3)] == [0.25, 0.5, 0.75]
    assert (numbers[FROM_LEAST], numbers[FROM_MIDDLE], numbers[FROM_SMALLER]) == (0.5, 0.25, 0.25)


def rows(data=0.1, last=0.03, size=0.05, coin=0.5, seed=0, error=0.01):
    numbers = {FROM_LEAST: data, FROM_MIDDLE: last, FROM_SMALLER: size}
    accuracies = {f"{ACCURACY}, amount {place}": 0.6 for place in (1, 2, 3)}
    numbers |= {error_of(name): error for name in numbers} | accuracies
    return [
        Row(arm=WHOLE, seed=seed, numbers=numbers),
        Row(arm=LOWER, seed=seed, numbers=accuracies),
        Row(arm=COIN, seed=seed, numbers={ACCURACY: coin}, control=True),
    ]


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (rows() + rows(seed=1), "reproduced"),
        (rows(data=0.01), "not reproduced"),
        (rows() + rows(data=-0.01, seed=1), "not reproduced"),
        (rows(error=0.1), "not reproduced"),
        (rows(size=0.0), "not reproduced"),
        (rows(last=-0.01), "not reproduced"),  # flattened
        (rows(coin=0.65), "cannot be seen at this scale"),
    ],
)
def test_the_verdict_needs_data_size_and_no_plateau(found, outcome):
    assert judge(found).outcome == outcome


def test_the_claim_names_its_figure():
    assert (CLAIM.name, CLAIM.paper, CLAIM.chapter, CLAIM.seeds) == ("figure-6", "Figure 6", 14, 3)
