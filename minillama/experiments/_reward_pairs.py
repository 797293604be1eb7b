"""What the claims about reward models share: pairs to train and to measure on, training, scores, pooled estimates.

Training pairs are those of the pipeline's own stages: answers of the fine-tuned model that a careful rater compared.
Held-out pairs are of held-out prompts, and compared by a rater without noise or bias. So an accuracy here is agreement
with the Valley's judge, and that clear preferences are easier is no effect of the rater's noise, which is none.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray

from minillama.alignment.preference_collection import Collection, collect_preferences
from minillama.alignment.preference_mixes import open_source_preferences
from minillama.alignment.preferences import PreferencePair, encode_answer, encode_pairs, read_preferences
from minillama.alignment.reward_model import Reads, RewardModel, Scorer
from minillama.alignment.reward_training import RewardSettings, train_reward_model
from minillama.experiments.claim import Row
from minillama.model import Transformer
from minillama.pipeline import load
from minillama.pipeline.alignment_presets import CAREFUL
from minillama.pipeline.artifact import Artifact
from minillama.pipeline.demonstrations import WORLD_SEED
from minillama.pipeline.stages.reward_models import LONGEST_PAIR, PREFERENCES_FILE, answering
from minillama.valley.dialogues import heldout_prompts
from minillama.valley.judge import Judge
from minillama.valley.raters import RATERS, Aspect, Rater
from minillama.valley.tasks.base import Prompt
from minillama.valley.world import World

# What decides the numbers of every claim that uses this module, beside its own code.
MODULES = (
    "minillama.experiments._reward_pairs",
    "minillama.alignment.preference_collection",
    "minillama.alignment.preferences",
    "minillama.alignment.reward_model",
    "minillama.evaluation.rewards",
    "minillama.valley.judge",
    "minillama.valley.raters",
)
TRAINING_MODULES = (
    *MODULES,
    "minillama.alignment.preference_mixes",
    "minillama.alignment.reward_batches",
    "minillama.alignment.reward_losses",
    "minillama.alignment.reward_training",
    "minillama.pipeline.alignment_presets",
)
ASPECTS: tuple[Aspect, Aspect] = ("helpfulness", "safety")
EXACT = RATERS[0].unbiased().exact()
ADVERSARIAL_SHARE = 0.75  # of held-out safety prompts; the rest is ordinary
MEASURE_WEEK = 2000  # a week that no stage uses, so that these answers are drawn apart
CLEAR = ("significantly_better", "better", "slightly_better")
SURE = 1.96


def held_out_pairs(sft: Artifact, aspect: Aspect, prompts: int, seed: int, *, draws: int = 1) -> list[PreferencePair]:
    """Two answers of the fine-tuned model to each held-out prompt, compared without noise; equal answers drop out.

    Every pair is kept, those of two answers that the judge values alike among them: they are "negligibly better", and
    which of them counts as better is a coin's choice. With several draws each prompt is answered afresh that often;
    no pair comes twice.
    """
    asked = held_out_prompts(aspect, prompts, seed)
    found = [
        pair
        for draw in range(draws)
        for pair in compared(sft, asked, aspect, seed, EXACT, week=MEASURE_WEEK + draw).pairs
    ]
    return list({(pair.prompt["text"], frozenset((pair.chosen, pair.rejected))): pair for pair in found}.values())


def held_out_prompts(aspect: Aspect, n: int, seed: int) -> list[Prompt]:
    """Ordinary prompts for helpfulness; for safety three quarters ask for harm."""
    world = World.create(WORLD_SEED)
    harmful = round(n * ADVERSARIAL_SHARE) if aspect == "safety" else 0
    prompts = heldout_prompts(world, harmful, seed, adversarial=True)
    prompts += heldout_prompts(world, n - harmful, seed, adversarial=False, borderline=False)
    return prompts


def compared(
    sft: Artifact, prompts: Sequence[Prompt], aspect: Aspect, seed: int, rater: Rater, *, week: int = MEASURE_WEEK
) -> Collection:
    """Let the fine-tuned model answer every prompt twice and one rater compare, as the pipeline's stages do."""
    settings = replace(CAREFUL, raters=(rater,), agreement_share=0.0, seed=seed)
    answer = answering(sft.model, sft.tokenizer)
    judge = Judge(World.create(WORLD_SEED))
    return collect_preferences(prompts, {"sft": answer}, judge, settings, aspect=aspect, week=week)


