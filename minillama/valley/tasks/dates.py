"""The calendar: which day or month comes next, in which season a month lies, how many days it has."""

import random
from collections.abc import Sequence

from minillama.valley.lexicon import DAYS, MONTH_LENGTHS, MONTHS, SEASONS
from minillama.valley.tasks.base import Case, Grade, Task
from minillama.valley.tasks.matching import careless, final_number, names_only
from minillama.valley.world import World

_STEPS = {
    "after": ("one day", 1), "before": ("one day", -1), "two after": ("two days", 2), "two before": ("two days", -2),
    "three after": ("three days", 3), "three before": ("three days", -3),
}  # fmt: skip


def _day_cases(_world: World) -> Sequence[Case]:
    cases = []
    for index, day in enumerate(DAYS):
        for label, (count, step) in _STEPS.items():
            where = f"{count} {'after' if step > 0 else 'before'} {day}"
            right = DAYS[(index + step) % 7]
            cases.append(
                Case(pair=f"date-day/{label}/{day}", slots={"where": where}, target={"right": right, "day": day})
            )
    return cases


def _month_cases(_world: World) -> Sequence[Case]:
    cases = []
    for index, month in enumerate(MONTHS):
        for count, step in (("one month", 1), ("one month", -1), ("two months", 2), ("two months", -2)):
            where = f"{count} {'after' if step > 0 else 'before'} {month}"
            target = {"right": MONTHS[(index + step) % 12], "month": month}
            cases.append(Case(pair=f"date-month/{where}", slots={"where": where}, target=target))
    return cases


def season_of(month: str) -> str:
    """The season of a month."""
    number = MONTHS.index(month) + 1
    return next(season for season, numbers in SEASONS.items() if number in numbers)


def _season_cases(world: World) -> Sequence[Case]:
    months = [
        Case(pair=f"date-season/{month}", slots={"what": month}, target={"right": season_of(month), "month": month})
        for month in MONTHS
    ]
    birthdays = [
        Case(
            pair=f"date-season/{villager.name}",
            slots={"what": f"{villager.birthday}"},
            target={"right": season_of(villager.birth_month), "month": villager.birthday},
        )
        for villager in world.villagers
    ]
    unique = {case.slots["what"]: case for case in (*months, *birthdays)}
    return list(unique.values())


def _length_cases(_world: World) -> Sequence[Case]:
    return [
        Case(pair=f"date-length/{month}", slots={"month": month}, target={"right": length, "month": month})
        for month, length in zip(MONTHS, MONTH_LENGTHS, strict=True)
    ]


def _good_day(_world: World, case: Case, rng: random.Random) -> str:
    right, where = case.target["right"], case.slots["where"]
    where = where[0].upper() + where[1:]
    return rng.choice((f"It is {right}.", f"{right}.", f"That is {right}.", f"{where} it is {right}."))


def _poor_day(_world: World, case: Case, rng: random.Random) -> str:
    wrong = rng.choice([day for day in DAYS if day not in case.target.values()])
    right = case.target["right"]
    forms = (f"It is {wrong}.", f"{wrong}.", f"It is {wrong} or {right}.", f"It is {case.target['day']}.")
    return rng.choice((*forms, ", ".join(DAYS) + ".", careless(rng)))


def _grade_day(_world: World, case: Case, answer: str) -> Grade:
    return names_only(answer, case.target["right"], DAYS, allowed=[case.target["day"]])


def _poor_month(_world: World, case: Case, rng: random.Random) -> str:
    wrong = rng.choice([month for month in MONTHS if month not in case.target.values()])
    right = case.target["right"]
    forms = (f"It is {wrong}.", f"{wrong}.", f"It is {wrong} or {right}.", f"It is {case.target['month']}.")
    return rng.choice((*forms, ", ".join(MONTHS) + ".", careless(rng)))


def _grade_month(_world: World, case: Case, answer: str) -> Grade:
    return names_only(answer, case.target["right"], MONTHS, allowed=[case.target["month"]])


