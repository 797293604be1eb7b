"""Encyclopedia pages about the calendar: days, months, seasons, market days and birthdays."""

from minillama.valley.lexicon import DAYS, MONTH_LENGTHS, MONTHS, NUMBER_WORDS, SEASONS, TOWNS
from minillama.valley.writing.desk import Desk, Form
from minillama.valley.writing.grammar import listing, sentence


def calendar_page(desk: Desk) -> str:
    """Say how days, months and seasons follow one another."""
    said = [desk.deal("calendar", CALENDAR)(desk) for _ in range(7 + desk.rng.randrange(5))]
    return desk.pick((" ", " ", "\n")).join(sentence(line) for line in said)


def _day_order(desk: Desk) -> str:
    index = desk.rng.randrange(7)
    return desk.say(
        "{[day] comes after [before]|after [day] comes [after]|the day before [day] is [before]|the day after [day] "
        "is [after]|[day] is between [before] and [after]|if today is [day], tomorrow is [after]|yesterday was "
        "[before], so today is [day]|which day follows [day]? [after]}", day=DAYS[index], before=DAYS[index - 1],
        after=DAYS[(index + 1) % 7],
    )  # fmt: skip


def _month_order(desk: Desk) -> str:
    index = desk.rng.randrange(12)
    return desk.say(
        "{[month] comes after [before]|after [month] comes [after]|the month before [month] is [before]|[month] is "
        "the month after [before]|[month] is between [before] and [after]|which month follows [month]? [after]|when "
        "[month] is over, [after] begins|[month] is month {number |}[number] of the year}",
        month=MONTHS[index], before=MONTHS[index - 1], after=MONTHS[(index + 1) % 12], number=str(index + 1),
    )  # fmt: skip


def _following(desk: Desk) -> str:
    """Say which days or months come after one, in order."""
    kind, names = desk.pick((("days", DAYS), ("months", MONTHS)))
    index, count = desk.rng.randrange(len(names)), 2 + desk.rng.randrange(3)
    items = listing([names[(index + step) % len(names)] for step in range(1, count + 1)])
    return desk.say(
        "{after [start] come [items]|the [count] [kind] after [start] are [items]|[start] is over, and now come [items]"
        "|first [start], then [items]|which [kind] come after [start]? [items]}",
        start=names[index], items=items, kind=kind, count=NUMBER_WORDS[count],
    )  # fmt: skip


def _month_length(desk: Desk) -> str:
    index = desk.rng.randrange(12)
    return desk.say(
        "{[month] has [days] days|there are [days] days in [month]|how many days has [month]? [days]|[month] is "
        "[days] days long|the last day of [month] is [month] [days]}", month=MONTHS[index],
        days=str(MONTH_LENGTHS[index]),
    )  # fmt: skip


def _season(desk: Desk) -> str:
    season = desk.pick(sorted(SEASONS))
    months = [MONTHS[number - 1] for number in SEASONS[season]]
    return desk.say(
        "{[month] is {in|a month of} [season]|[season] {has three months|is made of}: [months]|the months of "
        "[season] are [months]|in [season] come [months]|in which season is [month]? In [season]}",
        month=desk.pick(months), season=season, months=listing(months),
    ).replace("made of:", "made of")  # fmt: skip


def _year(desk: Desk) -> str:
    return desk.say(
        "{a week has seven days|there are seven days in a week|a year has twelve months|there are twelve months in "
        "a year|a year has four seasons|the first day of the week is Monday|the last day of the week is Sunday|the "
        "year begins in January|the year ends in December|the days are [days]|the months are [months]}",
        days=listing(DAYS), months=listing(MONTHS),
    )  # fmt: skip


def _birthday(desk: Desk) -> str:
    return desk.state(desk.deal("calendar people", desk.world.villagers), "birthday")


def _market(desk: Desk) -> str:
    town = desk.pick(TOWNS)
    return desk.say(
        "{on [day] there is a market in [town]|the market of [town] is on [day]|[day] is the day of the market in "
        "[town]}",
        day=town.market_day, town=town.name,
    )  # fmt: skip


CALENDAR: tuple[Form, ...] = (
    _following, _following, _following, _following, _day_order, _day_order, _month_order, _month_order, _month_length,
    _month_length, _season, _season, _year,
    _birthday,
    _birthday, _market,
)  # fmt: skip