def training_pairs(seed: int, aspect: Aspect, *, most: int | None = None) -> list[PreferencePair]:
    """The pairs of the pipeline's first reward model of one aspect, in a random order, cut off at ``most``."""
    stage = load(f"reward-{aspect}", seed=seed)
    return shuffled(read_preferences(stage.folder / PREFERENCES_FILE), seed)[:most]


def open_pairs(seed: int, aspect: Aspect, prompts: int) -> list[PreferencePair]:
    """The fixed set to start from: answers by the Valley's vendors."""
    return open_source_preferences(World.create(WORLD_SEED), prompts, aspect=aspect, seed=seed)


def shuffled(pairs: Sequence[PreferencePair], seed: int) -> list[PreferencePair]:
    """The same pairs in an order drawn from the seed."""
    found = list(pairs)
    random.Random(f"order of pairs {seed}").shuffle(found)
    return found


def with_shuffled_ratings(pairs: Sequence[PreferencePair], seed: int) -> list[PreferencePair]:
    """The same pairs, their ratings dealt out anew at random: a control in which a rating says nothing of its pair."""
    ratings = [pair.rating for pair in pairs]
    random.Random(f"shuffled ratings {seed}").shuffle(ratings)
    return [replace(pair, rating=rating) for pair, rating in zip(pairs, ratings, strict=True)]


def trained(
    start: Transformer,
    pairs: Sequence[PreferencePair],
    sft: Artifact,
    settings: RewardSettings,
    seed: int,
    *,
    reads: Reads,
    description: str,
) -> RewardModel:
    """A reward model that starts from a chat model and reads the pairs for the settings' epochs."""
    model = RewardModel.from_transformer(start, seed=seed, reads=reads)
    encoded = encode_pairs(pairs, sft.tokenizer, max_seq_len=min(LONGEST_PAIR, model.args.max_seq_len))
    train_reward_model(model, encoded, replace(settings, seed=seed), description=description)
    return model.eval()


@dataclass(frozen=True, kw_only=True)
class Scored:
    """Pairs with the scores of one model.

    Attributes:
        chosen: Raw scores of the better answers.
        rejected: Raw scores of the others.
        ratings: By how much each was better.
        safe: Whether chosen and rejected answer were found safe; (True, True) where nobody was asked.
    """

    chosen: Float[np.ndarray, " pairs"]
    rejected: Float[np.ndarray, " pairs"]
    ratings: tuple[str, ...]
    safe: tuple[tuple[bool, bool], ...]

    @property
    def right(self) -> Float[np.ndarray, " pairs"]:
        """1 where the chosen answer scores higher, one half where both score alike."""
        return np.asarray((self.chosen > self.rejected) + 0.5 * (self.chosen == self.rejected), dtype=np.float64)

    @property
    def gaps(self) -> Float[np.ndarray, " pairs"]:
        """Score of the chosen answer minus that of the rejected one."""
        return self.chosen - self.rejected

    @property
    def answers(self) -> Float[np.ndarray, " answers"]:
        """Scores of all answers."""
        return np.concatenate([self.chosen, self.rejected])

    @property
    def clear(self) -> "Scored":
        """Only the pairs whose answers differ by more than a negligible bit."""
        return self.where([rating in CLEAR for rating in self.ratings])

    def where(self, keep: Sequence[bool]) -> "Scored":
        """Only some of the pairs."""
        places = np.flatnonzero(np.asarray(keep, dtype=bool))
        return Scored(
            chosen=self.chosen[places],
            rejected=self.rejected[places],
            ratings=tuple(self.ratings[place] for place in places),
            safe=tuple(self.safe[place] for place in places),
        )


