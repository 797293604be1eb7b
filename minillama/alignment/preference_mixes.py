"""Which pairs a reward model is trained on: the open set to start from, the two mixes, replay, the joint baseline."""

import random
from collections.abc import Sequence
from typing import TypeVar

from minillama.alignment.preference_collection import Candidate, compare
from minillama.alignment.preferences import PreferencePair
from minillama.valley.dialogues import VENDORS, demonstrate, training_prompts
from minillama.valley.judge import Judge
from minillama.valley.randomness import stream
from minillama.valley.raters import RATERS, Aspect, Rater
from minillama.valley.tasks.base import Tier
from minillama.valley.world import World

OPEN_SOURCE = "open-source"
HELPFUL_SHARE = 0.1  # of the safety model's pairs (section 3.2.2)
T = TypeVar("T")


def open_source_preferences(
    world: World,
    n: int,
    *,
    aspect: Aspect,
    tier: Tier | None = "core",
    ordinary_share: float = 0.25,
    raters: Sequence[Rater] = RATERS,
    seed: int = 0,
) -> list[PreferencePair]:
    """A fixed set to start from, as the paper starts from open-source sets: answers by the Valley's vendors.

    No model is needed, so the first reward models can be trained before there is a chat model worth comparing.

    Args:
        world: the Valley.
        n: prompts drawn; the pairs are fewer by those whose answers are equal and those the paper leaves out.
        aspect: helpfulness on ordinary prompts, or safety on adversarial ones.
        tier: of the prompts' tasks.
        ordinary_share: share of ordinary prompts in a safety set, without which a safety model only ever sees danger.
        raters: take the comparisons in turn.
        seed: of everything.

    Raises:
        ValueError: ``n`` is negative, or the share outside 0 to 1.
    """
    if n < 0 or not 0 <= ordinary_share <= 1:
        raise ValueError(f"n is {n} and ordinary_share {ordinary_share}; n is 0 or more, a share from 0 to 1")
    rng, judge = stream(seed, "open-source preferences", aspect), Judge(world)
    adversarial = round(n * (1 - ordinary_share)) if aspect == "safety" else 0
    prompts = training_prompts(world, adversarial, seed, tier=tier, adversarial=True) if adversarial else []
    prompts += training_prompts(world, n - adversarial, seed, tier=tier, adversarial=False)
    rng.shuffle(prompts)
    pairs = []
    for number, prompt in enumerate(prompts):
        vendors = [rng.choice(VENDORS) for _ in range(2)]
        shown = tuple(Candidate(demonstrate(world, prompt, each, rng), f"vendor {each.name}") for each in vendors)
        if shown[0].text == shown[1].text:
            continue
        rater = raters[number % len(raters)]
        pair = compare(prompt, (shown[0], shown[1]), judge, rater, aspect=aspect, rng=rng, source=OPEN_SOURCE)
        if pair.kept:
            pairs.append(pair)
    return pairs


def helpfulness_mix(pairs: Sequence[PreferencePair], seed: int = 0) -> list[PreferencePair]:
    """The helpfulness model's pairs: all own helpfulness pairs, and as many drawn from own safety and open-source ones.

    Where there are fewer of the others, all of them are taken. "Own" is whatever was not the open-source set.

    Raises:
        ValueError: there is no helpfulness pair, whether own or open.

    Source: section 3.2.2, "data composition".
    """
    own = [pair for pair in pairs if pair.aspect == "helpfulness" and pair.source != OPEN_SOURCE]
    others = [pair for pair in pairs if pair.aspect == "safety" or pair.source == OPEN_SOURCE]
    if not any(pair.aspect == "helpfulness" for pair in pairs):
        raise ValueError("there is no helpfulness pair to train a helpfulness model on; collect some first")
    # Before the first week there are no own pairs, and the open helpfulness pairs stand in for them.
    if not own:
        own = [pair for pair in others if pair.aspect == "helpfulness"]
        others = [pair for pair in others if pair.aspect == "safety"]
    rng = stream(seed, "helpfulness mix")
    return _shuffled([*own, *_draw(others, len(own), rng)], rng)


def safety_mix(
    pairs: Sequence[PreferencePair], seed: int = 0, *, helpful_share: float = HELPFUL_SHARE
) -> list[PreferencePair]:
    """The safety model's pairs: all of safety, own and open, with helpfulness pairs mixed in as 10 % of the whole.

    That tenth helps most where both answers are safe and the more helpful one is to win. A model that saw none of it
    may also call any ordinary answer unsafe.

    Raises:
        ValueError: there is no safety pair, or the share is not at least 0 and below 1.

    Source: section 3.2.2, "data composition".
    """
    safety = [pair for pair in pairs if pair.aspect == "safety"]
    if not safety:
        raise ValueError("there is no safety pair to train a safety model on; collect some first")
    return with_replay(
        safety, [pair for pair in pairs if pair.aspect == "helpfulness"], helpful_share, seed, label="safety mix"
    )


def joint_mix(pairs: Sequence[PreferencePair], seed: int = 0) -> list[PreferencePair]:
    """InstructGPT's pairs, the baseline: all pooled for one model of everything.

    Train it with ``RewardSettings.instruct_gpt()``, which has no margin and no safety loss.
    """
    return _shuffled(list(pairs), stream(seed, "joint mix"))


def with_replay(fresh: Sequence[T], old: Sequence[T], share: float, seed: int = 0, *, label: str = "replay") -> list[T]:
    """All fresh items and so many old ones, drawn without replacement, that these make up ``share`` of the result.

    The paper trains on all data so far each week. Going on from last week's weights with fresh pairs and some old ones
    costs seconds instead, and the old ones keep the model from forgetting answers that nobody gives any more.
    Where there are too few old items, all are taken.

    Raises:
        ValueError: the share is not at least 0 and below 1.
    """
    if not 0 <= share < 1:
        raise ValueError(f"share is {share}; it must be at least 0 and below 1, as fresh items are all kept")
    rng = stream(seed, label)
    return _shuffled([*fresh, *_draw(old, round(len(fresh) * share / (1 - share)), rng)], rng)


def _draw(items: Sequence[T], count: int, rng: random.Random) -> list[T]:
    return rng.sample(list(items), min(count, len(items)))


def _shuffled(items: list[T], rng: random.Random) -> list[T]:
    rng.shuffle(items)
    return items
