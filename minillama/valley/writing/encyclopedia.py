"""The encyclopedia: pages about villagers, towns, jobs, animals, things, tools, the calendar, rhymes and manners."""

from minillama.valley.lexicon import (
    ANIMALS,
    COLOURS,
    COMMON_THINGS,
    DAYS,
    FOODS,
    HOBBIES,
    JOBS,
    MONTHS,
    NUMBER_WORDS,
    RHYMES,
    THINGS,
    TOOLS,
    TOWNS,
    CommonThing,
    Job,
)  # fmt: skip
from minillama.valley.writing import people
from minillama.valley.writing.calendar import calendar_page
from minillama.valley.writing.desk import INDOORS, Desk, Form, write_one
from minillama.valley.writing.grammar import listing, polish, sentence, with_article

TOWN_FACTS = (
    "[town] {lies|is} [place]",
    "[town] is a town [place]",
    "the town [place] is {called|named} [town]",
    "in [town] there is a [landmark]",
    "[town] has a [landmark]{|, which you see from far away| that everybody loves}",
    "the [landmark] {stands|is} in [town]{|, [place]}",
    "people come to [town] {to see|for} the [landmark]",
    "the landmark of [town] is {its|the} [landmark]",
    "[town] is known for {its |}[product]",
    "{the people of|everybody in} [town] {sell|sells} [product]",
    "{for|if you need} [product], {go|you must go} to [town]",
    "[product]{ come| comes} from [town]",
    "the best [product] {come|comes} from [town]",
    "the market in [town] is on [market]",
    "[town] has its market on [market]",
    "{every|each} [market] there is a market in [town]",
    "on [market] {people buy and sell|you can buy many things|the market is open} in [town]",
)


def _agree(text: str, plural: bool) -> str:
    """Choose the verb after a product: "honey comes", "baskets come"."""
    pairs = (("come from", "comes from"), ("people sells", "people sell"))
    for many, one in pairs:
        text = text.replace(f" {one}", f" {many}") if plural else text.replace(f" {many}", f" {one}")
    return text


def town_lines(desk: Desk, count: int) -> list[str]:
    """State ``count`` facts about one town of the deck."""
    town = desk.deal("towns", TOWNS)
    slots = {"town": town.name, "place": town.place, "landmark": town.landmark, "product": town.product}
    said = []
    for _ in range(count):
        text = desk.say(desk.deal(f"facts of {town.name}", TOWN_FACTS), market=town.market_day, **slots)
        text = text.replace("people of " + town.name + " sells", "people of " + town.name + " sell")
        text = text.replace("everybody in " + town.name + " sell ", "everybody in " + town.name + " sells ")
        if town.product in text:
            text = _agree(text, town.product.endswith("s"))
        said.append(text)
    names = [villager.name for villager in desk.world.people_of(town)]
    desk.rng.shuffle(names)
    if names and desk.chance(0.7):
        said.append(
            desk.say(
                "{[who] live there|the people of [town] are [who]|[who] live in [town]|among the people of [town] "
                "are [who]"
                "|in [town] you meet [who]|[town] is the home of [who]}", town=town.name, who=listing(names),
            ) if len(names) > 1 else f"{names[0]} lives in {town.name}"
        )  # fmt: skip
    return said


def town_page(desk: Desk) -> str:
    """Describe one or two towns."""
    lines = town_lines(desk, 5 + desk.rng.randrange(3))
    if desk.chance(0.4):
        lines += town_lines(desk, 3 + desk.rng.randrange(2))
    return " ".join(sentence(line) for line in lines)


JOB_FACTS = (
    "a [job] [does]", "the [job] [does]{| for all of us| day after day}", "a [job] works [at]", "you find a [job] [at]",
    "the right place for a [job] is the [workplace]", "{a person|somebody} who [does] is {called |}a [job]",
    "[at] {works a [job]|you meet a [job]}", "what does a [job] do? A [job] [does]",
    "in the Valley a [job] [does] [at]",
    "where does a [job] work? {A [job] works|It is} [at]", "without a [job], nobody [does]",
)  # fmt: skip


