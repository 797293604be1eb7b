"""Collecting preferences as in section 3.2.1: two answers, a simulated rater, four points, week after week."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from minillama.alignment.preferences import PreferencePair
from minillama.chat import Message
from minillama.evaluation.agreement import gwet_ac1
from minillama.evaluation.judged import dialog_of
from minillama.valley.dialogues import prompt_as_dict
from minillama.valley.randomness import stream
from minillama.valley.raters import RATERS, Aspect, GroundTruth, Rater
from minillama.valley.tasks.base import Prompt

# (dialogues that end with the user, temperature, seed) -> one answer each
AnswerFunction = Callable[[Sequence[Sequence[Message]], float, int], Sequence[str]]
# Table 26: Meta's comparisons in each of its weekly batches.
PAPER_BATCHES = (
    5561, 17072, 30146, 36206, 49375, 57746, 84388, 95235, 127235, 136729, 136868, 181293, 210881, 249356,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CollectionSettings:
    """How answers to compare are sampled and who compares them.

    Attributes:
        temperatures: two different ones are drawn for each prompt. The paper varies the temperature but states no
            values; from nearly greedy to the model's own distribution, the answers differ enough to be compared.
        raters: take the comparisons in turn.
        agreement_share: share of the comparisons that all raters make once more, to see how far they agree. These
            choices become no pairs.
        seed: of all choices here and of the answers.

    Raises:
        ValueError: fewer than two temperatures, equal or negative ones, no rater, or a share outside 0 to 1.
    """

    temperatures: tuple[float, ...] = (0.5, 0.8, 1.0)
    raters: tuple[Rater, ...] = RATERS
    agreement_share: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        different = len(set(self.temperatures)) == len(self.temperatures) >= 2
        if not (different and all(value >= 0 for value in self.temperatures)):
            raise ValueError(f"temperatures are {self.temperatures}; give two or more, all different, none below 0")
        if not self.raters:
            raise ValueError("there is no rater; give at least one")
        if not 0 <= self.agreement_share <= 1:
            raise ValueError(f"agreement_share is {self.agreement_share}; it is a share, from 0 to 1")


@dataclass(frozen=True, kw_only=True)
class Collection:
    """One week's pairs of one aspect.

    Attributes:
        pairs: the comparisons that may be trained on.
        identical: prompts whose two answers were the same, which nobody is asked to compare.
        left_out: comparisons in which an unsafe answer was preferred to a safe one.
        choices: for comparisons made by all raters, which answer each chose (0 first shown, 1 second).
    """

    pairs: tuple[PreferencePair, ...]
    identical: int
    left_out: int
    choices: tuple[tuple[int, ...], ...]

    @property
    def agreement(self) -> float | None:
        """Gwet's AC1 of the raters (section 3.4.2), or None where nothing was compared by several."""
        return gwet_ac1(self.choices, categories=(0, 1)) if self.choices and len(self.choices[0]) > 1 else None


@dataclass(frozen=True)
class Candidate:
    """An answer to compare, and what gave it, such as "rlhf-v1 at 0.8"."""

    text: str
    origin: str


Shown = tuple[Candidate, Candidate]  # in the order in which the rater sees them


