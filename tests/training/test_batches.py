import pytest
import torch
from tiny_run import TinyLoader

from minillama.data.collate import Batch
from minillama.training.batches import BatchStream


def numbered(count):
    return [Batch(torch.full((1, 2), n), torch.zeros(1, 2, dtype=torch.long)) for n in range(count)]


def numbers(stream, count):
    return [int(stream.draw().tokens[0, 0]) for _ in range(count)]


def test_a_list_is_gone_through_again_and_again():
    assert numbers(BatchStream(numbered(3)), 7) == [0, 1, 2, 0, 1, 2, 0]


def test_a_list_resumes_where_it_stood():
    first = BatchStream(numbered(3))
    numbers(first, 5)
    second = BatchStream(numbered(3))
    second.load_state_dict(first.state_dict())
    assert numbers(second, 3) == numbers(first, 3) == [2, 0, 1]
    assert second.drawn == 8


def test_a_loader_with_a_state_resumes_without_drawing():
    first, loader = BatchStream(TinyLoader()), TinyLoader()
    for _ in range(4):
        first.draw()
    second = BatchStream(loader)
    second.load_state_dict(first.state_dict())
    assert loader.drawn == second.drawn == 4
    assert torch.equal(first.draw().targets, second.draw().targets)


def test_an_ended_or_empty_loader_is_named():
    with pytest.raises(ValueError, match="gave 0 batches"):
        BatchStream([]).draw()
    stream = BatchStream(batch for batch in numbered(2))
    numbers(stream, 2)
    with pytest.raises(ValueError, match="gave 2 batches"):
        stream.draw()
