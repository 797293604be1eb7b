"""Weights between Meta's files, Hugging Face's files and this package (which uses Meta's names)."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import Tensor

from minillama.data.atomic import write_atomically
from minillama.hf_tokenizer import tokenizer_json
from minillama.model import ModelArgs, Transformer
from minillama.tokenizer import Tokenizer

State = dict[str, Tensor]

_NAMES = {
    "tok_embeddings.weight": "model.embed_tokens.weight",
    "norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_LAYER_NAMES = {
    "attention.wq.weight": "self_attn.q_proj.weight",
    "attention.wk.weight": "self_attn.k_proj.weight",
    "attention.wv.weight": "self_attn.v_proj.weight",
    "attention.wo.weight": "self_attn.o_proj.weight",
    "feed_forward.w1.weight": "mlp.gate_proj.weight",
    "feed_forward.w2.weight": "mlp.down_proj.weight",
    "feed_forward.w3.weight": "mlp.up_proj.weight",
    "attention_norm.weight": "input_layernorm.weight",
    "ffn_norm.weight": "post_attention_layernorm.weight",
}
# Meta splits large models over several files: these matrices by columns, norms not at all, the others by rows.
_SPLIT_BY_COLUMNS = ("tok_embeddings.weight", "attention.wo.weight", "feed_forward.w2.weight")


class Loaded(NamedTuple):
    """A model and its tokenizer, which is None where the folder has no `tokenizer.model`."""

    model: Transformer
    tokenizer: Tokenizer | None


def meta_to_hf(state: Mapping[str, Tensor], args: ModelArgs) -> State:
    """Weights under Hugging Face's names, with the rows of wq and wk in the order its rotation expects.

    Raises:
        ValueError: a weight is missing, unknown or of another shape than `args` says.
    """
    _check_state(state, args, _meta_shapes(args))
    return {
        hf: _interleaved_to_halves(state[meta], heads) if heads else state[meta]
        for meta, hf, heads in _correspondence(args)
    }


def hf_to_meta(state: Mapping[str, Tensor], args: ModelArgs) -> State:
    """The inverse of `meta_to_hf`; tied weights (no `lm_head`) become two copies, and stored frequencies are dropped.

    Raises:
        ValueError: a weight is missing, unknown or of another shape than `args` says.
    """
    state = {name: weight for name, weight in state.items() if not name.endswith("rotary_emb.inv_freq")}
    if "lm_head.weight" not in state and "model.embed_tokens.weight" in state:
        state["lm_head.weight"] = state["model.embed_tokens.weight"].clone()
    shapes = _meta_shapes(args)
    _check_state(state, args, {hf: shapes[meta] for meta, hf, _ in _correspondence(args)})
    return {
        meta: _halves_to_interleaved(state[hf], heads) if heads else state[hf]
        for meta, hf, heads in _correspondence(args)
    }


def load_meta(folder: str | Path) -> Loaded:
    """A model from Meta's release: `params.json`, `consolidated.*.pth` (one or several) and `tokenizer.model`.

    The weights keep the files' dtype.

    Raises:
        ValueError: a file is missing, or the files do not fit together.
    """
    folder = Path(folder)
    params = _read_json(folder / "params.json")
    paths = sorted(folder.glob("consolidated.*.pth"))
    if not paths:
        raise ValueError(f"{folder} has no consolidated.*.pth; give the folder of a Llama 2 download")
    shards = [torch.load(path, map_location="cpu", weights_only=True, mmap=True) for path in paths]
    state = _join_shards([{name: weight for name, weight in shard.items() if name != "rope.freqs"} for shard in shards])
    if params.get("vocab_size", -1) < 1:  # Meta's files say -1: take it from the tokenizer
        params["vocab_size"] = state["output.weight"].shape[0]
    args = ModelArgs.from_dict(params)
    _check_state(state, args, _meta_shapes(args))
    return Loaded(_build(args, state), _load_tokenizer(folder))


def load_hf(folder: str | Path) -> Loaded:
    """A Llama model in Hugging Face's format: `config.json`, safetensors (one or several) and `tokenizer.model`.

    The weights keep the files' dtype.

    Raises:
        ValueError: a file is missing, or the configuration says what Llama 2 is not (biases, scaled rotations, ...).
    """
    folder = Path(folder)
    args = _args_from_hf(_read_json(folder / "config.json"))
    index = folder / "model.safetensors.index.json"
    names = sorted(set(_read_json(index)["weight_map"].values())) if index.exists() else ["model.safetensors"]
    state: State = {}
    for name in names:
        if not (folder / name).exists():
            raise ValueError(f"{folder / name} is missing; save the model with safetensors (save_pretrained does)")
        state.update(load_file(folder / name))
    return Loaded(_build(args, hf_to_meta(state, args)), _load_tokenizer(folder))


def save_hf(model: Transformer, tokenizer: Tokenizer | None, folder: str | Path, card: str | None = None) -> None:
    """Write a folder that `transformers` opens with `AutoModelForCausalLM` and `AutoTokenizer`.

    Each file appears whole or not at all.

    Args:
        model: any Llama 2.
        tokenizer: its tokenizer, if it is to be written, too.
        folder: made where it is not there.
        card: model card in Markdown, written as `README.md`, which is where the Hub looks for it; see
            :func:`minillama.pipeline.model_card.model_card`.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    state = meta_to_hf({name: weight.detach().cpu() for name, weight in model.state_dict().items()}, model.args)
    contiguous = {name: weight.contiguous() for name, weight in state.items()}
    _save_safetensors(contiguous, folder / "model.safetensors")
    dtype = str(model.tok_embeddings.weight.dtype).removeprefix("torch.")
    _write_json(folder / "config.json", {**hf_config(model.args), "dtype": dtype})
    if tokenizer is not None:
        tokenizer.save(folder / "tokenizer.model")
        _write_json(folder / "tokenizer.json", tokenizer_json(tokenizer))
        _write_json(folder / "tokenizer_config.json", _tokenizer_config(model.args))
    if card is not None:
        write_atomically(folder / "README.md", card.encode())