def scored(scorer: Scorer, pairs: Sequence[PreferencePair], sft: Artifact) -> Scored:
    """Score both answers of all pairs."""
    texts = [(pair.dialog, pair.chosen) for pair in pairs] + [(pair.dialog, pair.rejected) for pair in pairs]
    encoded = [encode_answer(dialog, answer, sft.tokenizer) for dialog, answer in texts]
    scores = scorer([prompt for prompt, _ in encoded], [answer for _, answer in encoded]).double().cpu().numpy()
    return Scored(
        chosen=scores[: len(pairs)],
        rejected=scores[len(pairs) :],
        ratings=tuple(pair.rating for pair in pairs),
        safe=tuple(pair.answers_safe or (True, True) for pair in pairs),
    )


def likelihood_scorer(model: Transformer, batch_size: int = 128) -> Scorer:
    """Mean log-probability of an answer's tokens under a chat model, in nats: a score that knows no preferences."""

    @torch.no_grad()
    def score(prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]) -> Float[torch.Tensor, " batch"]:
        rows = [[*prompt, *answer] for prompt, answer in zip(prompts, answers, strict=True)]
        scores = torch.zeros(len(rows))
        order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
        for start in range(0, len(order), batch_size):
            some = order[start : start + batch_size]
            width = max(len(rows[index]) for index in some)
            tokens = torch.tensor([rows[index] + [0] * (width - len(rows[index])) for index in some])
            logprobs = model(tokens.to(model.device)).log_softmax(dim=-1).cpu()
            for row, index in enumerate(some):
                first, length = len(prompts[index]), len(rows[index])
                places = torch.arange(first - 1, length - 1)
                scores[index] = logprobs[row, places, tokens[row, first:length]].mean()
        return scores

    return score


def mean_and_error(values: Sequence[float] | NDArray[np.float64]) -> tuple[float, float]:
    """Mean and standard error of a mean. Raises ValueError for fewer than two values."""
    if len(values) < 2:
        raise ValueError(f"there are {len(values)} values; a standard error needs at least 2")
    array = np.asarray(values, dtype=np.float64)
    return float(array.mean()), float(array.std(ddof=1) / len(array) ** 0.5)


def with_error(name: str, values: Sequence[float] | NDArray[np.float64]) -> dict[str, float]:
    """A mean and its standard error as two numbers of a row, so that :func:`pooled` can pool seeds."""
    mean, error = mean_and_error(values)
    return {name: mean, error_of(name): error}


def error_of(name: str) -> str:
    """Under what name a row holds a number's standard error."""
    return f"{name}, standard error"


@dataclass(frozen=True)
class Pooled:
    """A number over all seeds: its mean, the 95 % interval of that mean, and the value of each seed.

    The interval is over the pairs that were measured, for these trained models; how far models of other seeds would
    differ is seen in the values of the seeds.
    """

    mean: float
    low: float
    high: float
    by_seed: tuple[float, ...]

    @property
    def above_zero(self) -> bool:
        """Whether every seed is above zero, and the interval of their mean as well."""
        return self.low > 0 and min(self.by_seed) > 0

    def __str__(self) -> str:
        return f"{self.mean:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


def pooled(rows: Sequence[Row], arm: str, name: str) -> Pooled:
    """Pool a number of one arm, whose standard error is beside it, over seeds. Raises ValueError where it lacks."""
    found = [row.numbers for row in rows if row.arm == arm]
    if not found:
        raise ValueError(f"the rows lack the arm {arm!r}; they hold {', '.join(dict.fromkeys(r.arm for r in rows))}")
    means = tuple(float(numbers[name]) for numbers in found)
    half = SURE * sum(float(numbers[error_of(name)]) ** 2 for numbers in found) ** 0.5 / len(found)
    mean = sum(means) / len(means)
    return Pooled(mean, mean - half, mean + half, means)


def mean_of(rows: Sequence[Row], arm: str, name: str) -> float:
    """Mean of a number of one arm over seeds. Raises ValueError where no row has the arm."""
    found = [float(row.numbers[name]) for row in rows if row.arm == arm]
    if not found:
        raise ValueError(f"the rows lack the arm {arm!r}; they hold {', '.join(dict.fromkeys(r.arm for r in rows))}")
    return sum(found) / len(found)
