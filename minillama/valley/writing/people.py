"""Encyclopedia pages about villagers: portraits, comparisons, and pages that tell one kind of fact of several "
"people."""

from collections.abc import Callable

from minillama.valley.lexicon import ANIMALS, FOODS, HOBBIES, JOBS, MONTHS, PET_NAMES, THINGS, TOWNS
from minillama.valley.world import Villager
from minillama.valley.writing.desk import INDOORS, Desk
from minillama.valley.writing.facts import FACTS
from minillama.valley.writing.grammar import listing, polish, sentence, with_article

TITLES = (
    "", "", "[name]", "[name], {a|the} [job]", "about [name]", "who is [name]?", "{a page|a few words} about [name]",
    "[name] from [town]", "the [job] from [town]", "[name] and [his] [animal]", "meet [name]",
)  # fmt: skip
ENDINGS = (
    "", "", "", "", "that is {all|what} we know about [him]", "{now|so now} you know [name] a little",
    "so much about [name]", "[name] is {kind|quiet|happy}, people say", "say hello to [name] from us",
    "this is [name], {and|but} there is more to tell {another day|when you meet [him]}",
)  # fmt: skip
OPENINGS = (
    "", "", "", "", "[name] is a [kin] of the Valley", "this is [name]", "{do you know|have you met} [name]?",
    "let us {talk|speak} about [name]", "everybody {here|in the Valley} knows [name]",
)  # fmt: skip


def villager_page(desk: Desk) -> str:
    """Write a page about one villager: five to nine facts in any order."""
    villager = desk.villager()
    title = desk.say(desk.pick(TITLES), villager)
    opening = desk.say(desk.pick(OPENINGS), villager)
    body = desk.portrait(villager, desk.facts(villager, 5 + desk.rng.randrange(5)), named=bool(opening))
    ending = desk.say(desk.pick(ENDINGS), villager)
    text = " ".join(part for part in (opening and sentence(opening), body, ending and sentence(ending)) if part)
    return polish(f"{title}\n{text}" if title else text)


def card(desk: Desk) -> str:
    """Write a card about one villager: a line for every fact."""
    villager = desk.villager()
    lines = {
        "town": "{home|town|lives in}: [town]", "job": "{job|work|works as}: {a |}[job]",
        "work": "{place of work|works}: [at work]",
        "pet": "{pet|animal}: a [animal] called [pet]", "favourite": "{favourite food|likes best}: [food]",
        "foods": "{foods|likes to eat|eats}: [foods]", "hobby": "{hobby|for fun}: [hobby]",
        "things": "{things|owns}: [things]",
        "treasure": "treasure: a [colour] [treasure]", "sibling": "[sib]: [sibling]", "friend": "best friend: [friend]",
        "birthday": "{birthday|born on}: [birthday]", "arrival": "{came to the Valley in|arrived in|here since}: "
        "[year]",
    }  # fmt: skip
    chosen = desk.facts(villager, 8 + desk.rng.randrange(4))
    head = desk.say("{name: [name]|[name]|villager: [name]|a card for [name]}", villager)
    said = [desk.say(lines[fact], villager) for fact in chosen]
    mark = desk.pick(("", "- ", "* "))
    end = desk.portrait(villager, desk.facts(villager, 2))
    return polish("\n".join([head, *(mark + line for line in said), end]))


def comparison(desk: Desk) -> str:
    """Compare two villagers, fact by fact."""
    first, second = desk.villager(), desk.villager()
    while first == second:
        second = desk.villager()
    parts = [
        desk.say(
            "{[one] and [two] are {two villagers|both from the Valley}|let us look at [one] and [two]"
            "|here are [one] and [two]|what is different about [one] and [two]?|[one] is not like [two]|}",
            one=first.name, two=second.name,
        )
    ]  # fmt: skip
    for fact in desk.facts(first, 4 + desk.rng.randrange(3)):
        one, two = desk.state(first, fact), desk.state(second, fact)
        parts.append(one + desk.pick((", but ", ", and ", ", while ", "; ", ". ")) + two)
    if first.town == second.town:
        parts.append(desk.say("both {live|are at home} in [town]", first))
    if first.arrival_year != second.arrival_year:
        early, late = sorted((first, second), key=lambda villager: villager.arrival_year)
        parts.append(
            desk.say(
                "{[one] came to the Valley before [two], for [a] is before [b]|[two] came later than [one]: [one] "
                "in [a],"
                " [two] in [b]|[one] has been here longer, since [a], and [two] since [b]}",
                one=early.name, two=late.name, a=str(early.arrival_year), b=str(late.arrival_year),
            )
        )  # fmt: skip
    return " ".join(sentence(part) for part in parts if part)


