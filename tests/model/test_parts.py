"""RMSNorm, rotation, attention and the feed-forward layer, each against its formula."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from minillama.model import ModelArgs
from minillama.model.attention import attend, attention_bias, prefers_matmul
from minillama.model.feed_forward import FeedForward
from minillama.model.rms_norm import RMSNorm
from minillama.model.rotary import RotaryTable, rotate


def test_rms_norm_by_hand():
    norm = RMSNorm(2, eps=0.5)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([1.0, 10.0]))
    out = norm(torch.tensor([[3.0, 4.0]]))
    assert torch.allclose(out, torch.tensor([[3 / math.sqrt(13), 40 / math.sqrt(13)]]))


def test_rms_norm_casts_before_the_weight():
    norm = RMSNorm(64).bfloat16()
    with torch.no_grad():
        norm.weight.uniform_(0.5, 1.5)
    x = torch.randn(100, 64).bfloat16()
    exact = x.float() * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + norm.eps)
    assert torch.equal(norm(x), exact.bfloat16() * norm.weight)
    assert not torch.equal(norm(x), (exact * norm.weight.float()).bfloat16())


def test_rotation_is_complex_multiplication_of_neighbours():
    table = RotaryTable(8, 50, 100.0)
    x = torch.randn(2, 5, 3, 8)
    positions = torch.tensor([[0, 1, 2, 3, 4], [40, 7, 7, 0, 49]])
    turned = rotate(x, table.at(positions))
    for row, column in ((0, 3), (1, 0), (1, 4)):
        angles = positions[row, column] * 100.0 ** (-torch.arange(0, 8, 2) / 8)
        pairs = torch.complex(x[row, column, :, ::2], x[row, column, :, 1::2]) * torch.exp(1j * angles)
        assert torch.allclose(turned[row, column, :, ::2], pairs.real, atol=1e-5)
        assert torch.allclose(turned[row, column, :, 1::2], pairs.imag, atol=1e-5)
    assert torch.equal(turned[0, 0], x[0, 0])


@given(st.integers(0, 3000), st.integers(0, 900), st.integers(0, 900))
@settings(max_examples=30, deadline=None)
def test_scores_depend_on_distance_alone(shift, first, second):
    q, k = torch.randn(2, 16, generator=torch.Generator().manual_seed(first))
    table = RotaryTable(16, 4000, 10000.0)

    def score(q_position, k_position):
        turned = [
            rotate(x.view(1, 1, 1, 16), table.at(torch.tensor([[at]]))) for x, at in ((q, q_position), (k, k_position))
        ]
        return float((turned[0] * turned[1]).sum())

    assert score(first, second) == pytest.approx(score(first + shift, second + shift), abs=1e-2)


def test_angles_stay_exact_when_the_model_is_in_bfloat16():
    table = RotaryTable(32, 4096, 10000.0)
    far = table.at(torch.tensor([[4000, 4001]]))
    assert far.dtype == torch.float32
    assert torch.allclose(
        far[0, 0, :, 0, 0], torch.tensor([4000.0, 4001.0], dtype=torch.float64).cos().float(), atol=1e-3
    )


def formula(q, k, v, visible):
    """Attention one query at a time, from the definition."""
    group = q.shape[1] // k.shape[1]
    out = torch.zeros_like(q)
    for b, h, i in torch.cartesian_prod(*(torch.arange(size) for size in q.shape[:3])).tolist():
        scores = (k[b, h // group] @ q[b, h, i]) / math.sqrt(q.shape[-1])
        weights = torch.softmax(scores.masked_fill(~visible[b, i], -math.inf), dim=0)
        out[b, h, i] = weights @ v[b, h // group]
    return out


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
@pytest.mark.parametrize("head_dim", [8, 128], ids=["matmul", "fused"])
def test_attention_is_its_formula_on_both_paths(kv_heads, head_dim):
    assert prefers_matmul(torch.device("cpu"), 8, 6)
    assert not prefers_matmul(torch.device("cpu"), 128, 6)
    q, k, v = (
        torch.randn(2, 4, 6, head_dim),
        torch.randn(2, kv_heads, 6, head_dim),
        torch.randn(2, kv_heads, 6, head_dim),
    )
    causal = torch.ones(6, 6).tril().bool().expand(2, 6, 6)
    expected = formula(q, k, v, causal)
    explicit = attention_bias(0, 6, q.device)
    assert torch.allclose(attend(q, k, v, explicit), expected, atol=1e-5)
    assert attention_bias(0, 6, q.device, explicit=False) is None
    assert torch.allclose(attend(q, k, v, None), expected, atol=1e-5)
    last = attend(q[:, :, -1:], k, v, attention_bias(5, 1, q.device))
    assert torch.allclose(last, expected[:, :, -1:], atol=1e-5)


def test_bias_by_hand():
    documents = attention_bias(0, 3, torch.device("cpu"), document_ids=torch.tensor([[7, 7, 4]]))
    inf = math.inf
    assert documents.tolist() == [[[[0, -inf, -inf], [0, 0, -inf], [-inf, -inf, 0]]]]
    padded = attention_bias(1, 2, torch.device("cpu"), padding=torch.tensor([0, 2]))
    assert padded.tolist() == [[[[0, 0, -inf], [0, 0, 0]]], [[[-inf, 0, -inf], [-inf, -inf, 0]]]]


def test_feed_forward_is_swiglu():
    layer = FeedForward(ModelArgs(dim=8, n_layers=1, n_heads=1, multiple_of=4))
    x = torch.randn(3, 8)
    w1, w2, w3 = layer.w1.weight, layer.w2.weight, layer.w3.weight
    gate = x @ w1.T
    assert torch.allclose(layer(x), (gate * torch.sigmoid(gate) * (x @ w3.T)) @ w2.T, atol=1e-6)
    assert torch.allclose(F.silu(gate), gate * torch.sigmoid(gate))
