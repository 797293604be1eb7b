"""The answers that a round of PPO learns from: which prompts, and what the policy says to them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from minillama.alignment.ppo.settings import PPOSettings
from minillama.generation import generate
from minillama.model import Transformer

# Rows that are sampled together. More would fill the cache's memory and gain little speed on a CPU.
SAMPLE_ROWS = 256


@dataclass(frozen=True, kw_only=True)
class PPOPrompt:
    """Something to answer.

    Attributes:
        tokens: Of the encoded dialogue up to the user's last message.
        is_safety: Whether safety is what counts here; the reward function is told.
    """

    tokens: Sequence[int]
    is_safety: bool = False


@dataclass(frozen=True, kw_only=True)
class Rollouts:
    """A batch of answers, in the order of their prompts; ``finished`` where an answer ends with EOS."""

    prompts: list[list[int]]
    answers: list[list[int]]
    finished: list[bool]
    is_safety: list[bool]

    def __post_init__(self) -> None:
        for row, (prompt, answer) in enumerate(zip(self.prompts, self.answers, strict=True)):
            if not prompt or not answer:
                what = "prompt" if not prompt else "answer"
                raise ValueError(f"the {what} of row {row} is empty; even an answer without words has an EOS to learn")

    def __len__(self) -> int:
        return len(self.answers)


class PromptOrder:
    """Deals the prompts in a shuffled order, all of them before any comes again; ``rounds`` counts from 0."""

    def __init__(self, prompts: Sequence[PPOPrompt], seed: int) -> None:
        self.prompts, self.seed = prompts, seed

    def batch(self, iteration: int, size: int) -> list[PPOPrompt]:
        """The prompts of one iteration, from 0; a function of the seed and the iteration alone."""
        chosen: list[PPOPrompt] = []
        for place in range(iteration * size, (iteration + 1) * size):
            deal, index = divmod(place, len(self.prompts))
            if not chosen or index == 0:
                order = list(range(len(self.prompts)))
                random.Random(f"{self.seed}:{deal}").shuffle(order)
            chosen.append(self.prompts[order[index]])
        return chosen


def sample_rollouts(policy: Transformer, prompts: Sequence[PPOPrompt], settings: PPOSettings, seed: int) -> Rollouts:
    """Let the policy answer every prompt once, at the settings' temperature, from its full distribution.

    Prompts of similar length are answered together, so that little of a batch is padding. No top-k or top-p: what is
    sampled has to come from the distribution whose log-probabilities are learnt.

    Raises:
        ValueError: A prompt leaves no room for ``max_new_tokens`` in the context, or is otherwise unfit to continue.
    """
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index].tokens))
    answers: list[list[int]] = [[] for _ in prompts]
    finished = [False] * len(prompts)
    for start in range(0, len(order), SAMPLE_ROWS):
        chosen = order[start : start + SAMPLE_ROWS]
        generation = generate(
            policy,
            [prompts[index].tokens for index in chosen],
            settings.max_new_tokens,
            temperature=settings.temperature,
            stop_ids=(settings.eos_id,),
            seed=seed + start,
        )
        for index, tokens, ended in zip(chosen, generation.tokens, generation.finished, strict=True):
            answers[index], finished[index] = tokens, ended
    return Rollouts(
        prompts=[list(prompt.tokens) for prompt in prompts],
        answers=answers,
        finished=finished,
        is_safety=[prompt.is_safety for prompt in prompts],
    )


def check_prompts(prompts: Sequence[PPOPrompt], policy: Transformer, settings: PPOSettings) -> None:
    """Raise ``ValueError`` naming the first prompt that cannot be answered, before anything is computed."""
    if not prompts:
        raise ValueError("there are no prompts; give at least one PPOPrompt")
    room = policy.args.max_seq_len - settings.max_new_tokens
    for index, prompt in enumerate(prompts):
        if not 1 <= len(prompt.tokens) <= room:
            raise ValueError(
                f"prompt {index} has {len(prompt.tokens)} tokens; with max_new_tokens {settings.max_new_tokens} in a "
                f"context of {policy.args.max_seq_len} it may have 1 to {room}"
            )
