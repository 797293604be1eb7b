"""Rejection sampling (section 3.2.3): sample answers, keep the best by the reward, fine-tune on them, again and again.

The model that is sampled and the model that learns need not be one: in the paper only the largest is sampled, and the
smaller ones learn from its answers.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from minillama.alignment.best_of_n import EOS_ID, best_of_n, sample_answers, usable_answers
from minillama.alignment.rejection_settings import RejectionSamplingSettings
from minillama.alignment.sft import train_sft
from minillama.alignment.winners import Ids, Reward, Winner, merge_rounds, score_answers, winner_examples
from minillama.chat import DialogTokens
from minillama.generation import Generation
from minillama.model import Transformer
from minillama.training.precision import Precision
from minillama.training.trainer import TrainReport


@dataclass(frozen=True, kw_only=True)
class SampledRound:
    """A round's winners and how they came about.

    Attributes:
        winners: one for each prompt, in the prompts' order.
        temperature: at which they were sampled.
        tried: mean score of the winners at each temperature tried, on the tuning prompts; empty for one temperature.
        mean_score: of all answers.
        best_score: of the winners.
        usable_share: share of all answers that came to an end and say something.
    """

    winners: tuple[Winner, ...]
    temperature: float
    tried: Mapping[float, float]
    mean_score: float
    best_score: float
    usable_share: float


def sample_round(
    model: Transformer,
    prompts: Sequence[Ids],
    reward: Reward,
    settings: RejectionSamplingSettings,
    *,
    is_safety: Sequence[bool] | None = None,
    round_number: int = 1,
    blank_ids: Collection[int] = (EOS_ID,),
) -> SampledRound:
    """Choose the temperature, sample answers to all prompts and keep the best of each.

    Args:
        model: the model that is sampled.
        prompts: token ids, each ending where an answer begins.
        reward: ``(prompts, answers, is_safety) -> scores``; :func:`minillama.alignment.winners.reward_of` makes one of
            a single reward model.
        settings: of the round.
        is_safety: for each prompt, whether it is an adversarial one; none is, where it is not given.
        round_number: kept with the winners.
        blank_ids: tokens that say nothing (:func:`minillama.alignment.best_of_n.blank_token_ids`).

    Raises:
        ValueError: no prompts, flags that do not match them, a score that is not finite, or what `generate` refuses.
    """
    flags = _check_flags(prompts, is_safety)
    tried: dict[float, float] = {}
    if len(settings.temperatures) > 1:
        tried = try_temperatures(model, prompts, reward, settings, is_safety=flags, blank_ids=blank_ids)
    temperature = max(tried, key=tried.__getitem__) if tried else settings.temperatures[0]
    generation = _sample(model, prompts, settings, temperature)
    scores = _score(reward, prompts, generation, flags, settings.samples)
    rows = best_of_n(generation, scores, settings.samples, blank_ids=blank_ids)
    usable = usable_answers(generation, blank_ids)
    winners = tuple(
        Winner(
            prompt=tuple(prompt),
            answer=tuple(generation.tokens[row]),
            score=float(scores[row]),
            is_safety=flag,
            usable=bool(usable[row]),
            round_number=round_number,
        )
        for prompt, flag, row in zip(prompts, flags, rows.tolist(), strict=True)
    )
    return SampledRound(
        winners=winners,
        temperature=temperature,
        tried=tried,
        mean_score=float(scores.double().mean()),
        best_score=float(scores[rows].double().mean()),
        usable_share=float(usable.double().mean()),
    )


def try_temperatures(
    model: Transformer,
    prompts: Sequence[Ids],
    reward: Reward,
    settings: RejectionSamplingSettings,
    *,
    is_safety: Sequence[bool] | None = None,
    blank_ids: Collection[int] = (EOS_ID,),
) -> dict[float, float]:
    """Mean score of the best of N answers at each of the settings' temperatures, on some of the prompts.

    The best temperature moves as a model is tuned (Figure 8), so it is looked for anew in every round. The answers of
    all temperatures are scored in one call, since scores whitened apart could not be compared.

    Raises:
        ValueError: as :func:`sample_round`.
    """
    flags = _check_flags(prompts, is_safety)
    chosen = random.Random(settings.seed).sample(range(len(prompts)), min(settings.tuning_prompts, len(prompts)))
    some = [prompts[index] for index in chosen]
    generations = [_sample(model, some, settings, temperature) for temperature in settings.temperatures]
    pooled = Generation(
        tokens=[row for generation in generations for row in generation.tokens],
        logprobs=[row for generation in generations for row in generation.logprobs],
        finished=[done for generation in generations for done in generation.finished],
    )
    copies = len(generations)
    scores = _score(reward, some * copies, pooled, [flags[index] for index in chosen] * copies, settings.samples)
    best = scores[best_of_n(pooled, scores, settings.samples, blank_ids=blank_ids)]
    return dict(zip(settings.temperatures, best.double().view(copies, -1).mean(dim=1).tolist(), strict=True))


def train_on_winners(
    model: Transformer,
    rounds: Sequence[Sequence[Winner]],
    reward: Reward,
    settings: RejectionSamplingSettings,
    *,
    demonstrations: Sequence[DialogTokens] = (),
    precision: Precision | None = None,
    run_dir: Path | str | None = None,
    description: str = "fine-tuning on the best answers",
) -> TrainReport:
    """Fine-tune a model in place on the winners of all rounds, or of the last, as ``settings.pool`` says.

    The model may be another than the one that was sampled, as long as both have the same tokenizer: a smaller one
    learns from the larger one's answers, which is distillation by samples.

    Args:
        model: the model that learns.
        rounds: winners of each round, the oldest first.
        reward: the newest, to score all winners alike before the best are kept.
        settings: of the pool and the fine-tuning.
        demonstrations: examples of other origin to mix in.
        precision: where and in which format to compute; detected where not given.
        run_dir: folder for metrics and checkpoints.
        description: shown beside the progress bar.

    Raises:
        ValueError: there are no usable winners, one does not fit into a row, or ids that the model does not have.
    """
    pool = rounds if settings.pool == "all_rounds" else rounds[-1:]
    examples = [*winner_examples(merge_rounds(pool, reward, per_prompt=settings.per_prompt)), *demonstrations]
    highest = max(max(example.tokens) for example in examples)
    if highest >= model.args.vocab_size:
        raise ValueError(
            f"an answer holds the id {highest}, but the model that learns has ids 0 to {model.args.vocab_size - 1}; "
            "the model that was sampled must have the same tokenizer"
        )
    return train_sft(model, examples, settings.sft, precision=precision, run_dir=run_dir, description=description)


def _check_flags(prompts: Sequence[Ids], is_safety: Sequence[bool] | None) -> list[bool]:
    flags = [False] * len(prompts) if is_safety is None else list(is_safety)
    if not prompts or len(flags) != len(prompts):
        raise ValueError(f"there are {len(prompts)} prompts and {len(flags)} safety flags; give one for each prompt")
    return flags


def _sample(
    model: Transformer, prompts: Sequence[Ids], settings: RejectionSamplingSettings, temperature: float
) -> Generation:
    return sample_answers(
        model,
        prompts,
        settings.samples,
        max_new_tokens=settings.max_new_tokens,
        temperature=temperature,
        seed=settings.seed,
        cache_megabytes=settings.cache_megabytes,
    )


def _score(
    reward: Reward, prompts: Sequence[Ids], generation: Generation, flags: Sequence[bool], n: int
) -> Float[Tensor, " rows"]:
    """Scores of `n` answers to each prompt."""
    repeated = [prompt for prompt in prompts for _ in range(n)]
    return score_answers(reward, repeated, generation.tokens, [flag for flag in flags for _ in range(n)])
