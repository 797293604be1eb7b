"""Short descriptions in two or three sentences: of a villager from several sides, a town, an animal, a job, a thing."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minillama.valley.lexicon import ANIMALS, COMMON_THINGS, JOBS, NUMBER_WORDS, TOWNS
from minillama.valley.tasks.base import Case, Task
from minillama.valley.tasks.common import at_work, fill, off_topic, poor, villager_slots, with_polite_forms
from minillama.valley.tasks.grading import grade_description
from minillama.valley.world import World
from minillama.valley.writing.grammar import with_article

Slots = Mapping[str, Any]


def description_task(
    *,
    name: str,
    rows: Callable[[World], Sequence[tuple[str, Slots]]],
    about: str,
    asked: Sequence[str],
    need: int,
    wordings: Sequence[str],
    heldout: Sequence[str],
    good: Sequence[str],
    vague: Sequence[str],
    swaps: Sequence[str],
    followups: Sequence[str] = (),
    heldout_share: float = 0.15,
) -> Task:
    """Build a description task.

    Args:
        name: the task's name.
        rows: key and slots of every case.
        about: ``"villager"``, ``"town"``, ``"animal"``, ``"job"`` or ``"thing"``: what the grader checks facts of.
        asked: the domains of facts that count.
        need: how many different true facts make a full description.
        wordings: training wordings.
        heldout: held-out wordings.
        good: forms of the right answer, the usual one first.
        vague: answers that say too little.
        swaps: slots that a wrong answer takes from another case.
        followups: wordings with pronouns.
        heldout_share: share of cases kept out of training.
    """

    def cases(world: World) -> Sequence[Case]:
        target = {"about": about, "asked": list(asked), "need": need}
        return [
            Case(pair=f"{name}/{key}", slots=slots, target={**target, "subject": key}) for key, slots in rows(world)
        ]

    def wrong_answer(world: World, case: Case, rng: random.Random) -> str:
        others = [slots for key, slots in rows(world) if key != case.target["subject"]]
        other = rng.choice(others)
        return fill(rng, good, {**case.slots, **{key: other[key] for key in swaps}})

    def poor_answer(world: World, case: Case, rng: random.Random) -> str:
        def thin() -> str:
            return f"{fill(rng, vague, case.slots, first=1 / len(vague))} {off_topic(rng)}"

        return poor(
            rng, lambda: wrong_answer(world, case, rng), thin, lambda: fill(rng, good, case.slots).split(". ")[0] + "."
        )

    return Task(
        name=name,
        kind="descriptions",
        tier="core",
        wordings=with_polite_forms(wordings, heldout),
        heldout_wordings=tuple(heldout),
        cases=cases,
        good_answer=lambda world, case, rng: fill(rng, good, case.slots),
        poor_answer=poor_answer,
        grade=grade_description,
        followups=tuple(followups),
        heldout_share=heldout_share,
    )


def _villagers(world: World) -> list[tuple[str, Slots]]:
    return [(villager.name, villager_slots(world, villager)) for villager in world.villagers]


def _towns(world: World) -> list[tuple[str, Slots]]:
    return [
        (t.name, {"key": t.name, "landmark": t.landmark, "product": t.product, "place": t.place, "day": t.market_day})
        for t in TOWNS
    ]


def _animals(world: World) -> list[tuple[str, Slots]]:
    return [
        (
            a.name,
            {
                "key": a.name,
                "a_key": with_article(a.name),
                "sound": a.sound,
                "habit": a.habit,
                "legs": NUMBER_WORDS[a.legs],
            },
        )
        for a in ANIMALS
    ]


def _jobs(world: World) -> list[tuple[str, Slots]]:
    return [
        (j.name, {"key": j.name, "a_key": with_article(j.name), "does": j.does, "at_work": at_work(j.workplace)})
        for j in JOBS
    ]


def _things(world: World) -> list[tuple[str, Slots]]:
    return [
        (t.name, {"key": t.name, "a_kind": with_article(t.kind), "colour": t.colour, "trait": t.trait})
        for t in COMMON_THINGS
    ]


TASKS = (
    description_task(
        name="describe-villager",
        rows=_villagers,
        about="villager",
        asked=(
            "town",
            "job",
            "workplace",
            "does",
            "animal",
            "pet_name",
            "food",
            "hobby",
            "sibling",
            "friend",
            "treasure",
        ),
        need=3,
        wordings=(
            "Describe {name}.",
            "Tell me about {name}.",
            "Who is {name}?",
            "Describe {name} in two sentences.",
            "What do you know about {name}?",
            "Write a few words about {name}.",
            "I do not know {name}. Who is that?",
            "Say something about {name}.",
            "Give me a short description of {name}.",
        ),
        heldout=(
            "Please tell me about {name}.",
            "Who is {name}? Describe {him}.",
            "Can you tell me something about {name}?",
            "Please describe {name} in a few words.",
            "What kind of person is {name}?",
        ),
        good=(
            "{name} is {a_job} and lives in {town}. {He} has {a_animal} called {pet_name}.",
            "{name} lives in {town} and works as {a_job}. {His} hobby is {hobby}.",
            "{name} is {a_job} in {town}. {He} likes {food} and enjoys {hobby}.",
        ),
        vague=("{name} is a person.", "{name} lives somewhere.", "{name} is nice."),
        swaps=("job", "a_job", "town", "animal", "a_animal", "pet_name", "hobby", "food"),
        followups=("Tell me more about {him}.",),
    ),
    description_task(
        name="describe-work",
        rows=_villagers,
        about="villager",
        asked=("job", "workplace", "does", "town"),
        need=3,
        wordings=(
            "Describe the work of {name}.",
            "Describe {name}'s job in two sentences.",
            "Tell me about {name}'s work.",
            "What is {name}'s working day like?",
            "Write a few words about the work of {name}.",
            "Describe a day at work with {name}.",
            "Tell me about the job of {name}.",
            "Give me a short description of {name}'s work.",
        ),
        heldout=(
            "Write about the work of {name}.",
            "What do you know about {name}'s work?",
            "Can you describe {name}'s work?",
            "Please tell me something about the work of {name}.",
            "Describe the job of {name}.",
        ),
        good=(
            "{name} is {a_job} and works {at_work}. {He} {does}.",
            "{name} works {at_work}. As {a_job}, {he} {does}.",
        ),
        vague=("{name} works every day.", "{name} has a job.", "Work is hard."),
        swaps=("job", "a_job", "at_work", "does"),
        followups=("Describe {his} work.",),
    ),
    description_task(
        name="describe-pet",
        rows=_villagers,
        about="villager",
        asked=("animal", "pet_name", "sound", "habit"),
        need=3,
        wordings=(
            "Describe {name}'s pet.",
            "Tell me about {name}'s pet.",
            "Tell me about {name}'s {animal}.",
            "Describe the pet of {name} in two sentences.",
            "Write a few words about {name}'s pet.",
            "What is {name}'s pet like?",
            "What do you know about {name}'s {animal}?",
            "Give me a short description of {name}'s pet.",
        ),
        heldout=(
            "Write about {name}'s {animal}.",
            "What do you know about {name}'s pet?",
            "Can you describe {name}'s {animal}?",
            "Please tell me something about the pet of {name}.",
            "Describe {name}'s {animal}.",
        ),
        good=(
            "{name} has {a_animal} called {pet_name}. The {animal} {sound} and {habit}.",
            "{name}'s {animal} is called {pet_name}. It {sound} and {habit}.",
        ),
        vague=("{name} has a pet.", "It is an animal.", "{name}'s pet is nice."),
        swaps=("animal", "a_animal", "pet_name", "sound", "habit"),
        followups=("Describe {his} pet.",),
    ),
    description_task(
        name="describe-taste",
        rows=_villagers,
        about="villager",
        asked=("food", "hobby"),
        need=3,
        wordings=(
            "Describe what {name} likes.",
            "What does {name} like? Answer in two sentences.",
            "Tell me about the food and the hobby of {name}.",
            "Write a few words about what {name} likes.",
            "Which foods and which hobby does {name} like?",
            "Tell me what {name} likes to eat and to do.",
            "Give me a short description of what {name} likes.",
            "What makes {name} happy? Describe it.",
        ),
        heldout=(
            "Write about what {name} likes.",
            "What do you know about the food and the hobby of {name}?",
            "Can you describe what {name} likes?",
            "Please tell me something about what {name} likes.",
            "Describe the food and the hobby of {name}.",
        ),
        good=("{name} likes {foods}. {His} hobby is {hobby}.", "{name}'s hobby is {hobby}. {He} likes {foods}."),
        vague=("{name} likes many things.", "{name} has a hobby.", "{name} likes food."),
        swaps=("foods", "hobby"),
        followups=("Describe what {he} likes.",),
    ),
    description_task(
        name="describe-family",
        rows=_villagers,
        about="villager",
        asked=("sibling", "friend"),
        need=2,
        wordings=(
            "Describe the family and friends of {name}.",
            "Tell me about {name}'s {sib} and best friend.",
            "Who is close to {name}? Answer in two sentences.",
            "Write a few words about {name}'s family and friends.",
            "Tell me about the people around {name}.",
            "Which people are close to {name}?",
            "Describe the people who are close to {name}.",
            "What do you know about {name}'s family and friends?",
        ),
        heldout=(
            "Write about {name}'s {sib} and best friend.",
            "Please describe the people close to {name}.",
            "Can you describe {name}'s family and friends?",
            "Please tell me something about the family and friends of {name}.",
        ),
        good=(
            "{name} has a {sib} called {sibling}. {His} best friend is {friend}.",
            "{name}'s best friend is {friend}. {His} {sib} is {sibling}.",
        ),
        vague=("{name} has a family.", "{name} knows many people.", "{name} has friends."),
        swaps=("sibling", "friend"),
    ),
    description_task(
        name="describe-past",
        rows=_villagers,
        about="villager",
        asked=("date", "year", "town"),
        need=2,
        wordings=(
            "Describe the past of {name}.",
            "Tell me when {name} was born and when {he} came here.",
            "When was {name} born, and when did {he} come to the Valley?",
            "Write a few words about the past of {name}.",
            "What do you know about {name}'s past?",
            "Tell me about the past of {name}.",
            "Describe {name}'s past in two sentences.",
            "Give me the birthday of {name} and the year {he} came.",
        ),
        heldout=(
            "Write about {name}'s past.",
            "Please describe the past of {name} in two sentences.",
            "Can you describe the past of {name}?",
            "Please tell me something about {name}'s past.",
        ),
        good=(
            "{name} was born on {birthday}. {He} came to the Valley in {year}.",
            "{name} came to the Valley in {year}. {His} birthday is on {birthday}.",
        ),
        vague=("{name} was born long ago.", "{name} came one day.", "It was in another time."),
        swaps=("birthday", "year"),
    ),
    description_task(
        name="describe-town",
        rows=_towns,
        about="town",
        asked=("place", "landmark", "product", "day"),
        need=3,
        wordings=(
            "Describe {key}.",
            "Tell me about {key}.",
            "Describe the town of {key}.",
            "What do you know about {key}?",
            "Write a few words about {key}.",
            "What kind of town is {key}?",
            "Describe {key} in two sentences.",
            "Give me a short description of {key}.",
        ),
        heldout=(
            "Write about the town of {key}.",
            "Please tell me about {key}.",
            "Can you tell me something about {key}?",
            "Please describe the town of {key} in a few words.",
        ),
        good=(
            "{key} is a town {place}. It has the {landmark} and is known for {product}.",
            "{key} is known for {product}. You can see the {landmark} there, and the market is on {day}.",
        ),
        vague=("{key} is a town.", "People live in {key}.", "{key} is nice."),
        swaps=("place", "landmark", "product", "day"),
        heldout_share=0.25,
    ),
    description_task(
        name="describe-animal",
        rows=_animals,
        about="animal",
        asked=("sound", "habit", "legs"),
        need=2,
        wordings=(
            "Describe {a_key}.",
            "What is {a_key}?",
            "Tell me about the {key}.",
            "Describe {a_key} in two sentences.",
            "What do you know about the {key}?",
            "Write a few words about {a_key}.",
            "What is {a_key} like?",
            "Give me a short description of {a_key}.",
        ),
        heldout=(
            "Write about {a_key}.",
            "Please describe the {key}.",
            "Can you describe {a_key}?",
            "Please tell me something about the {key}.",
        ),
        good=(
            "{a_key} is an animal with {legs} legs. It {sound} and {habit}.",
            "{a_key} {sound} and {habit}. It has {legs} legs.",
        ),
        vague=("{a_key} is an animal.", "You can see it.", "It is alive."),
        swaps=("legs", "sound", "habit"),
        heldout_share=0.25,
    ),
    description_task(
        name="describe-job",
        rows=_jobs,
        about="job",
        asked=("does", "workplace"),
        need=2,
        wordings=(
            "Describe the job of {a_key}.",
            "Describe the work of {a_key}.",
            "Tell me about the job of {a_key}.",
            "Describe what {a_key} does in two sentences.",
            "What do you know about the work of {a_key}?",
            "Write a few words about the work of {a_key}.",
            "What is the work of {a_key} like?",
            "Give me a short description of the job of {a_key}.",
        ),
        heldout=(
            "Write about the job of {a_key}.",
            "Please describe what {a_key} does.",
            "Can you describe the job of {a_key}?",
            "Please tell me something about the work of {a_key}.",
        ),
        good=("{a_key} works {at_work} and {does}.", "{a_key} {does}. The {key} works {at_work}."),
        vague=("{a_key} has a job.", "{a_key} works.", "It is hard work."),
        swaps=("at_work", "does"),
        heldout_share=0.25,
    ),
    description_task(
        name="describe-thing",
        rows=_things,
        about="thing",
        asked=("kind", "colour", "trait"),
        need=2,
        wordings=(
            "Describe {key}.",
            "Describe {key} in two sentences.",
            "Tell me about {key}.",
            "What do you know about {key}?",
            "Write a few words about {key}.",
            "What is {key} like?",
            "Say something about {key}.",
            "Give me a short description of {key}.",
        ),
        heldout=(
            "Write about {key}.",
            "Please describe {key} in a few words.",
            "Can you describe {key}?",
            "Please tell me something about {key}.",
        ),
        good=("{key} is {colour}. It {trait}.", "{key} {trait}. Its colour is {colour}."),
        vague=("{key} is a thing.", "You can see it.", "It is there."),
        swaps=("colour", "trait"),
        heldout_share=0.25,
    ),
)
