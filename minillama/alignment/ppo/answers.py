"""The one forward pass of PPO: log-probabilities, and values, of answers that are already there.

Old, reference and new log-probabilities all come from here and not from sampling, whose arithmetic runs in another
order: ratios have to be exactly 1 before the first update, or rounding is learnt from.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from minillama.alignment.ppo.rollout import Rollouts
from minillama.alignment.ppo.settings import PPOSettings
from minillama.data.collate import FILL_ID
from minillama.model import Transformer

# What a forward and backward pass costs beside its tokens, in tokens: in a small model, mostly the time that it takes
# to start operations. Cutting a mini-batch by length pays where it saves more filling than this.
TOKENS_A_PASS = 200


@dataclass(frozen=True)
class AnswerBatch:
    """Prompts with their answers, filled up on the right, and where in them the answers are.

    Attributes:
        rows: Which answers of the rollouts these are.
        tokens: Prompt and answer without its last token, which predicts nothing that is needed.
        places: Flat places in ``tokens`` whose state predicts a token of an answer, row by row.
        targets: These tokens.
        mask: True on tokens of an answer; counted from each answer's first token.
    """

    rows: Int[Tensor, " rows"]
    tokens: Int[Tensor, "rows seq"]
    places: Int[Tensor, " answer_tokens"]
    targets: Int[Tensor, " answer_tokens"]
    mask: Bool[Tensor, "rows time"]

    @classmethod
    def of(cls, rollouts: Rollouts, rows: Sequence[int], device: torch.device) -> "AnswerBatch":
        """Lay out some rows of the rollouts."""
        prompts, answers = [rollouts.prompts[row] for row in rows], [rollouts.answers[row] for row in rows]
        width = max(len(prompt) + len(answer) - 1 for prompt, answer in zip(prompts, answers))
        tokens: list[list[int]] = []
        places: list[int] = []
        for number, (prompt, answer) in enumerate(zip(prompts, answers)):
            row = [*prompt, *answer[:-1]]
            tokens.append(row + [FILL_ID] * (width - len(row)))
            first = number * width + len(prompt) - 1
            places += range(first, first + len(answer))
        lengths = torch.tensor([len(answer) for answer in answers])
        mask = torch.arange(int(lengths.max())) < lengths[:, None]
        targets = torch.tensor([token for answer in answers for token in answer])
        parts = (torch.tensor(list(rows)), torch.tensor(tokens), torch.tensor(places), targets, mask)
        return cls(*(part.to(device) for part in parts))

    def spread(self, numbers: Float[Tensor, " answer_tokens"]) -> Float[Tensor, "rows time"]:
        """Put one number for each answer token into rows, 0 behind the answers."""
        return torch.zeros(self.mask.shape, device=numbers.device).masked_scatter(self.mask, numbers)

    def of_all(self, numbers: Float[Tensor, "batch all_time"]) -> Float[Tensor, "rows time"]:
        """Take these rows out of numbers for all rollouts."""
        return numbers[self.rows, : self.mask.shape[1]]


def answer_logits(policy: Transformer, batch: AnswerBatch, temperature: float) -> Float[Tensor, "answer_tokens vocab"]:
    """Logits, over the temperature, for each answer token: the distribution that it was sampled from."""
    states = policy.hidden(batch.tokens).flatten(0, 1)[batch.places]
    return policy.output(states).float() / temperature


def chosen_logprobs(logits: Float[Tensor, "answer_tokens vocab"], batch: AnswerBatch) -> Float[Tensor, "rows time"]:
    """Log-probability of each answer token under the full distribution, 0 behind the answers."""
    return batch.spread(-F.cross_entropy(logits, batch.targets, reduction="none"))


def answer_logprobs(policy: Transformer, batch: AnswerBatch, temperature: float) -> Float[Tensor, "rows time"]:
    """Log-probability of each answer token under the policy at this temperature, 0 behind the answers."""
    return chosen_logprobs(answer_logits(policy, batch, temperature), batch)


def answer_values(value_model: Transformer, batch: AnswerBatch) -> Float[Tensor, "rows time"]:
    """What the value model expects before each answer token, 0 behind the answers."""
    states = value_model.hidden(batch.tokens).flatten(0, 1)[batch.places]
    return batch.spread(value_model.output(states).float().squeeze(-1))


def entropies(logits: Float[Tensor, "answer_tokens vocab"]) -> Float[Tensor, " answer_tokens"]:
    """Entropy in nats of the distribution that each answer token was sampled from."""
    logprobs = logits.log_softmax(-1)
    return -(logprobs.exp() * logprobs).sum(-1)


def lay_out(
    rollouts: Rollouts, settings: PPOSettings, rng: random.Random, device: torch.device
) -> list[list[AnswerBatch]]:
    """Cut rollouts into mini-batches at random, and each into micro-batches of similar length.

    A mini-batch is a random part of the batch, so that its gradient is one of the whole batch's. Lengths are sorted
    only inside, where the cut changes nothing but the time.
    """
    order = list(range(len(rollouts)))
    rng.shuffle(order)
    lengths = [len(prompt) + len(answer) - 1 for prompt, answer in zip(rollouts.prompts, rollouts.answers)]
    size = settings.minibatch_size
    return [
        [
            AnswerBatch.of(rollouts, rows, device)
            for rows in cut_by_length(order[start : start + size], lengths, settings.micro_batch_tokens)
        ]
        for start in range(0, len(order), size)
    ]


def cut_by_length(rows: Sequence[int], lengths: Sequence[int], most_tokens: int) -> list[list[int]]:
    """Cut rows, sorted by length, where it costs least: filling counts, and so does each piece (TOKENS_A_PASS).

    Args:
        rows: Indices into ``lengths``.
        lengths: Tokens of all rows there are.
        most_tokens: Largest piece, filling included; a longer row is a piece of its own.
    """
    rows = sorted(rows, key=lambda row: lengths[row])
    # cost[end]: of the best way to cut the first `end` rows; begins[end]: where its last piece begins.
    cost, begins = [0.0], [0]
    for end in range(1, len(rows) + 1):
        width, best, at = lengths[rows[end - 1]], math.inf, end - 1
        for start in range(end - 1, -1, -1):
            piece = (end - start) * width
            if piece > most_tokens and end - start > 1:
                break
            if cost[start] + piece + TOKENS_A_PASS < best:
                best, at = cost[start] + piece + TOKENS_A_PASS, start
        cost.append(best)
        begins.append(at)
    pieces, end = [], len(rows)
    while end:
        pieces.append(list(rows[begins[end] : end]))
        end = begins[end]
    return pieces[::-1]