ROLL_TITLES = {
    "town": "{who lives where|where we live}", "job": "{who does what|jobs|the work of the villagers}",
    "work": "who works where", "pet": "animals and names",
    "favourite": "{favourite foods|what we like best|who likes what}", "foods": "{foods|what we like to eat}",
    "hobby": "{hobbies|what we do for fun|free time}", "things": "{things|who owns what|what is in the houses}",
    "treasure": "{treasures|what we treasure}", "sibling": "brother or sister",
    "friend": "{best friends|friends|who likes whom}", "birthday": "{birthdays|when we were born}",
    "arrival": "{who came when|since when we are here}",
}  # fmt: skip


def roll(desk: Desk) -> str:
    """Tell the same kind of fact of five to eight villagers."""
    fact = desk.deal("roll", FACTS)
    people = [desk.deal(f"roll {fact}", desk.world.villagers) for _ in range(5 + desk.rng.randrange(4))]
    title = desk.say(desk.pick((ROLL_TITLES[fact], "{villagers and|a list:|about} " + ROLL_TITLES[fact], "")))
    said = [sentence(desk.state(villager, fact)) for villager in people]
    body = desk.pick((" ", " ", "\n")).join(said)
    return polish(f"{title}\n{body}" if title else body)


def _group(desk: Desk, question: str, answer: str, none: str, people: list[Villager], **slots: str) -> str:
    """Ask who has something in common, and answer with all names."""
    names = [villager.name for villager in people]
    desk.rng.shuffle(names)
    if not names:
        return sentence(desk.say(question, **slots) + "?") + " " + sentence(desk.say(none, **slots))
    several = len(names) > 1
    values = {
        **slots, "who": listing(names), "live": "live" if several else "lives", "are": "are" if several else "is",
        "like": "like" if several else "likes", "have": "have" if several else "has",
        "work": "work" if several else "works",
        "own": "own" if several else "owns", "were": "were" if several else "was",
    }  # fmt: skip
    values["them"] = f"{slots['it']}s" if several else with_article(slots["it"])
    said = sentence(desk.say(answer, **values))
    if desk.chance(0.6):
        return sentence(desk.say(question, **slots) + "?") + " " + said
    return said


def _by_town(desk: Desk) -> str:
    town = desk.deal("group town", TOWNS)
    return _group(
        desk, "{who lives in [it]|which villagers live in [it]|who has a home in [it]|who is at home in [it]}",
        "{[who] [live] in [it]|the people of [it] are [who]|in [it] [live] [who]|[it] is the home of [who]}",
        "nobody lives in [it]", list(desk.world.people_of(town)), it=town.name,
    )  # fmt: skip


def _by_job(desk: Desk) -> str:
    job = desk.deal("group job", JOBS)
    return _group(
        desk, "{which villager is a [it]|who works as a [it]|who works [at]|who [does]|who is a [it]}",
        "{[who] [work] as [them]|[who] [work] [at]|[it]: [who]|if you need a [it], ask [who]}",
        "there is no [it] in the Valley", [v for v in desk.world.villagers if v.job == job],
        it=job.name, at=f"{'in' if job.workplace in INDOORS else 'at'} the {job.workplace}",
        does=job.does,
    )  # fmt: skip


def _by_animal(desk: Desk) -> str:
    animal = desk.deal("group animal", ANIMALS)
    return _group(
        desk, "{who has a [it]|which villager keeps a [it]|who has a pet [it]|who looks after a [it]}",
        "{[who] [have] a [it]|a pet [it] lives with [who]|[who] [have] a pet [it]}",
        "nobody has a [it]", [v for v in desk.world.villagers if v.animal == animal], it=animal.name,
    )  # fmt: skip


