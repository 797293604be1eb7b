from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minillama.data.collate import IGNORE, Batch, best_fit_decreasing, pack_dialogs, pad_dialogs


@dataclass(frozen=True)
class Example:
    tokens: tuple[int, ...]
    loss_mask: tuple[int, ...]


LONG = Example((1, 5, 6, 7, 2), (0, 0, 0, 1, 1))
SHORT = Example((1, 8, 2), (0, 1, 1))


def test_pad_dialogs_shifts_targets_and_fills_on_the_right():
    batch = pad_dialogs([LONG, SHORT])
    assert batch.tokens.tolist() == [[1, 5, 6, 7, 2], [1, 8, 2, 0, 0]]
    assert batch.targets.tolist() == [[IGNORE, IGNORE, 7, 2, IGNORE], [8, 2, IGNORE, IGNORE, IGNORE]]
    assert batch.positions is None
    assert batch.document_ids is None
    assert batch.n_targets == 4
    assert pad_dialogs([SHORT], seq_len=7).tokens.shape == (1, 7)


def test_pack_dialogs_puts_two_in_a_row_with_borders():
    batch = pack_dialogs([SHORT, LONG], seq_len=10)
    assert batch.tokens.tolist() == [[1, 5, 6, 7, 2, 1, 8, 2, 0, 0]]
    assert batch.targets.tolist() == [[IGNORE, IGNORE, 7, 2, IGNORE, 8, 2, IGNORE, IGNORE, IGNORE]]
    assert batch.positions.tolist() == [[0, 1, 2, 3, 4, 0, 1, 2, 0, 1]]
    assert batch.document_ids.tolist() == [[0, 0, 0, 0, 0, 1, 1, 1, 2, 2]]


def test_pack_and_pad_count_the_same_targets():
    examples = [LONG, SHORT, SHORT, LONG, LONG]
    assert pack_dialogs(examples, 8).n_targets == pad_dialogs(examples).n_targets == 10


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(1, 20), min_size=1, max_size=40))
def test_best_fit_decreasing_places_every_item_once_and_wastes_little(lengths):
    rows = best_fit_decreasing(lengths, 20)
    assert sorted(index for row in rows for index in row) == list(range(len(lengths)))
    loads = [sum(lengths[index] for index in row) for row in rows]
    assert max(loads) <= 20
    assert len(rows) <= 11 / 9 * -(-sum(lengths) // 20) + 1 + sum(length > 10 for length in lengths)
    assert sum(load <= 10 for load in loads) <= 1  # two half-empty rows would have been one


def test_faults_are_named():
    with pytest.raises(ValueError, match="no examples"):
        pad_dialogs([])
    with pytest.raises(ValueError, match=r"example 1 has 5 tokens, a row holds 1 to 4"):
        pack_dialogs([SHORT, LONG], 4)
    with pytest.raises(ValueError, match="example 0 has 2 tokens but a loss mask of 1"):
        pad_dialogs([Example((1, 2), (1,))])


def test_batch_moves_with_its_optional_parts():
    batch = pack_dialogs([SHORT], 4).to("meta")
    assert batch.tokens.is_meta
    assert batch.document_ids.is_meta
    plain = Batch(torch.zeros(1, 2, dtype=torch.long), torch.zeros(1, 2, dtype=torch.long)).to("cpu")
    assert plain.positions is None
