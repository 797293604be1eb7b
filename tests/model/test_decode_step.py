import pytest
import torch

from minillama.model import ModelArgs, Transformer
from minillama.model.decode_step import DecodeStep, suits

ARGS = {"dim": 32, "n_layers": 2, "n_heads": 4, "vocab_size": 50, "multiple_of": 8, "max_seq_len": 40}


def build(n_kv_heads):
    torch.manual_seed(0)
    model = Transformer(ModelArgs(**ARGS, n_kv_heads=n_kv_heads)).requires_grad_(False)
    for parameter in model.parameters():
        parameter.mul_(2) if parameter.dim() == 2 else parameter.uniform_(0.5, 1.5)
    return model


@pytest.mark.parametrize("n_kv_heads", [1, 2, 4])
@pytest.mark.parametrize("padding", [None, [0, 2, 7]])
def test_it_computes_what_the_model_computes(n_kv_heads, padding):
    model = build(n_kv_heads)
    tokens = torch.randint(0, 50, (3, 25))
    pads = None if padding is None else torch.tensor(padding)
    expected = model(tokens, padding=pads)
    cache = model.new_cache(3, 25)
    model(tokens[:, :10], cache=cache, padding=pads)
    step = DecodeStep(model)
    for place in range(10, 25):
        assert torch.allclose(step(tokens[:, place], cache), expected[:, place], atol=2e-5)
    with pytest.raises(ValueError, match="25 slots"):
        step(tokens[:, 0], cache)


@pytest.mark.parametrize("rows", [[2, 1], [2], [0, 0, 2]])
def test_it_goes_on_with_selected_rows(rows):
    model = build(2)
    tokens, pads = torch.randint(0, 50, (3, 14)), torch.tensor([0, 2, 7])
    cache = model.new_cache(3, 30)
    model(tokens[:, :10], cache=cache, padding=pads)
    step = DecodeStep(model)
    step(tokens[:, 10], cache)
    chosen = cache.select(torch.tensor(rows))
    assert chosen.length == 11 - int(pads[rows].min())
    assert chosen.batch == len(rows)
    assert (chosen.padding is None) == (len(set(pads[rows].tolist())) == 1)
    expected = model(tokens, padding=pads)
    for place in range(11, 14):
        assert torch.allclose(step(tokens[rows, place], chosen), expected[rows, place], atol=2e-5)


def test_past_the_context_is_refused():
    model = build(2)
    cache = model.new_cache(1, 50)
    model(torch.zeros(1, 40, dtype=torch.long), cache=cache)
    with pytest.raises(ValueError, match="position 40 is past the model's context of 40"):
        DecodeStep(model)(torch.tensor([1]), cache)


def test_half_formats_and_large_models_take_the_ordinary_pass():
    assert suits(build(2))
    assert not suits(build(2).bfloat16())
    with torch.device("meta"):
        assert not suits(Transformer(ModelArgs.preset("llama2-7b")))