def job_lines(desk: Desk, job: Job, count: int) -> list[str]:
    """State ``count`` facts about a job."""
    at = f"{'in' if job.workplace in INDOORS else 'at'} the {job.workplace}"
    slots = {"job": job.name, "does": job.does, "workplace": job.workplace, "at": at}
    return [desk.say(desk.deal(f"facts of {job.name}", JOB_FACTS), **slots) for _ in range(count)]


def job_page(desk: Desk) -> str:
    """Describe two or three jobs and name who has them."""
    said = []
    for _ in range(2 + desk.rng.randrange(2)):
        job = desk.deal("jobs", JOBS)
        said += job_lines(desk, job, 2 + desk.rng.randrange(2))
        holders = [villager for villager in desk.world.villagers if villager.job == job]
        if holders:
            said.append(desk.state(desk.pick(holders), desk.pick(("job", "job", "work"))))
    return " ".join(sentence(line) for line in said)


ANIMAL_FACTS = (
    "a [animal] [sound]", "the [animal] [sound]{| when it is happy| in the morning| all day}",
    "a [animal] has [legs] legs",
    "how many legs does a [animal] have? {It has|A [animal] has} [legs]{| legs}", "a [animal] [habit]",
    "the [animal] [habit]",
    "what does a [animal] do? It [sound]{|, and it [habit]}",
    "{an animal that|the animal that} [sound] is {the|a} [animal]",
    "which animal [habit]? {The|A} [animal]{| does}", "a [animal] [sound] and [habit]",
    "with its [legs] legs, a [animal] [habit]",
)  # fmt: skip


def animal_page(desk: Desk) -> str:
    """Describe two or three animals and name whose pets they are."""
    said = []
    for _ in range(2 + desk.rng.randrange(2)):
        animal = desk.deal("animals", ANIMALS)
        slots = {
            "animal": animal.name, "sound": animal.sound, "habit": animal.habit,
            "legs": desk.pick((str(animal.legs), NUMBER_WORDS[animal.legs])),
        }  # fmt: skip
        said += [desk.say(desk.deal(f"facts of {animal.name}", ANIMAL_FACTS), **slots) for _ in range(3)]
        keepers = [villager for villager in desk.world.villagers if villager.animal == animal]
        if keepers:
            said.append(desk.state(desk.pick(keepers), "pet"))
    return " ".join(sentence(line) for line in said)


THING_FACTS = (
    "[it] is [colour]", "the colour of [it] is [colour]", "[it] [trait]", "[it] is [colour] and [trait]",
    "what colour is [it]? [colour]",
    "{do you know what [it] is?|what is [it]?} It is [kind]", "[it] is [kind]", "[it] is [kind] and [trait]",
    "what [trait]? [it]",
    "{something|a thing} [colour] that [trait] is [it]", "[it], [kind], is [colour]", "we all know that [it] [trait]",
)  # fmt: skip
MASS = ("weather", "water", "air", "part of a plant")


def thing_lines(desk: Desk, thing: CommonThing, count: int) -> list[str]:
    """State ``count`` facts about a thing everybody knows."""
    kind = thing.kind if thing.kind in MASS else with_article(thing.kind)
    slots = {"it": thing.name, "kind": kind, "colour": thing.colour, "trait": thing.trait}
    said = [desk.say(desk.deal(f"facts of {thing.name}", THING_FACTS), **slots) for _ in range(count)]
    return [polish(text) for text in said]


def things_page(desk: Desk) -> str:
    """Say of three to five common things what they are, what colour they have and what they do."""
    said = []
    for _ in range(3 + desk.rng.randrange(3)):
        said += thing_lines(desk, desk.deal("common things", COMMON_THINGS), 2 + desk.rng.randrange(2))
    return " ".join(sentence(line) for line in said)


