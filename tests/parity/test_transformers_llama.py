"""Logits, gradients, files and tokenizer against transformers' own Llama."""

import json

import pytest
import torch

from minillama.convert import hf_config, hf_to_meta, load_hf, load_meta, meta_to_hf, save_hf
from minillama.model import ModelArgs, Transformer
from minillama.tokenizer import Tokenizer

transformers = pytest.importorskip("transformers")

HEADS = {"mha": 4, "gqa": 2, "mqa": 1}
SMALL = ModelArgs(dim=32, n_layers=2, n_heads=4, n_kv_heads=2, vocab_size=96, multiple_of=8, max_seq_len=64)


def small_args(n_kv_heads, **changes):
    values = {"dim": 64, "n_layers": 2, "n_heads": 4, "vocab_size": 96, "multiple_of": 8, "max_seq_len": 4096}
    return ModelArgs(**{**values, "n_kv_heads": n_kv_heads, **changes})


def random_model(args, seed=0):
    """A model whose norms and outputs are far from their initial values, so that no factor hides."""
    torch.manual_seed(seed)
    model = Transformer(args)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.uniform_(0.5, 1.5)
            else:
                parameter.mul_(1.5)
    return model


def hugging_face(model):
    config = transformers.LlamaConfig(**hf_config(model.args), attn_implementation="eager")
    theirs = transformers.LlamaForCausalLM(config)
    theirs.load_state_dict(meta_to_hf(model.state_dict(), model.args), strict=True)
    return theirs


@pytest.mark.parametrize("n_kv_heads", HEADS.values(), ids=HEADS)
def test_logits_agree_at_positions_up_to_4000(n_kv_heads):
    model = random_model(small_args(n_kv_heads))
    theirs = hugging_face(model)
    torch.manual_seed(1)
    tokens = torch.randint(0, 96, (2, 48))
    for start in (0, 1000, 3952):
        positions = torch.arange(start, start + 48)[None].expand(2, -1)
        with torch.no_grad():
            ours = model(tokens, positions=positions)
            expected = theirs(tokens, position_ids=positions).logits
        assert expected.std() > 0.3
        assert (ours - expected).abs().max() < 1e-4


def test_a_text_of_4000_tokens_agrees():
    model = random_model(small_args(2, n_layers=1, dim=32, n_heads=2))
    tokens = torch.randint(0, 96, (1, 4000), generator=torch.Generator().manual_seed(2))
    config = transformers.LlamaConfig(**hf_config(model.args), attn_implementation="sdpa")
    theirs = transformers.LlamaForCausalLM(config)
    theirs.load_state_dict(meta_to_hf(model.state_dict(), model.args))
    with torch.no_grad():
        assert (model(tokens) - theirs(tokens).logits).abs().max() < 1e-4


