"""The value model: what reward is to be expected from here on, asked at every token."""

import torch
from torch import nn

from minillama.model import ModelArgs, Transformer


class ValueModel(Transformer):
    """A transformer whose output layer gives one number a token, without bias.

    It keeps Meta's parameter names; only ``output.weight`` has the shape (1, dim).
    """

    def __init__(self, args: ModelArgs) -> None:
        super().__init__(args)
        self.output = nn.Linear(args.dim, 1, bias=False)
        nn.init.zeros_(self.output.weight)

    @classmethod
    def from_model(cls, model: nn.Module) -> "ValueModel":
        """Copy the body of a policy or of a reward model; the head starts at zero.

        A reward model's body already knows what is rewarded, but its head gives raw scores, while values are sums of
        whitened rewards and penalties. From zero, the mean of whitened rewards, the head learns the scale by itself.

        Args:
            model: Anything with ``args`` and Meta's parameter names. It is not changed.

        Raises:
            ValueError: The model is not of that kind.
        """
        args = getattr(model, "args", None)
        if not isinstance(args, ModelArgs):
            raise ValueError(f"a {type(model).__name__} has no ModelArgs in 'args'; give a Transformer or RewardModel")
        with torch.random.fork_rng(devices=[]):  # its random weights are overwritten, so nobody should notice them
            value_model = cls(args)
        own, given = value_model.state_dict(), model.state_dict()
        missing = [name for name in own if name not in given and name != "output.weight"]
        if missing:
            raise ValueError(f"the {type(model).__name__} has no {missing[0]}; give a Transformer or RewardModel")
        body = {name: tensor for name, tensor in given.items() if name in own and name != "output.weight"}
        value_model.load_state_dict(own | body)
        return value_model.to(next(model.parameters()).device)
