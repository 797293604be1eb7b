"""The choices of a PPO run: the paper's as one named configuration, ours for a million parameters beside it."""

import math
from dataclasses import dataclass
from typing import Literal

Whitening = Literal["batch", "first", "none"]

PAPER_BETA = {"7b": 0.01, "13b": 0.01, "34b": 0.005, "70b": 0.005}


@dataclass(frozen=True, kw_only=True)
class PPOSettings:
    """How to optimise a policy against a reward model. ``PPOSettings.paper()`` is section 3.2.3; these differ from it:

    - ``policy_lr`` 1e-4, not 1e-6: as in fine-tuning, a small model that was trained for minutes bears steps a hundred
      times larger, and has some hundred steps in which to move and not thousands.
    - ``value_lr`` 3e-4 (unstated in the paper): the value head begins at zero and has to catch up with the rewards.
    - ``beta`` 0.1, not 0.01 or 0.005: a reward model of a million parameters, trained on thousands of comparisons and
      not millions, is easily pleased. The weaker the judge, the closer one stays to what it was trained to judge.
    - ``batch_size`` 128 in mini-batches of 32, not 512 in 64: for the same number of answers, and so for the same time,
      there are four times as many batches, each from a fresher policy. Four updates a batch instead of eight.
    - ``iterations`` 40, not 200 to 400: with the larger steps the reward levels off within these; after that the
      policy finds the reward model's mistakes.
    - ``max_new_tokens`` 64: the Valley's answers have some thirty.

    Everything else is the paper's: AdamW (0.9, 0.95), eps 1e-5, weight decay 0.1, gradient norm 1.0, a constant
    learning rate, one gradient step for each mini-batch, ratio clip 0.2.

    Attributes:
        iterations: Rounds of sampling and learning.
        batch_size: Prompts, with one answer each, in a round.
        minibatch_size: Answers in a gradient step.
        epochs: Gradient steps that each mini-batch is used for.
        max_new_tokens: Longest answer.
        temperature: At which answers are sampled; all log-probabilities are those of this distribution.
        reference_temperature: Divides the reference's logits once more before the penalty is taken. The paper has none,
            which is 1. Below 1 the penalty holds the policy to what the reference is surest of: a model of this size
            knows better what is true than its reward model does, and less well how to say only that. The KL reported
            is the one from this sharper reference.
        beta: Weight of the penalty on KL(policy || reference), a nat against a unit of reward.
        exact_kl: Weight of the same KL as a part of the policy's loss (the paper has none, which is 0), in nats a
            token, worked out over the whole vocabulary at every place of the answers. The penalty in the reward knows
            of each place only the token that was sampled; a few thousand answers hold too few of a small model's rare
            slips for it to find them.
        whitening: "batch" gives every batch's scores mean 0 and deviation 1, as the paper is most easily read (it does
            not state over what it whitens); "first" keeps the mean and deviation of the first batch, so that a unit of
            reward means the same all through the run; "none" takes scores as they are.
        unfinished_penalty: Taken off the (whitened) score of an answer that did not end with EOS.
        gamma: Discount of later rewards (unstated in the paper); 1 since an answer is scored as a whole.
        lam: GAE's lambda (unstated).
        clip: How far the ratio of new to old probability may move an answer's token.
        value_clip: The same for values, in units of reward (the paper does not state its value loss).
        whiten_advantages: Whether advantages of a batch get mean 0 and deviation 1.
        policy_lr, value_lr: Constant learning rates.
        weight_decay, betas, eps, max_norm: Of AdamW, and the largest norm of a gradient.
        eos_id: The token that ends an answer.
        micro_batch_tokens: Most token places, filling included, in one forward pass; bounds the memory only.
        evaluate_every: Iterations between evaluations on held-out prompts, where an evaluation is given.
        patience: Evaluations in a row without a new best after which the run stops; None never stops, but still
            returns to the best policy.
        seed: Of the order of prompts, the samples and the mini-batches.

    Raises:
        ValueError: A value is out of range.
    """

    iterations: int = 40
    batch_size: int = 128
    minibatch_size: int = 32
    epochs: int = 1
    max_new_tokens: int = 64
    temperature: float = 1.0
    reference_temperature: float = 1.0
    beta: float = 0.1
    exact_kl: float = 0.0
    whitening: Whitening = "batch"
    unfinished_penalty: float = 2.0
    gamma: float = 1.0
    lam: float = 0.95
    clip: float = 0.2
    value_clip: float = 0.2
    whiten_advantages: bool = True
    policy_lr: float = 1e-4
    value_lr: float = 3e-4
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = 1e-5
    max_norm: float = 1.0
    eos_id: int = 2
    micro_batch_tokens: int = 4096
    evaluate_every: int = 5
    patience: int | None = 3
    seed: int = 0

    def __post_init__(self) -> None:
        counts = ("iterations", "batch_size", "minibatch_size", "epochs", "max_new_tokens", "micro_batch_tokens")
        for name in (*counts, "evaluate_every", *(() if self.patience is None else ("patience",))):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        for name in (
            "temperature",
            "reference_temperature",
            "clip",
            "value_clip",
            "policy_lr",
            "value_lr",
            "eps",
            "max_norm",
        ):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0")
        for name in ("beta", "exact_kl", "unfinished_penalty", "weight_decay"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more")
        for name in ("gamma", "lam"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must lie from 0 to 1")
        if self.batch_size % self.minibatch_size:
            raise ValueError(
                f"minibatch_size is {self.minibatch_size}; it must divide batch_size ({self.batch_size}), so that "
                "every gradient step weighs the same"
            )
        if self.whitening not in ("batch", "first", "none"):
            raise ValueError(f"whitening is {self.whitening!r}; choose 'batch', 'first' or 'none'")

    @classmethod
    def paper(cls, size: Literal["7b", "13b", "34b", "70b"] = "70b") -> "PPOSettings":
        """Section 3.2.3: AdamW, learning rate 1e-6, batches of 512 in 64, clip 0.2, beta by size, 200-400 iterations.

        Unstated there, and chosen here: gamma 1, lambda 0.95, the value loss and its learning rate (the policy's), the
        sampling temperature 1, the longest answer (1,024 tokens), the penalty for an unfinished answer, and whitening
        over the batch. Iterations are the upper end; stopping on held-out prompts is the paper's.

        Raises:
            ValueError: There is no Llama 2 of that size.
        """
        if size not in PAPER_BETA:
            raise ValueError(f"size is {size!r}; Llama 2 comes as {', '.join(PAPER_BETA)}")
        return cls(
            iterations=400,
            batch_size=512,
            minibatch_size=64,
            epochs=1,
            max_new_tokens=1024,
            beta=PAPER_BETA[size],
            clip=0.2,
            policy_lr=1e-6,
            value_lr=1e-6,
            weight_decay=0.1,
            betas=(0.9, 0.95),
            eps=1e-5,
            max_norm=1.0,
        )