def _by_pet(desk: Desk) -> str:
    pet = desk.deal("group pet", PET_NAMES)
    return _group(
        desk, "{who has a pet called [it]|whose pet is [it]|who is the owner of [it]|who calls a pet [it]}",
        "{[who] [have] a pet called [it]|[it] is the pet of [who]|[it] lives with [who]}",
        "no pet is called [it]", [v for v in desk.world.villagers if v.pet_name == pet], it=pet,
    )  # fmt: skip


def _by_hobby(desk: Desk) -> str:
    hobby = desk.deal("group hobby", HOBBIES)
    return _group(
        desk, "{who likes [it]|whose hobby is [it]|who enjoys [it]|with whom can I talk about [it]}",
        "{[who] [like] [it]|[it] is the hobby of [who]|ask [who], who [like] [it]|for [who], [it] is the best hobby}",
        "nobody likes [it]", [v for v in desk.world.villagers if v.hobby == hobby], it=hobby,
    )  # fmt: skip


def _by_food(desk: Desk) -> str:
    food = desk.deal("group food", FOODS)
    return _group(
        desk, "{whose favourite food is [it]|who likes [it] best|who loves [it] most}",
        "{[who] [like] [it] best|[it] is the favourite food of [who]|[who] would eat [it] every day}",
        "nobody likes [it] best", [v for v in desk.world.villagers if v.foods[0] == food], it=food,
    )  # fmt: skip


def _by_month(desk: Desk) -> str:
    month = desk.deal("group month", MONTHS)
    return _group(
        desk, "{whose birthday is in [it]|who was born in [it]|which birthdays are in [it]}",
        "{[who] [were] born in [it]|in [it] we bake a cake for [who]|[who] [have] a birthday in [it]}",
        "nobody was born in [it]", [v for v in desk.world.villagers if v.birth_month == month], it=month,
    )  # fmt: skip


def _by_treasure(desk: Desk) -> str:
    villager = desk.deal("group treasure", desk.world.villagers)
    thing = f"{villager.treasure_colour} {villager.treasure}"
    same = [v for v in desk.world.villagers if f"{v.treasure_colour} {v.treasure}" == thing]
    return _group(
        desk, "{who treasures [it]|whose treasure is [it]|who keeps [it] as a treasure}",
        "{[who] [have] [it] as a treasure|[it] is the treasure of [who]}", "nobody", same, it=with_article(thing),
    )  # fmt: skip


def _by_thing(desk: Desk) -> str:
    thing = desk.deal("group thing", THINGS)
    return _group(
        desk, "{who owns [it]|who has [it] at home|from whom could I borrow [it]}",
        "{[who] [own] [it]|[who] [have] [it]|you find [it] in the house of [who]}", "nobody owns [it]",
        [v for v in desk.world.villagers if thing in v.things], it=with_article(thing),
    )  # fmt: skip


def _close(desk: Desk) -> str:
    """Name the sibling and the best friend of a villager together."""
    villager = desk.deal("close", desk.world.villagers)
    return sentence(
        desk.say(
            "{who is close to [name]? {[sibling], [his] [sib], and [friend], [his] best friend|[sibling] and [friend]}"
            "|the [sib] of [name] is [sibling], and the best friend of [name] is [friend]"
            "|[name's] [sib] is [sibling], and [his] best friend is [friend]"
            "|close to [name] are [his] [sib] [sibling] and [his] best friend [friend]}",
            villager,
        )
    )


GROUPS: tuple[Callable[[Desk], str], ...] = (
    _by_town, _by_town, _by_town, _close, _close, _by_job, _by_animal, _by_pet, _by_hobby, _by_food, _by_month,
    _by_treasure, _by_thing,
)  # fmt: skip


def groups(desk: Desk) -> str:
    """Go from a property to the people who have it, for four to seven properties."""
    forms = [desk.deal("groups", GROUPS) for _ in range(4 + desk.rng.randrange(4))]
    opening = desk.pick(
        ("", "", "who is who?", "some questions and answers about us.", "find the right person.", "look here.")
    )
    glue = desk.pick((" ", " ", "\n"))
    return polish(glue.join([opening] * bool(opening) + [form(desk) for form in forms]))


def roster(desk: Desk) -> str:
    """Introduce three or four villagers with two or three facts each."""
    people = [desk.villager() for _ in range(3 + desk.rng.randrange(2))]
    parts = [desk.portrait(villager, desk.facts(villager, 2 + desk.rng.randrange(2))) for villager in people]
    return desk.pick((" ", "\n")).join(parts)
