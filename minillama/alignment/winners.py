"""Best answers of several rounds: pooled, scored anew, and turned into examples for fine-tuning."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from minillama.alignment.combined_reward import Reward, check_scores
from minillama.alignment.reward_model import Scorer
from minillama.chat import DialogTokens

Ids = Sequence[int]


@dataclass(frozen=True, kw_only=True)
class Winner:
    """The best answer that a round found to a prompt.

    Attributes:
        prompt: ids up to where the answer begins.
        answer: ids behind it, EOS included.
        score: by the reward of the round, or of the merging that came last.
        is_safety: whether the prompt is an adversarial one, which decides between safety and helpfulness model.
        usable: False for an answer that was cut off or says nothing, where the prompt had no other.
        round_number: the round that sampled it.
    """

    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    score: float
    is_safety: bool = False
    usable: bool = True
    round_number: int = 1


def reward_of(scorer: Scorer) -> Reward:
    """One reward model as the whole reward: what kind of prompt it is makes no difference."""
    return lambda prompts, answers, is_safety: scorer(prompts, answers)


def score_answers(
    reward: Reward, prompts: Sequence[Ids], answers: Sequence[Ids], is_safety: Sequence[bool]
) -> Float[Tensor, " batch"]:
    """Scores of answers, in a single call, since a combined reward whitens over what it is given: scores of two calls
    could not be compared.

    Raises:
        ValueError: a score is NaN or infinite, or there is not one for each answer.
    """
    scores = reward(prompts, answers, torch.tensor(is_safety, dtype=torch.bool))
    if scores.shape != (len(answers),):
        raise ValueError(
            f"the reward of {len(answers)} answers has shape {tuple(scores.shape)}; give one score for each"
        )
    check_scores(scores)
    return scores.detach().float().cpu()


def merge_rounds(rounds: Sequence[Sequence[Winner]], reward: Reward, *, per_prompt: int = 1) -> list[Winner]:
    """Pool the winners of all rounds and keep the best of each prompt, by today's reward.

    A model trained on its last round alone forgets what only earlier rounds showed (section 3.2.3: rhyming). Scores of
    earlier rounds come from earlier reward models, so all answers are scored again. Without this function the
    alternative is ``rounds[-1]``.

    Args:
        rounds: winners of each round, the oldest first.
        reward: as for sampling, the newest.
        per_prompt: how many answers of each prompt are kept; equal ones count once.

    Returns:
        Prompts in the order in which they first came, each with its best answers, the best first.

    Raises:
        ValueError: there are no winners, ``per_prompt`` is below 1, or a score is NaN or infinite.
    """
    pool = list({(winner.prompt, winner.answer): winner for winners in rounds for winner in winners}.values())
    if not pool or per_prompt < 1:
        raise ValueError(f"there are {len(pool)} winners and per_prompt is {per_prompt}; each must be at least 1")
    scores = score_answers(reward, [w.prompt for w in pool], [w.answer for w in pool], [w.is_safety for w in pool])
    groups: dict[tuple[int, ...], list[Winner]] = {}
    for winner, score in zip(pool, scores.tolist(), strict=True):
        groups.setdefault(winner.prompt, []).append(dataclasses.replace(winner, score=score))
    return [winner for group in groups.values() for winner in _best(group, per_prompt)]


def winner_examples(winners: Iterable[Winner]) -> list[DialogTokens]:
    """Examples to fine-tune on: prompt and answer, with the loss on the answer and its EOS only.

    Earlier answers of a dialogue are part of its prompt and count nothing. Answers that are not usable are left out:
    they would teach the model to stop short or to say nothing.

    Raises:
        ValueError: no winner is usable.
    """
    examples = [
        DialogTokens(winner.prompt + winner.answer, (0,) * len(winner.prompt) + (1,) * len(winner.answer))
        for winner in winners
        if winner.usable
    ]
    if not examples:
        raise ValueError(
            "no prompt has an answer that came to an end and says something; raise max_new_tokens, lower the "
            "temperature, or fine-tune the sampled model on demonstrations first"
        )
    return examples


def _best(group: list[Winner], count: int) -> list[Winner]:
    return sorted(group, key=lambda winner: (winner.usable, winner.score), reverse=True)[:count]