def hf_config(args: ModelArgs) -> dict[str, Any]:
    """The contents of Hugging Face's `config.json` for a shape, also arguments of `transformers.LlamaConfig`."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": args.dim,
        "intermediate_size": args.ffn_hidden_dim,
        "num_hidden_layers": args.n_layers,
        "num_attention_heads": args.n_heads,
        "num_key_value_heads": args.kv_heads,
        "head_dim": args.head_dim,
        "vocab_size": args.vocab_size,
        "max_position_embeddings": args.max_seq_len,
        "rms_norm_eps": args.norm_eps,
        "rope_parameters": {"rope_type": "default", "rope_theta": args.rope_theta},
        "rope_theta": args.rope_theta,  # where versions before 5 look
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }


def _correspondence(args: ModelArgs) -> list[tuple[str, str, int]]:
    """(Meta's name, Hugging Face's name, heads to permute or 0) of every weight."""
    rows = [(meta, hf, 0) for meta, hf in _NAMES.items()]
    permuted = {"attention.wq.weight": args.n_heads, "attention.wk.weight": args.kv_heads}
    for layer in range(args.n_layers):
        for meta, hf in _LAYER_NAMES.items():
            rows.append((f"layers.{layer}.{meta}", f"model.layers.{layer}.{hf}", permuted.get(meta, 0)))
    return rows


def _interleaved_to_halves(weight: Float[Tensor, "rows dim"], heads: int) -> Float[Tensor, "rows dim"]:
    """Within each head, rows 0 2 4 ... first and rows 1 3 5 ... after them."""
    return weight.unflatten(0, (heads, -1, 2)).transpose(1, 2).flatten(0, 2)


def _halves_to_interleaved(weight: Float[Tensor, "rows dim"], heads: int) -> Float[Tensor, "rows dim"]:
    return weight.unflatten(0, (heads, 2, -1)).transpose(1, 2).flatten(0, 2)


def _meta_shapes(args: ModelArgs) -> dict[str, torch.Size]:
    with torch.device("meta"):
        return {name: weight.shape for name, weight in Transformer(args).state_dict().items()}


def _check_state(state: Mapping[str, Tensor], args: ModelArgs, shapes: Mapping[str, torch.Size]) -> None:
    if missing := sorted(set(shapes) - set(state)):
        raise ValueError(f"{len(missing)} weights are missing, the first is {missing[0]}; is it a model of {args}?")
    if unknown := sorted(set(state) - set(shapes)):
        raise ValueError(f"{len(unknown)} weights are not known to Llama 2, the first is {unknown[0]}")
    for name, shape in shapes.items():
        if state[name].shape != shape:
            raise ValueError(f"{name} has shape {tuple(state[name].shape)}; this model's is {tuple(shape)}")


def _join_shards(shards: list[State]) -> State:
    if len(shards) == 1:
        return shards[0]
    joined = {}
    for name, first in shards[0].items():
        if first.dim() == 1:
            joined[name] = first
        else:
            dim = 1 if name.endswith(_SPLIT_BY_COLUMNS) else 0
            joined[name] = torch.cat([shard[name] for shard in shards], dim=dim)
    return joined


def _build(args: ModelArgs, state: State) -> Transformer:
    """A model that takes the weights over instead of copying them, so that memory holds them once."""
    with torch.device("meta"):
        model = Transformer(args)
    model.load_state_dict(state, assign=True)
    model.rotary.to(model.device)
    return model


def _args_from_hf(config: Mapping[str, Any]) -> ModelArgs:
    rope = config.get("rope_parameters") or {"rope_theta": config.get("rope_theta", 10000.0)}
    scaling = config.get("rope_scaling") or rope
    wanted = {
        "model_type": (config.get("model_type"), "llama"),
        "hidden_act": (config.get("hidden_act", "silu"), "silu"),
        "attention_bias": (config.get("attention_bias", False), False),
        "mlp_bias": (config.get("mlp_bias", False), False),
        "rope_type": (scaling.get("rope_type", scaling.get("type", "default")), "default"),
        "head_dim": (
            config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"],
            config["hidden_size"] // config["num_attention_heads"],
        ),
    }
    for name, (value, right) in wanted.items():
        if value != right:
            raise ValueError(f"config.json has {name} {value!r}; a Llama 2 model has {right!r}")
    return ModelArgs(
        dim=config["hidden_size"],
        n_layers=config["num_hidden_layers"],
        n_heads=config["num_attention_heads"],
        n_kv_heads=config.get("num_key_value_heads"),
        vocab_size=config["vocab_size"],
        norm_eps=config.get("rms_norm_eps", 1e-6),
        max_seq_len=config.get("max_position_embeddings", 2048),
        rope_theta=rope.get("rope_theta", 10000.0),
        **_ffn_settings(config["hidden_size"], config["intermediate_size"]),
    )


def _ffn_settings(dim: int, width: int) -> dict[str, Any]:
    """Settings of Meta's rounding rule that give a feed-forward width; Hugging Face stores the width alone."""
    plain = int(2 * (4 * dim) / 3)
    for multiple_of in (256, 128, 64, 32, 16, 8, 4, 2, 1):
        if multiple_of * -(-plain // multiple_of) == width:
            return {"multiple_of": multiple_of}
    return {"multiple_of": 1, "ffn_dim_multiplier": (width + 0.5) / plain}  # half a unit, so that int() cuts to width


def _tokenizer_config(args: ModelArgs) -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",  # LlamaTokenizer would make its own of tokenizer.model
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "clean_up_tokenization_spaces": False,
        "model_max_length": args.max_seq_len,
    }


def _load_tokenizer(folder: Path) -> Tokenizer | None:
    path = folder / "tokenizer.model"
    return Tokenizer.load(path) if path.exists() else None


def _read_json(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise ValueError(f"{path} is missing")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    return values


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    write_atomically(path, (json.dumps(values, indent=2) + "\n").encode())


def _save_safetensors(state: State, path: Path) -> None:
    """Write straight to a file beside `path`, since a large model's bytes do not fit into memory twice."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file(state, part, metadata={"format": "pt"})
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