def sorting_page(desk: Desk) -> str:
    """Sort common things by colour or by kind."""
    said = []
    for colour in desk.rng.sample(COLOURS, 5):
        names = [thing.name for thing in COMMON_THINGS if thing.colour == colour]
        desk.rng.shuffle(names)
        owner = desk.deal("coloured treasures", desk.world.villagers)
        if names:
            said.append(
                desk.say(
                    "{[things] {are|can be} [colour]|what is [colour]? [things]|[colour] things are [things]|if you "
                    "look for something [colour], think of [things]}" if len(names) > 1
                    else "{[things] is [colour]|one thing that is [colour] is [things]|what is [colour]? [things]}",
                    things=listing(names), colour=colour,
                )
            )  # fmt: skip
        said.append(desk.state(owner, "treasure"))
    for kind in desk.rng.sample(("fruit", "vegetable", "bird"), 2):
        names = [thing.name for thing in COMMON_THINGS if thing.kind == kind]
        desk.rng.shuffle(names)
        said.append(
            desk.say(
                "{[one] is a [kind], and so is [two]|name a [kind]. One is [one]|[one] and [two] are both [kind]s"
                "|is [one] a [kind]? Yes, and so is [two]}", one=names[0], two=names[1], kind=kind,
            )
        )  # fmt: skip
    return " ".join(sentence(line) for line in said)


TOOL_FACTS = (
    "you use [tool] to [use]", "[tool] is {used|made|there} to [use]", "with [tool] you can [use]",
    "to [use], {take|use|you need} [tool]",
    "what do you need to [use]? [tool]", "what is [tool] for? {It is there|You use it} to [use]",
    "if you want to [use], {look for|take|find} [tool]",
    "[tool] helps you to [use]", "people use [tool] when they want to [use]", "nobody can [use] {well |}without [tool]",
)  # fmt: skip


def tools_page(desk: Desk) -> str:
    """Say what five to eight tools are for."""
    said = []
    for _ in range(5 + desk.rng.randrange(4)):
        tool = desk.deal("tools", TOOLS)
        said.append(polish(desk.say(desk.deal("tool facts", TOOL_FACTS), tool=with_article(tool.name), use=tool.use)))
    return " ".join(sentence(line) for line in said)


def rhyme_page(desk: Desk) -> str:
    """Say which words rhyme, in sentences and small verses."""
    said = []
    for _ in range(4 + desk.rng.randrange(3)):
        words = desk.deal("rhymes", RHYMES)
        a, b, c = desk.rng.sample(words, 3)
        said.append(
            desk.say(
                "{[a] rhymes with [b]|[a] and [b] rhyme|which word rhymes with [a]? [b]{| does}|[a], [b] and [c] "
                "rhyme|words that rhyme with [a] are [b] and [c]|a rhyme for [a] is [b]|I say [a], you say [b]|[a] "
                "ends like [b], so they rhyme|[a], [b], [c]: all rhyme|[b] is a word that rhymes with [a]}",
                a=a, b=b, c=c,
            )
        )  # fmt: skip
    return " ".join(sentence(line) for line in said)


PLACES = {
    "in a kitchen": ("spoon", "oven", "teapot", "pot", "table", "chair", "bucket", "lamp"),
    "in a garden": ("spade", "bucket", "ladder", "tree", "bee", "basket"),
    "in a school": ("pencil", "book", "chair", "clock", "table", "bell"),
    "in a workshop": ("hammer", "saw", "ladder", "box", "lamp", "table"),
    "in a bedroom": ("bed", "lamp", "mirror", "clock", "box", "book"),
    "on a farm": ("hen", "pig", "goat", "horse", "cart", "duck"),
    "in a harbour": ("boat", "bucket", "bell", "lamp", "compass", "basket"),
}