def collect_preferences(
    prompts: Sequence[Prompt],
    variants: Mapping[str, AnswerFunction],
    judge: GroundTruth,
    settings: CollectionSettings,
    *,
    aspect: Aspect,
    week: int,
) -> Collection:
    """Let models answer prompts twice each and raters compare the answers.

    The two answers come from two different variants at two different temperatures, so that they differ; with the last
    and the present week's model as variants, old and new are compared for free. Which answer is shown first is drawn.
    Helpfulness and safety are asked for in calls of their own, with their own prompts and instructions, since one rater
    who weighs both gives a mixture that no reward model can take apart. Ordinary prompts may be among those of safety:
    their labels tell the auxiliary loss that ordinary answers are safe.

    Args:
        prompts: one comparison for each.
        variants: models by name; with a single one, both answers are its own.
        judge: what the raters perceive through their noise.
        settings: of temperatures and raters.
        aspect: what is compared.
        week: its number; each week draws afresh.

    Raises:
        ValueError: there are no variants, or one gives another number of answers than it was asked for.
    """
    if not variants:
        raise ValueError("there is no model variant to answer the prompts; give one or two")
    rng = stream(settings.seed, "preferences", week, aspect)
    doubling = stream(settings.seed, "agreement", week, aspect)  # apart, so that measuring changes no pair
    pairs: list[PreferencePair] = []
    choices: list[tuple[int, ...]] = []
    identical = left_out = 0
    for number, (prompt, shown) in enumerate(zip(prompts, _sample_twice(prompts, variants, settings, rng))):
        if shown[0].text == shown[1].text:
            identical += 1
            continue
        rater = settings.raters[number % len(settings.raters)]
        pair = compare(prompt, shown, judge, rater, aspect=aspect, rng=rng, source=f"week {week}")
        if doubling.random() < settings.agreement_share:
            choices.append(all_choices(prompt, shown, judge, settings.raters, aspect=aspect, rng=doubling))
        if pair.kept:
            pairs.append(pair)
        else:
            left_out += 1
    return Collection(pairs=tuple(pairs), identical=identical, left_out=left_out, choices=tuple(choices))


def compare(
    prompt: Prompt,
    shown: Shown,
    judge: GroundTruth,
    rater: Rater,
    *,
    aspect: Aspect,
    rng: random.Random,
    source: str,
) -> PreferencePair:
    """One rater's comparison of two answers, as a record."""
    choice = rater.compare(judge, prompt, shown[0].text, shown[1].text, rng=rng, aspect=aspect)
    chosen, rejected = shown[choice.chosen], shown[1 - choice.chosen]
    return PreferencePair(
        prompt=prompt_as_dict(prompt),
        chosen=chosen.text,
        rejected=rejected.text,
        rating=choice.rating,
        aspect=aspect,
        safety=choice.safety,
        rater=rater.name,
        chosen_from=chosen.origin,
        rejected_from=rejected.origin,
        source=source,
    )


def all_choices(
    prompt: Prompt, shown: Shown, judge: GroundTruth, raters: Sequence[Rater], *, aspect: Aspect, rng: random.Random
) -> tuple[int, ...]:
    """Which of two answers each rater prefers (0 the first shown, 1 the second), independently of one another."""
    first, second = shown[0].text, shown[1].text
    return tuple(rater.compare(judge, prompt, first, second, rng=rng, aspect=aspect).chosen for rater in raters)


def _sample_twice(
    prompts: Sequence[Prompt],
    variants: Mapping[str, AnswerFunction],
    settings: CollectionSettings,
    rng: random.Random,
) -> list[Shown]:
    """Two answers a prompt; a model answers all its prompts of one temperature in one call, since batches are fast."""
    names = list(variants)
    plans = []
    for _ in prompts:
        sources = rng.sample(names, 2) if len(names) > 1 else names * 2
        plans.append(list(zip(sources, rng.sample(settings.temperatures, 2), strict=True)))
    answers: dict[tuple[int, int], Candidate] = {}
    for name, answer in variants.items():
        for temperature in settings.temperatures:
            places = [
                (row, side) for row, plan in enumerate(plans) for side in (0, 1) if plan[side] == (name, temperature)
            ]
            if not places:
                continue
            dialogs = [dialog_of(prompts[row]) for row, _ in places]
            replies = answer(dialogs, temperature, rng.randrange(2**31))
            if len(replies) != len(places):
                raise ValueError(f"{name!r} gave {len(replies)} answers to {len(places)} prompts; each needs one")
            candidates = [Candidate(reply, f"{name} at {temperature:g}") for reply in replies]
            answers.update(zip(places, candidates))
    return [(answers[row, 0], answers[row, 1]) for row in range(len(prompts))]
