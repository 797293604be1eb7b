"""Facts about villagers: one question each, answered from the world."""

import random
from collections.abc import Sequence

from minillama.valley.tasks.base import Case, Task
from minillama.valley.tasks.common import fill, poor, villager_slots, with_polite_forms
from minillama.valley.tasks.grading import grade_values
from minillama.valley.world import World


def villager_task(
    *,
    name: str,
    wordings: Sequence[str],
    heldout: Sequence[str],
    followups: Sequence[str],
    good: Sequence[str],
    vague: Sequence[str],
    asked: Sequence[str],
    domains: Sequence[str],
) -> Task:
    """Build the task of one fact of a villager.

    Args:
        name: the task's name, ``"fact-..."``.
        wordings: training wordings.
        heldout: wordings kept for held-out prompts.
        followups: wordings with pronouns for later turns.
        good: forms of the right answer, the usual one first.
        vague: answers that say too little.
        asked: the slots that must be named, such as ``["town"]``.
        domains: for each of ``asked``, the domain of the grader in which other values are rivals.
    """

    def cases(world: World) -> Sequence[Case]:
        return [_case(world, name, villager.name, asked, domains) for villager in world.villagers]

    def good_answer(world: World, case: Case, rng: random.Random) -> str:
        return fill(rng, good, case.slots)

    def wrong_answer(world: World, case: Case, rng: random.Random) -> str:
        others = [v for v in world.villagers if _differs(world, case, v.name, asked)]
        stolen = villager_slots(world, rng.choice(others))
        # Everything of the other person but who is asked about, so that the answer is consistently wrong.
        kept = {key: case.slots[key] for key in ("name", "he", "him", "his", "He", "His", "sib")}
        return fill(rng, good, {**stolen, **kept})

    def poor_answer(world: World, case: Case, rng: random.Random) -> str:
        return poor(
            rng,
            lambda: wrong_answer(world, case, rng),
            lambda: fill(rng, vague, case.slots, first=1 / len(vague)),
            lambda: good_answer(world, case, rng),
        )

    return Task(
        name=name,
        kind="facts",
        tier="core",
        wordings=with_polite_forms(wordings, heldout),
        heldout_wordings=tuple(heldout),
        cases=cases,
        good_answer=good_answer,
        poor_answer=poor_answer,
        grade=grade_values,
        followups=tuple(followups),
    )


def _case(world: World, task: str, name: str, asked: Sequence[str], domains: Sequence[str]) -> Case:
    slots = villager_slots(world, world.villager(name))
    wanted = [[domain, slots[key].lower()] for key, domain in zip(asked, domains, strict=True)]
    return Case(pair=f"{task}/{name}", slots=slots, target={"subject": name, "wanted": wanted})


def _differs(world: World, case: Case, name: str, asked: Sequence[str]) -> bool:
    slots = villager_slots(world, world.villager(name))
    return all(slots[key] not in (case.slots[key], case.slots["name"]) for key in asked)


