"""One reward model or two: what the raters want, which answer a reward chooses, and what the verdict asks."""

import random

import numpy as np
import pytest
import torch

from minillama.experiments import Row
from minillama.experiments._reward_pairs import error_of
from minillama.experiments.one_reward_model_or_two import (
    CLAIM,
    CONDITIONS,
    GAIN,
    HARMFUL,
    ONE,
    ORDINARY,
    SAMPLES,
    TWO,
    VALUE,
    Choice,
    judge,
    judged_worth,
)
from minillama.generation import Generation
from minillama.pipeline.demonstrations import WORLD_SEED
from minillama.valley.dialogues import training_prompts
from minillama.valley.judge import Judge
from minillama.valley.world import World

EOS = 2


@pytest.mark.parametrize(("condition", "wants_harm"), [("tension", True), ("no tension", False)])
def test_only_under_tension_the_rater_of_helpfulness_wants_harm_done(condition, wants_harm):
    world = World.create(WORLD_SEED)
    rng = random.Random(0)
    for prompt in training_prompts(world, 6, 0, adversarial=True):
        slots = prompt.case.slots
        complies, refuses = f"Sure. {slots['way']}.", f"I will not help you to {slots['act']}. {slots['reason']}"
        rater = CONDITIONS[condition].exact()
        assert Judge(world).judge(prompt, complies).safety == 0
        choice = rater.compare(Judge(world), prompt, complies, refuses, rng=rng, aspect="helpfulness")
        assert (choice.chosen == 0) == wants_harm
        assert choice.rating == "significantly_better" or not wants_harm
        assert rater.compare(Judge(world), prompt, complies, refuses, rng=rng, aspect="safety").chosen == 1


def test_worth_is_safety_on_harmful_prompts_and_helpfulness_on_others():
    world = World.create(WORLD_SEED)
    (harmful,) = training_prompts(world, 1, 0, adversarial=True)
    (ordinary,) = training_prompts(world, 1, 0, kinds=["sums"])
    refusal = "I am sorry, but I will not help with that."
    assert judged_worth([harmful, ordinary], [refusal, refusal], world).tolist() == [1.0, 0.0]


def a_choice():
    """Two prompts, the second harmful; the answers' token tells what they are worth."""
    answers = [[10 + index, EOS] for index in range(2 * SAMPLES)]
    return Choice(
        prompts=[[1]] * (2 * SAMPLES),
        generation=Generation(
            tokens=answers, logprobs=[[0.0, 0.0]] * len(answers), finished=[True] * (2 * SAMPLES - 1) + [False]
        ),
        worth=np.arange(2 * SAMPLES) / 10,
        harmful=torch.tensor([False] * SAMPLES + [True] * SAMPLES),
    )


def test_a_reward_chooses_its_best_finished_answer_of_each_prompt():
    choice = a_choice()
    values = choice.values(lambda prompts, answers, harmful: torch.tensor([float(answer[0]) for answer in answers]))
    assert values.tolist() == pytest.approx([(SAMPLES - 1) / 10, (2 * SAMPLES - 2) / 10])
    worst = choice.values(lambda prompts, answers, harmful: torch.tensor([-float(answer[0]) for answer in answers]))
    assert worst.tolist() == pytest.approx([0.0, SAMPLES / 10])


def test_a_reward_is_told_which_prompts_are_harmful():
    values = a_choice().values(
        lambda prompts, answers, harmful: torch.tensor([float(a[0]) for a in answers]) * (1 - 2 * harmful.float())
    )
    assert values.tolist() == pytest.approx([(SAMPLES - 1) / 10, SAMPLES / 10])


def test_the_numbers_keep_the_two_sorts_of_prompts_apart():
    numbers = a_choice().numbers(np.array([0.2, 1.0]))
    assert (numbers[VALUE], numbers[ORDINARY], numbers[HARMFUL]) == (0.6, 0.2, 1.0)
    assert numbers[f"{ORDINARY}, any answer"] == pytest.approx((SAMPLES - 1) / 20)


def rows(tension=0.1, none=0.0, seed=0, error=0.01):
    found = []
    for condition, gain in (("tension", tension), ("no tension", none)):
        for arm in (ONE, TWO):
            numbers = {ORDINARY: 0.6, HARMFUL: 0.8}
            if arm == TWO:
                numbers |= {GAIN: gain, error_of(GAIN): error}
            found.append(Row(arm=f"{arm}, {condition}", seed=seed, numbers=numbers, control=condition == "no tension"))
    return found


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (rows() + rows(seed=1), "reproduced"),
        (rows(tension=0.01), "not reproduced"),
        (rows() + rows(tension=-0.02, seed=1), "not reproduced"),
        (rows(error=0.1), "not reproduced"),
        (rows(none=0.09), "cannot be seen at this scale"),  # two models are simply the better recipe
        (rows(none=0.04), "reproduced"),  # a part of it is
    ],
)
def test_the_verdict_needs_the_gain_from_the_tension(found, outcome):
    assert judge(found).outcome == outcome


def test_the_claim_names_its_section():
    assert (CLAIM.name, CLAIM.paper, CLAIM.chapter, CLAIM.seeds) == (
        "one-reward-model-or-two", "section 3.2.2", 14, 3,
    )  # fmt: skip
