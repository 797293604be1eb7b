"""The small model with a choice of positions, and its two tasks."""

import math
from collections import Counter
from dataclasses import replace

import pytest
import torch

from minillama.experiments._position_schemes import (
    IGNORE,
    SCHEMES,
    PositionModel,
    Settings,
    answers,
    best_bet,
    draw_rows,
    share_right,
    sinusoidal_table,
    train_model,
)

SMALL = Settings(steps=2, length=8, longest=24, numbers=8, back=2, n_layers=1, dim=16, n_heads=2, batch=4)


def test_answers_by_hand():
    tokens = torch.tensor([[3, 1, 7, 5, 2]])
    assert answers(tokens, "back", SMALL).tolist() == [[IGNORE, IGNORE, 3, 1, 7]]
    assert answers(tokens, "largest", SMALL).tolist() == [[IGNORE, IGNORE, 7, 7, 7]]
    assert tokens.tolist() == [[3, 1, 7, 5, 2]]


def test_the_sinusoidal_table_is_the_formula():
    table = sinusoidal_table(5, 4)
    for m in range(5):
        want = torch.tensor([m, m, m / 100, m / 100], dtype=torch.float32)
        assert torch.allclose(table[m, 0::2], want[0::2].sin())
        assert torch.allclose(table[m, 1::2], want[1::2].cos())


def test_all_schemes_start_from_the_same_weights_and_train_only_what_they_should():
    models = {}
    for scheme in SCHEMES:
        torch.manual_seed(0)
        models[scheme] = PositionModel(scheme, SMALL)
    for name, weight in models["none"].named_parameters():
        for model in models.values():
            if name != "positions":
                assert torch.equal(weight, model.get_parameter(name))
    assert [scheme for scheme in SCHEMES if models[scheme].positions.requires_grad] == ["learned"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_only_a_model_without_positions_is_blind_to_the_order_of_what_came_before(scheme):
    torch.manual_seed(0)
    model = PositionModel(scheme, SMALL)
    tokens = torch.tensor([[1, 2, 3, 4, 5, 6]])
    other = torch.tensor([[4, 2, 5, 3, 1, 6]])
    with torch.no_grad():
        same = torch.allclose(model(tokens)[:, -1], model(other)[:, -1], atol=1e-5)
    assert same == (scheme == "none")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_scheme_sees_what_comes_later(scheme):
    torch.manual_seed(0)
    model = PositionModel(scheme, SMALL)
    with torch.no_grad():
        one, other = model(torch.tensor([[1, 2, 3, 4]])), model(torch.tensor([[1, 2, 3, 7]]))
    assert torch.allclose(one[:, :3], other[:, :3], atol=1e-6)
    assert not torch.allclose(one[:, 3], other[:, 3], atol=1e-3)


def test_training_repeats_and_rows_do_not_hang_on_the_scheme():
    assert train_model("rotary", "back", 0, SMALL)[1] == train_model("rotary", "back", 0, SMALL)[1]
    assert train_model("rotary", "back", 0, SMALL)[1] != train_model("rotary", "back", 1, SMALL)[1]
    torch.manual_seed(3)
    assert draw_rows(200, 8, SMALL).unique().tolist() == list(range(8))


def test_training_leaves_the_rows_of_the_learned_table_past_its_length_alone():
    torch.manual_seed(0)
    start = PositionModel("learned", SMALL).positions.detach().clone()
    model, _ = train_model("learned", "back", 0, SMALL)
    assert torch.equal(model.positions[SMALL.length :], start[SMALL.length :])
    assert not torch.equal(model.positions[: SMALL.length], start[: SMALL.length])


def test_share_right_has_one_entry_per_place_with_an_answer():
    class Oracle(torch.nn.Module):
        def forward(self, tokens):
            wanted = answers(tokens, "back", SMALL).clamp(min=0)
            wanted[:, 5] = (wanted[:, 5] + 1) % SMALL.numbers
            return torch.nn.functional.one_hot(wanted, SMALL.numbers).float()

    assert share_right(Oracle(), "back", 8, SMALL) == [1, 1, 1, 0, 1, 1]


def test_the_best_bet_names_the_most_frequent_number_before_a_place():
    torch.manual_seed(7)
    rows = draw_rows(64, 6, SMALL).tolist()
    for place, share in zip((2, 3, 4, 5), best_bet(6, SMALL), strict=True):
        want = sum(max(Counter(row[:place]).values()) for row in rows) / len(rows) / place
        assert math.isclose(share, want, rel_tol=1e-5)
    assert best_bet(6, replace(SMALL, numbers=1)) == [1, 1, 1, 1]  # one number only: nothing to choose


def test_back_must_leave_places_with_answers():
    with pytest.raises(ValueError, match="back is 8"):
        Settings(length=8, back=8)
