"""A value model's body is the model's it was made from; its head is its own."""

import pytest
import torch
from torch import nn

from minillama.alignment.ppo import ValueModel
from minillama.alignment.reward_model import RewardModel


def test_it_keeps_the_body_and_starts_at_zero(make_model):
    model, tokens = make_model(), torch.tensor([[1, 4, 5]])
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = torch.get_rng_state()
    value_model = ValueModel.from_model(model)
    assert torch.equal(torch.get_rng_state(), state)
    torch.testing.assert_close(value_model.hidden(tokens), model.hidden(tokens))
    assert value_model(tokens).tolist() == [[[0.0], [0.0], [0.0]]]
    assert value_model.output.bias is None
    nn.init.ones_(value_model.norm.weight.data.mul_(3))
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])  # nothing is shared


def test_a_reward_model_gives_its_body_but_not_its_scale(make_model):
    reward_model, tokens = RewardModel.from_transformer(make_model()), torch.tensor([[1, 4, 5]])
    value_model = ValueModel.from_model(reward_model)
    torch.testing.assert_close(value_model.hidden(tokens), reward_model.hidden(tokens))
    assert value_model(tokens).count_nonzero() == 0


def test_what_has_no_body_is_refused(make_model):
    with pytest.raises(ValueError, match="Linear has no ModelArgs"):
        ValueModel.from_model(nn.Linear(2, 2))
    bare = nn.Module()
    bare.args = make_model().args
    with pytest.raises(ValueError, match="has no tok_embeddings"):
        ValueModel.from_model(bare)
