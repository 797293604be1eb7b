"""Stopping on held-out prompts (section 3.2.3): the policy that is kept is the best one seen, not the last."""

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from minillama.alignment.ppo.settings import PPOSettings
from minillama.model import Transformer


class BestPolicy:
    """Asks the held-out evaluation now and then, remembers the best policy, and says when to stop."""

    def __init__(
        self, policy: Transformer, evaluate: Callable[[Transformer], float] | None, settings: PPOSettings
    ) -> None:
        self.policy, self.evaluate, self.settings = policy, evaluate, settings
        self.best_iteration, self.without_best = 0, 0
        self.before: float | None = None
        self.best: float | None = None
        self.weights: dict[str, Tensor] | None = None

    def begin(self) -> None:
        """Evaluate the policy as it comes. Raises ValueError where that gives NaN or infinity."""
        if self.evaluate is not None:
            self.before = self.best = self._ask()
            self.weights = copy.deepcopy(self.policy.state_dict())

    def numbers(self) -> dict[str, Any]:
        """All but the weights of the best policy, as JSON values."""
        return {
            "before": self.before,
            "best": self.best,
            "best_iteration": self.best_iteration,
            "without_best": self.without_best,
        }

    def put_back(self, numbers: Mapping[str, Any], weights: dict[str, Tensor] | None) -> None:
        """Go on from what :meth:`numbers` and ``weights`` were."""
        self.before, self.best = numbers["before"], numbers["best"]
        self.best_iteration, self.without_best = numbers["best_iteration"], numbers["without_best"]
        self.weights = weights

    @property
    def is_over(self) -> bool:
        """Whether too many evaluations in a row brought nothing better."""
        return self.settings.patience is not None and self.without_best >= self.settings.patience

    def after(self, iteration: int) -> float | None:
        """Evaluate if it is due, and at the end in any case.

        Raises:
            ValueError: The evaluation gave NaN or infinity.
        """
        due = iteration % self.settings.evaluate_every == 0 or iteration == self.settings.iterations
        if self.evaluate is None or not due:
            return None
        value = self._ask()
        if self.best is None or value > self.best:
            self.best, self.best_iteration, self.without_best = value, iteration, 0
            self.weights = copy.deepcopy(self.policy.state_dict())
        else:
            self.without_best += 1
        return value

    def restore(self, iterations: int) -> int:
        """Put back the best policy, if one was looked for, and return after which iteration it was."""
        if self.weights is None:
            return iterations
        self.policy.load_state_dict(self.weights)
        return self.best_iteration

    def _ask(self) -> float:
        assert self.evaluate is not None
        value = float(self.evaluate(self.policy))
        if not math.isfinite(value):
            raise ValueError(f"the evaluation on held-out prompts gave {value}; it has to give a number")
        return value