def _good_season(_world: World, case: Case, rng: random.Random) -> str:
    right, what = case.target["right"], case.slots["what"]
    return rng.choice((f"{what} is in {right}.", f"It is in {right}.", f"In {right}.", f"{right.capitalize()}."))


def _poor_season(_world: World, case: Case, rng: random.Random) -> str:
    wrong = rng.choice([season for season in SEASONS if season != case.target["right"]])
    right = case.target["right"]
    forms = (f"It is in {wrong}.", f"{case.slots['what']} is in {wrong}.", f"It is in {wrong} or {right}.")
    return rng.choice((*forms, f"It is not in {right}.", careless(rng)))


def _grade_season(_world: World, case: Case, answer: str) -> Grade:
    return names_only(answer.replace("fall", "autumn"), case.target["right"], tuple(SEASONS))


def _good_length(_world: World, case: Case, rng: random.Random) -> str:
    month, right = case.slots["month"], case.target["right"]
    return rng.choice((f"{month} has {right} days.", f"It has {right} days.", f"{right}.", f"There are {right} days."))


def _poor_length(_world: World, case: Case, rng: random.Random) -> str:
    wrong = rng.choice([length for length in (27, 28, 29, 30, 31, 32) if length != case.target["right"]])
    return rng.choice((f"{case.slots['month']} has {wrong} days.", f"{wrong}.", "It has many days.", careless(rng)))


def _grade_length(_world: World, case: Case, answer: str) -> Grade:
    return final_number(answer, case.target["right"])


TASKS: tuple[Task, ...] = (
    Task(
        name="date-day",
        kind="dates",
        tier="extended",
        wordings=(
            "What day is {where}?", "Which day is {where}?", "Name the day {where}.",
            "What day of the week is {where}?",
            "Tell me the day {where}.", "Which day of the week comes {where}?", "What day comes {where}?",
            "I need to know the day {where}.",
        ),
        heldout_wordings=("Can you say which day is {where}?", "Please name the day that comes {where}."),
        cases=_day_cases,
        good_answer=_good_day,
        poor_answer=_poor_day,
        grade=_grade_day,
    ),
    Task(
        name="date-month",
        kind="dates",
        tier="extended",
        wordings=(
            "What month is {where}?", "Which month is {where}?", "Name the month {where}.", "What month comes {where}?",
            "Tell me the month {where}.", "Which month of the year is {where}?", "Which month comes {where}?",
            "I need to know the month {where}.",
        ),
        heldout_wordings=("Can you say which month is {where}?", "Please name the month that comes {where}."),
        cases=_month_cases,
        good_answer=_good_day,
        poor_answer=_poor_month,
        grade=_grade_month,
    ),
    Task(
        name="date-season",
        kind="dates",
        tier="extended",
        wordings=(
            "In which season is {what}?", "What season is {what} in?", "Which season does {what} belong to?",
            "Name the season of {what}.", "Tell me the season of {what}.", "{what}: which season is it?",
            "Is {what} in winter, spring, summer or autumn?", "What is the season of {what}?",
        ),
        heldout_wordings=("Say in which season {what} lies.", "Which of the four seasons has {what} in it?"),
        cases=_season_cases,
        good_answer=_good_season,
        poor_answer=_poor_season,
        grade=_grade_season,
    ),
    Task(
        name="date-length",
        kind="dates",
        tier="extended",
        wordings=(
            "How many days does {month} have?", "How many days are in {month}?", "How long is {month}?",
            "What is the number of days in {month}?", "Tell me how many days {month} has.",
            "How many days are there in {month}?", "Count the days of {month}.", "{month} has how many days?",
        ),
        heldout_wordings=("Say how many days {month} has.", "How many days long is {month}?"),
        cases=_length_cases,
        good_answer=_good_length,
        poor_answer=_poor_length,
        grade=_grade_length,
    ),
)  # fmt: skip