@pytest.mark.parametrize("n_kv_heads", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("start", [0, 3900])
def test_gradients_agree(n_kv_heads, start):
    model = random_model(small_args(n_kv_heads))
    theirs = hugging_face(model)
    torch.manual_seed(3)
    tokens, targets = torch.randint(0, 96, (2, 2, 40))
    positions = torch.arange(start, start + 40)[None].expand(2, -1)
    ours_loss = torch.nn.functional.cross_entropy(model(tokens, positions=positions).flatten(0, 1), targets.flatten())
    their_logits = theirs(tokens, position_ids=positions).logits
    torch.nn.functional.cross_entropy(their_logits.flatten(0, 1), targets.flatten()).backward()
    ours_loss.backward()
    ours = meta_to_hf({name: parameter.grad for name, parameter in model.named_parameters()}, model.args)
    for name, parameter in theirs.named_parameters():
        assert parameter.grad.abs().max() > 1e-4, name
        assert (ours[name] - parameter.grad).abs().max() < 1e-4, name


def test_left_padding_agrees_with_an_attention_mask():
    model = random_model(small_args(2))
    theirs = hugging_face(model)
    tokens = torch.randint(0, 96, (2, 20), generator=torch.Generator().manual_seed(4))
    padding = torch.tensor([0, 6])
    mask = (torch.arange(20) >= padding[:, None]).long()
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    with torch.no_grad():
        expected = theirs(tokens, attention_mask=mask, position_ids=positions).logits
        ours = model(tokens, padding=padding)
    assert (ours - expected)[mask.bool()].abs().max() < 1e-4


def test_there_and_back_gives_the_same_weights():
    model = random_model(small_args(2))
    back = hf_to_meta(meta_to_hf(model.state_dict(), model.args), model.args)
    assert set(back) == set(model.state_dict())
    assert all(torch.equal(back[name], weight) for name, weight in model.state_dict().items())


def test_only_query_and_key_rows_move():
    args = small_args(2)
    state = random_model(args).state_dict()
    theirs = meta_to_hf(state, args)
    assert torch.equal(theirs["model.layers.0.self_attn.v_proj.weight"], state["layers.0.attention.wv.weight"])
    wq = state["layers.0.attention.wq.weight"]
    head = theirs["model.layers.0.self_attn.q_proj.weight"][:16]
    assert torch.equal(head[0], wq[0])
    assert torch.equal(head[1], wq[2])
    assert torch.equal(head[8], wq[1])


@pytest.mark.parametrize("intermediate", [64, 88, 96, 50, 301])
def test_their_checkpoint_of_any_width_opens_here(tmp_path, intermediate):
    config = transformers.LlamaConfig(**{**hf_config(SMALL), "intermediate_size": intermediate})
    torch.manual_seed(0)
    theirs = transformers.LlamaForCausalLM(config).eval()
    theirs.save_pretrained(tmp_path)
    model, tokenizer = load_hf(tmp_path)
    tokens = torch.randint(0, 96, (1, 30))
    assert tokenizer is None
    assert model.args.ffn_hidden_dim == intermediate
    with torch.no_grad():
        assert (model(tokens) - theirs(tokens).logits).abs().max() < 1e-4


def test_tied_weights_and_other_settings_are_read(tmp_path):
    config = transformers.LlamaConfig(
        **{**hf_config(SMALL), "tie_word_embeddings": True, "rms_norm_eps": 1e-3},
    )
    config.rope_parameters = {"rope_type": "default", "rope_theta": 500.0}
    theirs = transformers.LlamaForCausalLM(config).eval()
    theirs.save_pretrained(tmp_path)
    model = load_hf(tmp_path).model
    assert (model.args.rope_theta, model.args.norm_eps) == (500.0, 1e-3)
    tokens = torch.randint(0, 96, (1, 30))
    with torch.no_grad():
        assert (model(tokens) - theirs(tokens).logits).abs().max() < 1e-4


def test_our_model_and_tokenizer_open_in_transformers(tmp_path):
    text = ["The baker of Millbrook sells 12 loaves a day.", "Anna keeps a grey cat, and the cat keeps Anna."] * 20
    tokenizer = Tokenizer.train(text, vocab_size=300)
    model = random_model(small_args(2, vocab_size=300, max_seq_len=64)).eval()
    save_hf(model, tokenizer, tmp_path)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    their_tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for sample in (text[0], "the  cat 2024\n\nüber 🙂", " a b", "", "  ", "[INST] a [/INST] <0x0A>"):
        ids = tokenizer.encode(sample, bos=True)
        assert their_tokenizer(sample)["input_ids"] == ids
        assert their_tokenizer.decode(ids, skip_special_tokens=True) == sample
    tokens = torch.tensor([tokenizer.encode(text[0], bos=True)])
    with torch.no_grad():
        assert (model(tokens) - theirs(tokens).logits).abs().max() < 1e-4
    again, their_pieces = load_hf(tmp_path)
    assert their_pieces == tokenizer
    assert all(torch.equal(weight, model.state_dict()[name]) for name, weight in again.state_dict().items())
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer.model",
        "tokenizer_config.json",
    ]


def write_meta(folder, model, shards):
    params = {name: value for name, value in model.args.to_dict().items() if name != "max_seq_len"}
    (folder / "params.json").write_text(json.dumps({**params, "vocab_size": -1}))
    for index in range(shards):
        part = {"rope.freqs": torch.ones(4)}
        for name, weight in model.state_dict().items():
            by_columns = name.startswith("tok_emb") or ".wo." in name or ".w2." in name
            part[name] = weight if weight.dim() == 1 else weight.chunk(shards, 1 if by_columns else 0)[index].clone()
        torch.save(part, folder / f"consolidated.{index:02d}.pth")


@pytest.mark.parametrize("shards", [1, 2])
def test_metas_files_load(tmp_path, shards):
    model = random_model(SMALL)
    write_meta(tmp_path, model, shards)
    loaded = load_meta(tmp_path)
    assert loaded.tokenizer is None
    assert loaded.model.args.vocab_size == 96
    tokens = torch.arange(20)[None]
    assert torch.equal(loaded.model(tokens), model(tokens))


def test_what_does_not_fit_is_named(tmp_path):
    state = random_model(SMALL).state_dict()
    with pytest.raises(ValueError, match=r"first is norm\.weight"):
        meta_to_hf({name: weight for name, weight in state.items() if name != "norm.weight"}, SMALL)
    with pytest.raises(ValueError, match="first is extra"):
        meta_to_hf({**state, "extra": torch.ones(1)}, SMALL)
    with pytest.raises(ValueError, match=r"norm\.weight has shape \(3,\)"):
        meta_to_hf({**state, "norm.weight": torch.ones(3)}, SMALL)
    with pytest.raises(ValueError, match=r"config\.json is missing"):
        load_hf(tmp_path)
    with pytest.raises(ValueError, match=r"params\.json is missing"):
        load_meta(tmp_path)
    (tmp_path / "params.json").write_text("{")
    with pytest.raises(ValueError, match="is not JSON"):
        load_meta(tmp_path)
    for name, value in (("attention_bias", True), ("hidden_act", "gelu"), ("head_dim", 16), ("model_type", "mistral")):
        (tmp_path / "config.json").write_text(json.dumps({**hf_config(SMALL), name: value}))
        with pytest.raises(ValueError, match=name):
            load_hf(tmp_path)
    scaled = {"rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0}
    (tmp_path / "config.json").write_text(json.dumps({**hf_config(SMALL), "rope_parameters": scaled}))
    with pytest.raises(ValueError, match="rope_type"):
        load_hf(tmp_path)