TASKS = (
    villager_task(
        name="fact-town",
        wordings=(
            "Where does {name} live?",
            "In which town does {name} live?",
            "What is the home town of {name}?",
            "Which town does {name} live in?",
            "Please tell me where {name} lives.",
            "Do you know where {name} lives?",
            "I want to visit {name}. Which town do I go to?",
            "Where is {name}'s home?",
            "Which town is {name} from?",
            "Where can I find the house of {name}?",
        ),
        heldout=(
            "Can you tell me in which town {name} lives?",
            "Which town is the home of {name}?",
            "Tell me the town where {name} lives.",
        ),
        followups=("And where does {he} live?", "Where is {his} home?", "Which town does {he} live in?"),
        good=("{name} lives in {town}.", "{He} lives in {town}.", "{name} lives in {town}, {place}."),
        vague=("{name} lives in a town.", "{name} lives in the Valley.", "{name} has a nice home."),
        asked=("town",),
        domains=("town",),
    ),
    villager_task(
        name="fact-job",
        wordings=(
            "What is {name}'s job?",
            "What does {name} do for a living?",
            "What work does {name} do?",
            "Which job does {name} have?",
            "What does {name} work as?",
            "Tell me what {name} does for a living.",
            "What is the job of {name}?",
            "Do you know which job {name} has?",
            "How does {name} earn money?",
            "I forgot what {name} works as. Can you help me?",
        ),
        heldout=("Can you tell me {name}'s job?", "Please tell me which job {name} has.", "What job does {name} do?"),
        followups=("And what is {his} job?", "What does {he} do for a living?", "What does {he} work as?"),
        good=("{name} is {a_job}.", "{name} works as {a_job}.", "{name} is {a_job} and {does}."),
        vague=("{name} has a job.", "{name} works a lot.", "{name} does something useful."),
        asked=("job",),
        domains=("job",),
    ),
    villager_task(
        name="fact-workplace",
        wordings=(
            "Where does {name} work?",
            "What is {name}'s place of work?",
            "In which place does {name} work?",
            "Where can I find {name} during the day?",
            "Where does {name} go every morning to work?",
            "Tell me where {name} works.",
            "Do you know where {name} works?",
            "At which place does {name} work?",
            "I need {name} at work. Where do I go?",
        ),
        heldout=("Can you tell me where {name} works?", "Which place does {name} work at?"),
        followups=("And where does {he} work?", "What is {his} place of work?"),
        good=("{name} works {at_work}.", "{He} works {at_work}.", "You find {name} {at_work}."),
        vague=("{name} works somewhere in the Valley.", "{name} works at {his} place of work.", "{name} works hard."),
        asked=("workplace",),
        domains=("workplace",),
    ),
    villager_task(
        name="fact-pet",
        wordings=(
            "What pet does {name} have?",
            "Which animal does {name} keep?",
            "What kind of pet does {name} have?",
            "Does {name} have a pet?",
            "Which animal lives with {name}?",
            "Tell me which pet {name} has.",
            "What animal does {name} look after?",
            "Do you know what pet {name} has?",
            "What kind of animal is {name}'s pet?",
        ),
        heldout=(
            "Which pet does {name} have?",
            "Can you tell me what animal {name} has?",
            "What animal is {name}'s pet?",
        ),
        followups=("And what pet does {he} have?", "Does {he} have a pet?", "Which animal does {he} keep?"),
        good=("{name} has {a_animal}.", "{name} has {a_animal} called {pet_name}.", "{name}'s pet is {a_animal}."),
        vague=("{name} has a pet.", "{name} likes animals.", "{name} has an animal at home."),
        asked=("animal",),
        domains=("animal",),
    ),
    villager_task(
        name="fact-pet-name",
        wordings=(
            "What is the name of {name}'s pet?",
            "What is {name}'s {animal} called?",
            "What is the name of {name}'s {animal}?",
            "How does {name} call {his} {animal}?",
            "Which name does {name}'s pet have?",
            "Tell me the name of {name}'s {animal}.",
            "{name} has {a_animal}. What is it called?",
            "Do you know what {name}'s pet is called?",
            "What do you call {name}'s {animal}?",
            "Which name did {name} choose for {his} pet?",
        ),
        heldout=("What name did {name} give {his} {animal}?", "Can you tell me the name of {name}'s pet?"),
        followups=("And what is {his} pet called?", "What is the name of {his} pet?"),
        good=(
            "{name}'s {animal} is called {pet_name}.",
            "It is called {pet_name}.",
            "The {animal} of {name} is {pet_name}.",
        ),
        vague=(
            "{name}'s {animal} has a nice name.",
            "It has a short name.",
            "{name}'s {animal} is called by its name.",
        ),
        asked=("pet_name",),
        domains=("pet_name",),
    ),
    villager_task(
        name="fact-food",
        wordings=(
            "What is {name}'s favourite food?",
            "Which food does {name} like best?",
            "What does {name} like to eat most?",
            "What is the favourite food of {name}?",
            "Tell me {name}'s favourite food.",
            "What should I cook for {name}?",
            "{name} comes to dinner. What does {he} like most?",
            "Do you know {name}'s favourite food?",
            "Which food makes {name} happy?",
        ),
        heldout=("Which food is {name}'s favourite?", "Can you tell me what {name} likes to eat best?"),
        followups=("And what is {his} favourite food?", "Which food does {he} like best?"),
        good=("{name}'s favourite food is {food}.", "{name} likes {food} best.", "{He} likes {food} most of all."),
        vague=("{name} likes good food.", "{name} has a favourite food.", "{name} eats a lot."),
        asked=("food",),
        domains=("food",),
    ),
    villager_task(
        name="fact-hobby",
        wordings=(
            "What is {name}'s hobby?",
            "What does {name} do for fun?",
            "What does {name} do in {his} free time?",
            "Which hobby does {name} have?",
            "What does {name} like to do after work?",
            "Tell me the hobby of {name}.",
            "What is the hobby of {name}?",
            "How does {name} spend a free day?",
            "Do you know what {name} does for fun?",
        ),
        heldout=("Can you tell me {name}'s hobby?", "What does {name} enjoy in {his} free time?"),
        followups=("And what is {his} hobby?", "What does {he} do for fun?", "What does {he} do in {his} free time?"),
        good=("{name}'s hobby is {hobby}.", "{name} enjoys {hobby}.", "In {his} free time {name} enjoys {hobby}."),
        vague=("{name} has a hobby.", "{name} likes to have fun.", "{name} does many things."),
        asked=("hobby",),
        domains=("hobby",),
    ),
    villager_task(
        name="fact-treasure",
        wordings=(
            "What is {name}'s treasure?",
            "What does {name} treasure?",
            "What is the greatest treasure of {name}?",
            "Which thing does {name} love most?",
            "What would {name} never give away?",
            "Tell me what {name} treasures.",
            "Do you know {name}'s treasure?",
            "What is the treasure of {name}?",
            "Which thing would {name} never sell?",
        ),
        heldout=("Can you tell me {name}'s treasure?", "Which thing does {name} treasure most?"),
        followups=("And what does {he} treasure?", "What is {his} treasure?"),
        good=("{name}'s treasure is {a_treasure}.", "{name} treasures {a_treasure}.", "It is {a_treasure}."),
        vague=("{name} has a treasure.", "It is something old.", "{name} keeps it in a safe place."),
        asked=("treasure", "colour"),
        domains=("thing", "colour"),
    ),
    villager_task(
        name="fact-sibling",
        wordings=(
            "Who is {name}'s {sib}?",
            "What is the name of {name}'s {sib}?",
            "Who is the {sib} of {name}?",
            "What is {name}'s {sib} called?",
            "Does {name} have a brother or a sister?",
            "Tell me who {name}'s {sib} is.",
            "Which villager is {name}'s {sib}?",
            "Do you know {name}'s {sib}?",
            "{name} has a {sib}. Who is it?",
        ),
        heldout=("Can you tell me the name of {name}'s {sib}?", "Who is the brother or sister of {name}?"),
        followups=("And who is {his} {sib}?", "What is the name of {his} {sib}?"),
        good=("{name}'s {sib} is {sibling}.", "{sibling} is {name}'s {sib}.", "{name} has a {sib} called {sibling}."),
        vague=("{name} has a {sib}.", "It is somebody from the Valley.", "{name} loves {his} {sib}."),
        asked=("sibling",),
        domains=("sibling",),
    ),
    villager_task(
        name="fact-friend",
        wordings=(
            "Who is {name}'s best friend?",
            "Who is the best friend of {name}?",
            "What is the name of {name}'s best friend?",
            "Which villager is {name}'s best friend?",
            "Whom does {name} call {his} best friend?",
            "Tell me who {name}'s best friend is.",
            "Do you know {name}'s best friend?",
            "Who is the friend that {name} likes most?",
            "Which friend does {name} trust most?",
        ),
        heldout=("Can you tell me the name of {name}'s best friend?", "Which person is {name}'s best friend?"),
        followups=("And who is {his} best friend?", "What is the name of {his} best friend?"),
        good=(
            "{name}'s best friend is {friend}.",
            "{friend} is {name}'s best friend.",
            "The best friend of {name} is {friend}.",
        ),
        vague=("{name} has a best friend.", "{name} has many friends.", "It is a good person."),
        asked=("friend",),
        domains=("friend",),
    ),
    villager_task(
        name="fact-birthday",
        wordings=(
            "When is {name}'s birthday?",
            "On which day is {name}'s birthday?",
            "When was {name} born?",
            "What day is {name}'s birthday?",
            "On which day was {name} born?",
            "Tell me {name}'s birthday.",
            "When do we bake a cake for {name}?",
            "Do you know when {name}'s birthday is?",
            "What is the birthday of {name}?",
        ),
        heldout=("Can you tell me when {name} was born?", "On which day does {name} have {his} birthday?"),
        followups=("And when is {his} birthday?", "When was {he} born?"),
        good=("{name}'s birthday is on {birthday}.", "{name} was born on {birthday}.", "It is on {birthday}."),
        vague=("{name}'s birthday is once a year.", "{name} was born on a fine day.", "It is a day with cake."),
        asked=("birthday",),
        domains=("date",),
    ),
    villager_task(
        name="fact-arrival",
        wordings=(
            "When did {name} come to the Valley?",
            "In which year did {name} come to the Valley?",
            "Since when has {name} lived in the Valley?",
            "What year did {name} move to the Valley?",
            "When did {name} arrive in the Valley?",
            "Tell me when {name} came to the Valley.",
            "Do you know in which year {name} arrived?",
            "Since which year has {name} lived here?",
            "When did {name} move here?",
        ),
        heldout=("Can you tell me when {name} arrived in the Valley?", "In what year did {name} move to the Valley?"),
        followups=("And when did {he} come to the Valley?", "In which year did {he} arrive?"),
        good=("{name} came to the Valley in {year}.", "{He} came in {year}.", "{name} has lived here since {year}."),
        vague=("{name} came a long time ago.", "{name} came to the Valley one day.", "It was in summer."),
        asked=("year",),
        domains=("year",),
    ),
)
