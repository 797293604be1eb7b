"""The same text gives the same logits, however it is cut, padded, packed or batched."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minillama.model import ModelArgs, Transformer

EXACT = {"atol": 2e-5, "rtol": 1e-4}
VOCAB = 50


def build(n_kv_heads=2, **changes):
    torch.manual_seed(0)
    shape = {"dim": 32, "n_layers": 2, "n_heads": 4, "vocab_size": VOCAB, "multiple_of": 8, "max_seq_len": 64}
    model = Transformer(ModelArgs(**{**shape, "n_kv_heads": n_kv_heads, **changes}))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.mul_(2)
    return model.eval().requires_grad_(False)


MODELS = {n_kv_heads: build(n_kv_heads) for n_kv_heads in (1, 2, 4)}
WIDE = build(dim=136, n_heads=1, n_kv_heads=1)  # too wide for the matmul path, so the fused kernel runs


def text(*shape, seed=0):
    return torch.randint(0, VOCAB, shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("model", [*MODELS.values(), WIDE], ids=["mqa", "gqa", "mha", "fused"])
@given(cuts=st.lists(st.integers(1, 20), min_size=1, max_size=6), seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_a_prompt_in_chunks_equals_in_one_go(model, cuts, seed):
    seq = min(sum(cuts), 60)
    tokens = text(2, seq, seed=seed)
    cache = model.new_cache(2, 64)
    pieces = [model(piece, cache=cache) for piece in tokens.split(cuts if sum(cuts) <= 60 else 7, dim=1)]
    assert torch.allclose(torch.cat(pieces, dim=1), model(tokens), **EXACT)
    assert cache.length == seq


@pytest.mark.parametrize("model", [*MODELS.values(), WIDE], ids=["mqa", "gqa", "mha", "fused"])
@given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=4), extra=st.integers(0, 9), seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_padding_and_batching_change_nothing(model, lengths, extra, seed):
    longest = max(lengths) + extra
    padding = torch.tensor([longest - length for length in lengths])
    tokens = text(len(lengths), longest, seed=seed)
    batched = model(tokens, padding=padding)
    cache = model.new_cache(len(lengths), longest)
    chunked = torch.cat(
        [
            model(piece, cache=cache, padding=padding if index == 0 else None)
            for index, piece in enumerate(tokens.split(5, dim=1))
        ],
        dim=1,
    )
    for row, empty in enumerate(padding.tolist()):
        alone = model(tokens[row : row + 1, empty:])[0]
        assert torch.allclose(batched[row, empty:], alone, **EXACT)
        assert torch.allclose(chunked[row, empty:], alone, **EXACT)
    assert batched.isfinite().all()


@pytest.mark.parametrize("model", [MODELS[2], WIDE], ids=["matmul", "fused"])
@given(lengths=st.lists(st.integers(1, 15), min_size=1, max_size=4), seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_packed_documents_equal_documents_alone(model, lengths, seed):
    documents = [text(length, seed=seed + index) for index, length in enumerate(lengths)]
    ids = torch.cat([torch.full((length,), index) for index, length in enumerate(lengths)])[None]
    positions = torch.cat([torch.arange(length) for length in lengths])[None]
    packed = model(torch.cat(documents)[None], document_ids=ids, positions=positions)[0]
    alone = torch.cat([model(document[None])[0] for document in documents])
    assert torch.allclose(packed, alone, **EXACT)


def test_without_document_ids_documents_do_see_each_other():
    model, tokens = MODELS[2], text(1, 12)
    ids = torch.tensor([[0] * 6 + [1] * 6])
    assert not torch.allclose(model(tokens, document_ids=ids)[0, 6:], model(tokens)[0, 6:], atol=1e-2)


def test_the_future_is_not_seen():
    model, tokens = MODELS[2], text(1, 20)
    changed = tokens.clone()
    changed[0, 10:] = (changed[0, 10:] + 1) % VOCAB
    before, after = model(tokens)[0], model(changed)[0]
    assert torch.equal(before[:10], after[:10])
    assert not torch.allclose(before[10:], after[10:], atol=1e-2)


def test_hidden_then_output_is_the_forward_pass():
    model, tokens = MODELS[2], text(2, 9)
    assert torch.equal(model.output(model.hidden(tokens)), model(tokens))


def test_explicit_positions_are_the_default_ones():
    model, tokens = MODELS[2], text(2, 9)
    assert torch.equal(model(tokens, positions=torch.arange(9)[None].expand(2, -1)), model(tokens))
    assert torch.allclose(model(tokens, positions=torch.arange(50, 59)[None]), model(tokens), atol=1e-4)


def test_what_cannot_be_is_refused():
    model = MODELS[2]
    with pytest.raises(ValueError, match="65 tokens are more than the model's context of 64"):
        model(text(1, 65))
    with pytest.raises(ValueError, match="positions run from 60 to 69"):
        model(text(1, 10), positions=torch.arange(60, 70)[None])
    with pytest.raises(ValueError, match="positions run from -1"):
        model(text(1, 2), positions=torch.tensor([[-1, 0]]))
    with pytest.raises(ValueError, match="no tokens"):
        model(text(1, 0))
    cache = model.new_cache(1, 100)
    model(text(1, 60), cache=cache)
    with pytest.raises(ValueError, match="65 tokens are more"):
        model(text(1, 5), cache=cache)
    with pytest.raises(ValueError, match="padding comes with the first tokens"):
        model(text(1, 1), cache=cache, padding=torch.tensor([1]))
    with pytest.raises(ValueError, match="exclude each other"):
        model(text(1, 1), cache=cache, document_ids=torch.zeros(1, 1, dtype=torch.long))
    with pytest.raises(ValueError, match="the cache has 3 slots and holds 0; 4 more"):
        model(text(1, 4), cache=model.new_cache(1, 3))


def test_padding_does_not_use_up_the_context():
    model = MODELS[2]
    tokens = text(1, 70)
    padded = model(tokens, padding=torch.tensor([10]))[:, 10:]
    assert torch.allclose(padded, model(tokens[:, 10:]), **EXACT)


def test_initialisation_is_as_stated_and_repeats():
    args = ModelArgs.preset("valley-m")
    torch.manual_seed(3)
    model = Transformer(args)
    torch.manual_seed(3)
    again = Transformer(args)
    stds = {name: float(weight.detach().std()) for name, weight in model.named_parameters() if weight.dim() == 2}
    for name, std in stds.items():
        inputs = args.ffn_hidden_dim if "w2" in name else args.dim
        matrix = (3 * inputs) ** -0.5
        expected = 1.0 if "emb" in name else matrix / 8**0.5 if name.endswith(("wo.weight", "w2.weight")) else matrix
        assert std == pytest.approx(expected, rel=0.05), name
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters()))
    assert all((weight == 1).all() for weight in model.parameters() if weight.dim() == 1)


def test_names_are_metas():
    names = set(MODELS[2].state_dict())
    block = ["attention.wq", "attention.wk", "attention.wv", "attention.wo", "attention_norm", "ffn_norm"]
    block += ["feed_forward.w1", "feed_forward.w2", "feed_forward.w3"]
    expected = {f"layers.{layer}.{name}.weight" for layer in (0, 1) for name in block}
    assert names == expected | {"tok_embeddings.weight", "norm.weight", "output.weight"}


def test_bfloat16_model_keeps_float32_angles_and_logits():
    model = copy.deepcopy(MODELS[2])
    tokens = text(2, 30)
    exact = model(tokens)
    rounded = model.bfloat16()(tokens)
    assert rounded.dtype == torch.float32
    assert (rounded - exact).abs().mean() < 0.1 * exact.std()


def test_autocast_is_close_to_float32():
    model, tokens = MODELS[2], text(2, 30)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = model(tokens)
    exact = model(tokens)
    assert rounded.dtype == torch.float32
    assert (rounded - exact).abs().mean() < 0.1 * exact.std()


def test_weights_on_meta_can_be_assigned():
    with torch.device("meta"):
        empty = Transformer(MODELS[2].args)
    empty.load_state_dict(MODELS[2].state_dict(), assign=True)
    assert torch.equal(empty(text(1, 5)), MODELS[2](text(1, 5)))


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_cuda_gives_the_cpu_logits():
    tokens = text(3, 40)
    padding = torch.tensor([0, 3, 9])
    for model in (MODELS[2], WIDE):
        expected = model(tokens, padding=padding)
        there = copy.deepcopy(model).to("cuda")
        ours = there(tokens.cuda(), padding=padding.cuda()).cpu()
        assert all(torch.allclose(ours[row, p:], expected[row, p:], atol=1e-3) for row, p in enumerate(padding))
        assert torch.allclose(there(tokens.cuda()).cpu(), model(tokens), atol=1e-3)
