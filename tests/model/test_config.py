import dataclasses
import itertools
import json

import pytest
import torch

from minillama.model import PRESETS, ModelArgs, Transformer

GOOD = {"dim": 128, "n_layers": 4, "n_heads": 4, "n_kv_heads": 2, "vocab_size": 1024, "multiple_of": 32}


@pytest.mark.parametrize(
    ("name", "parameters", "width", "context"),
    [
        ("llama2-7b", 6_738_415_616, 11008, 4096),
        ("llama2-13b", 13_015_864_320, 13824, 4096),
        ("llama2-34b", 33_743_970_304, 22016, 4096),
        ("llama2-70b", 68_976_648_192, 28672, 4096),
    ],
)
def test_llama_presets_have_the_published_sizes_to_the_unit(name, parameters, width, context):
    args = ModelArgs.preset(name)
    with torch.device("meta"):
        model = Transformer(args)
    assert model.n_parameters == parameters
    assert args.n_parameters == parameters
    assert args.ffn_hidden_dim == width
    assert args.max_seq_len == context
    assert args.head_dim == 128


@pytest.mark.parametrize("name", PRESETS)
def test_the_count_by_formula_is_the_count_by_tensors(name):
    with torch.device("meta"):
        assert Transformer(ModelArgs.preset(name)).n_parameters == ModelArgs.preset(name).n_parameters


def test_own_sizes_grow_about_threefold():
    sizes = [ModelArgs.preset(f"valley-{size}").n_parameters for size in ("xs", "s", "m", "l")]
    assert all(2.4 < larger / smaller < 3.6 for smaller, larger in itertools.pairwise(sizes))
    assert ModelArgs.preset("valley-m") == ModelArgs(**{**GOOD, "vocab_size": 2048}, max_seq_len=1024, rope_theta=500.0)


def test_width_is_rounded_up_after_the_multiplier():
    assert ModelArgs(dim=5120, n_layers=1, n_heads=40).ffn_hidden_dim == 13824  # nearest would be 13568
    shape = {"dim": 100, "n_layers": 1, "n_heads": 1, "multiple_of": 100}
    assert ModelArgs(**shape).ffn_hidden_dim == 300  # 266 rounded up
    assert ModelArgs(**shape, ffn_dim_multiplier=1.3).ffn_hidden_dim == 400  # 345 rounded up, not 1.3 * 300


def test_kv_heads_default_to_all_heads():
    assert ModelArgs(dim=64, n_layers=1, n_heads=4).n_kv_heads == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dim": 0}, "dim is 0"),
        ({"n_layers": -1}, "n_layers is -1"),
        ({"n_heads": 0}, "n_heads is 0"),
        ({"n_heads": 3}, "n_heads has to divide dim"),
        ({"n_kv_heads": 3}, "n_kv_heads is 3 and n_heads 4"),
        ({"n_kv_heads": 8}, "n_kv_heads has to divide n_heads"),
        ({"dim": 20, "n_heads": 4}, "head_dim of 5"),
        ({"vocab_size": 0}, "vocab_size is 0"),
        ({"multiple_of": 0}, "multiple_of is 0"),
        ({"max_seq_len": 0}, "max_seq_len is 0"),
        ({"norm_eps": 0.0}, r"norm_eps is 0\.0"),
        ({"rope_theta": -1.0}, r"rope_theta is -1\.0"),
        ({"ffn_dim_multiplier": float("nan")}, "ffn_dim_multiplier is nan"),
    ],
)
def test_what_is_no_model_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        ModelArgs(**{**GOOD, **change})


def test_settings_go_through_json_and_stay_frozen():
    args = ModelArgs(**GOOD, ffn_dim_multiplier=1.5)
    assert ModelArgs.from_dict(json.loads(json.dumps(args.to_dict()))) == args
    with pytest.raises(dataclasses.FrozenInstanceError):
        args.dim = 64
    with pytest.raises(ValueError, match="no preset 'llama3'"):
        ModelArgs.preset("llama3")
    with pytest.raises(ValueError, match="unknown model settings \\['heads'\\]"):
        ModelArgs.from_dict({**GOOD, "heads": 4})
    with pytest.raises(ValueError, match="'n_layers'"):
        ModelArgs.from_dict({"dim": 8, "n_heads": 1})
    assert ModelArgs.preset("valley-m", n_kv_heads=1).n_kv_heads == 1