def list_page(desk: Desk) -> str:
    """Give three or four lists: things in a room, foods, hobbies, colours, jobs."""
    wholes = {
        "foods": FOODS, "hobbies": HOBBIES, "colours": COLOURS, "jobs": tuple(job.name for job in JOBS),
        "towns of the Valley":
        tuple(town.name for town in TOWNS), "animals": tuple(animal.name for animal in ANIMALS), "things": THINGS,
        "months": MONTHS, "days of the week": DAYS, "tools": tuple(tool.name for tool in TOOLS),
    }  # fmt: skip
    said = []
    for _ in range(3 + desk.rng.randrange(2)):
        count = 3 + desk.rng.randrange(3)
        if desk.chance(0.5):
            kind = desk.deal("lists", sorted(wholes))
            items = desk.rng.sample(wholes[kind], count)
            head = desk.say("{[count] [kind]|a list of [count] [kind]|name [count] [kind]|here are [count] [kind]"
                "|some [kind]}",
                            count=desk.pick((str(count), NUMBER_WORDS[count])), kind=kind)  # fmt: skip
        else:
            kind = desk.deal("places", sorted(PLACES))
            items = [with_article(item) for item in desk.rng.sample(PLACES[kind], count)]
            head = desk.say("{things you find [kind]|[kind] you find|what you can see [kind]|look around [kind]|you "
                "need this [kind]}",
                            kind=kind)  # fmt: skip
        if desk.chance(0.5):
            said.append(f"{head}: {listing(items)}.")
        else:
            mark = desk.pick(("- ", "* ", "1"))
            lines = [f"{n}. {item}" if mark == "1" else mark + item for n, item in enumerate(items, 1)]
            said.append("\n".join([f"{head}:", *lines]))
    return polish("\n".join(said))


MANNERS = (
    "{do not|never|you must not|nobody should} steal{|: a thing belongs to its owner|, not even a small thing}",
    "to steal is wrong{|, for the owner will be sad|, and everybody knows it}",
    "{do not|never|you should not} tell lies{|, for a friend needs the truth|: friends need the truth}",
    "a lie hurts {a friend|everybody|the person who tells it}",
    "{do not|never|please do not} break {a window|the things of another person|what is not yours}",
    "if you broke something, {say so|tell the owner|say that you are sorry} and {help to mend it|buy a new one}",
    "a prank that hurts somebody is {wrong|not good|as bad as a lie}",
    "{be kind|be good} to {everybody|your neighbours|old people|animals}",
    "say please when you ask, and thank you when you get something",
    "{help|always help} {people who are lost|children who are sad|old people}",
    "{it is good|it is right|it is best} to {tell the truth|give back what you found|help a friend}",
    "{who finds|if you find} a thing {must|should} give it back to its owner",
    "knock before you open the door of another person",
    "if somebody asks you to do harm, {say no|do not help|say no and tell a teacher}",
    "you may dig out weeds{, but no flowers| in the garden|}",
    "you may hit a {drum|nail}, but never an animal",
    "ask before you take {a thing|what is not yours|an apple from a tree that is not yours}",
)  # fmt: skip


def manners_page(desk: Desk) -> str:
    """Say what is right and what is wrong."""
    rules = [desk.say(desk.deal("manners", MANNERS)) for _ in range(5 + desk.rng.randrange(4))]
    villager = desk.villager()
    opening = desk.say(
        "{[name] {says|tells the children|likes to say}:|how to be good.|how to live together.|rules for all.|}",
        villager,
    )
    if opening and desk.chance(0.3):
        rules = [f"{number}. {sentence(rule)}" for number, rule in enumerate(rules, 1)]
        return polish("\n".join([opening, *rules]))
    return polish(" ".join([opening] * bool(opening) + [sentence(rule) for rule in rules]))


FORMS: dict[Form, int] = {
    people.villager_page: 34, people.card: 8, people.comparison: 6, people.roll: 10, people.groups: 7, people.roster: 8,
    town_page: 4, job_page: 3, animal_page: 3, things_page: 4, sorting_page: 2, tools_page: 3, calendar_page: 4,
    rhyme_page: 2, list_page: 4, manners_page: 2,
}  # fmt: skip


def write(desk: Desk) -> str:
    """Write one page of the encyclopedia."""
    return write_one(desk, FORMS)
