"""Recipes: for people, step by step, and as small programs, whose steps repeat, choose and print."""

from minillama.valley.lexicon import FOODS, NUMBER_WORDS
from minillama.valley.writing.desk import Desk, Form, write_one
from minillama.valley.writing.grammar import listing, polish, sentence

SWEET = ("cups of flour", "cups of milk", "eggs", "spoons of honey", "cups of water")
SALTY = ("cups of water", "spoons of salt", "carrots", "beans", "mushrooms", "cups of milk")
DISHES = {
    "apple pie": ("apples", *SWEET), "plum pie": ("plums", *SWEET), "pear pie": ("pears", *SWEET),
    "cherry pie": ("cherries", *SWEET), "apple cake": ("apples", *SWEET), "plum cake": ("plums", *SWEET),
    "honey cake": ("spoons of honey", *SWEET), "pancakes": ("eggs", *SWEET), "sweet porridge": ("cups of milk", *SWEET),
    "carrot soup": ("carrots", *SALTY), "bean soup": ("beans", *SALTY), "mushroom soup": ("mushrooms", *SALTY),
    "rice with mushrooms": ("cups of rice", *SALTY), "rice with beans": ("cups of rice", *SALTY),
    "noodles with mushrooms": ("noodles", *SALTY),
    "bread": ("cups of flour", "cups of water", "spoons of salt", "eggs"),
}  # fmt: skip
BEGIN = (
    "{wash|clean} the [part]", "heat the {oven|pot}", "{take|find} a {big|small|clean} pot",
    "put the [part] {on the table|in a pot|in a box}", "{call|ask} [name] to help",
    "{wash|clean} your hands and the [part]",
)  # fmt: skip
MIDDLE = (
    "{mix|stir} {all|everything} {well|slowly|in a big pot}", "add the [part]",
    "add the [part] and {stir|mix} [n] times", "{bake|cook} {it|everything} for [m] minutes", "wait [m] minutes",
    "{stir|turn it} [n] times", "{try a little|taste it}, and add salt if you like",
    "put in the [part]{| and wait [m] minutes}", "{mix|stir} the [part] {in|with the rest}",
)  # fmt: skip
END = (
    "serve it {hot|warm|cold}{| with [food]}",
    "let it {cool|stand for [m] minutes}, then eat",
    "put it on {a plate|the table} and call [name]",
    "eat it {warm|with your friends|before it is cold}",
)


def _ingredients(desk: Desk, dish: str, count: int) -> list[tuple[int, str]]:
    """The first thing a dish is made of, and some of the others, each with a number."""
    first, *others = DISHES[dish]
    others = [part for part in others if part != first]
    chosen = [first, *desk.rng.sample(others, min(count - 1, len(others)))]
    return [(2 + desk.rng.randrange(8), part) for part in chosen]


def for_people(desk: Desk) -> str:
    """Write a recipe with what it takes and numbered or plain steps."""
    villager = desk.villager()
    dish = desk.deal("dishes", tuple(DISHES))
    parts = _ingredients(desk, dish, 3 + desk.rng.randrange(2))
    needs = listing([f"{desk.pick((str(n), NUMBER_WORDS[n]))} {part}" for n, part in parts])
    head = desk.say(
        "{[dish]|how to make [dish]|[dish], as [name] makes it|a recipe for [dish]|[name's] [dish]|today: [dish]"
        "|cook with [name]: [dish]}",
        villager,
        dish=dish,
    )
    need = desk.say(
        "{you need|take|get|it takes|for [k] people, take}: [needs]",
        needs=needs,
        k=NUMBER_WORDS[2 + desk.rng.randrange(5)],
    )
    if desk.chance(0.5):
        need = need.replace(":", "")
    steps = []
    kinds = [BEGIN] * (1 + desk.rng.randrange(2)) + [MIDDLE] * (2 + desk.rng.randrange(4)) + [END]
    for template, count in ((desk.deal(kind[0], kind), desk.rng.randrange(len(parts))) for kind in kinds):
        part = parts[count][1]
        if "clean" in template and " of " in part:
            template = "heat the {oven|pot}"
        minutes, times = str(5 * (1 + desk.rng.randrange(9))), NUMBER_WORDS[2 + desk.rng.randrange(5)]
        steps.append(desk.say(template, villager, part=part.split(" of ")[-1], n=times, m=minutes))
    if desk.chance(0.5):
        body = [f"{number}. {sentence(step)}" for number, step in enumerate(steps, 1)]
    else:
        words = ("first", "then", "now", "next", "after that", "at last")
        starts = [words[0], *(desk.pick(("", *words[1:5])) for _ in steps[2:]), words[5]]
        body = [" ".join(sentence(f"{start} {step}" if start else step) for start, step in zip(starts, steps))]
    end = desk.portrait(villager, [desk.pick(("favourite", "foods", "hobby", "job"))])
    return polish("\n".join([head, sentence(need), *body, *([end] if desk.chance(0.6) else [])]))


def program(desk: Desk) -> str:
    """Write a recipe as a small program of steps, loops and conditions."""
    dish = desk.deal("dishes", tuple(DISHES))
    name = dish.replace(" ", "_")
    lines = [desk.say("{recipe|make|cook} [name]():", name=name)]
    for number, part in _ingredients(desk, dish, 2 + desk.rng.randrange(3)):
        lines.append(desk.say('{    take([n], "[part]")|    add([n], "[part]")}', n=str(number), part=part))
    verbs = ("stir", "turn", "cut", "mix", "wait", "taste")
    for _ in range(2 + desk.rng.randrange(2)):
        n = str(2 + desk.rng.randrange(8))
        lines.append(
            desk.say(
                "{    for i in range([n]):\n        [verb]()|    [verb]()|    if {too_dry|too_hot|too_cold"
                "|not_sweet}:\n        {add_water|wait|heat|add_honey}()"
                "|    while not {warm|soft|done}:\n        [verb]()}", n=n, verb=desk.pick(verbs),
            )
        )  # fmt: skip
    lines.append(
        desk.say(
            '{    serve()|    print("[word]")|    return [dish]}',
            word=desk.pick(("done", "ready", "eat now")),
            dish=f'"{name}"',
        )
    )
    return "\n".join(lines)


def arithmetic(desk: Desk) -> str:
    """Write lines of code that count food, and what they print."""
    said = []
    for _ in range(2 + desk.rng.randrange(2)):
        food = desk.pick([food for food in FOODS if food.endswith("s")])
        a, b = 2 + desk.rng.randrange(9), 1 + desk.rng.randrange(9)
        sign, result = ("+", a + b) if b > a or desk.chance(0.6) else ("-", a - b)
        said.append(
            desk.say(
                "{[food] = [a]\n[food] = [food] [sign] [b]\nprint([food])|[food] = [a]\nmore = [b]\nprint([food] "
                "[sign] more)|print([a] [sign] [b])"
                "|total = [a] [sign] [b]\nprint(total)}\n# {prints|this prints|it prints} [result]",
                food=food, a=str(a), b=str(b), sign=sign, result=str(result),
            )
        )  # fmt: skip
    word, n = desk.pick(("stir", "bake", "eat", "hello", "done")), 2 + desk.rng.randrange(3)
    said.append(f'for i in range({n}):\n    print("{word}")\n# prints {" ".join([word] * n)}')
    return "\n".join(said)


def record(desk: Desk) -> str:
    """Write villagers as JSON records."""
    keys = {
        "town": '"town": "[town]"', "job": '"job": "[job]"', "work": '"workplace": "[workplace]"',
        "pet": '"animal": "[animal]", "pet": "[pet]"',
        "favourite": '"food": "[food]"', "foods": '"foods": ["$1", "$2", "$3"]', "hobby": '"hobby": "[hobby]"',
        "things": '"things": ["$4", "$5", "$6"]',
        "treasure": '"treasure": "[treasure]", "colour": "[colour]"', "sibling": '"[sib]": "[sibling]"',
        "friend": '"friend": "[friend]"',
        "birthday": '"birthday": "[birthday]"', "arrival": '"year": [year]',
    }  # fmt: skip
    lines = []
    for _ in range(2 + desk.rng.randrange(2)):
        villager = desk.villager()
        values = [villager.name, *villager.foods, *villager.things]
        fields = ['"name": "$0"']
        for fact in desk.facts(villager, 3 + desk.rng.randrange(3)):
            bare = keys[fact].replace('["$', "<").replace('$6"]', "$6>").replace('$3"]', "$3>")
            fields.append(desk.say(bare, villager).replace("<", '["$').replace(">", '"]'))
        line = "{" + ", ".join(fields) + "}"
        for number, value in enumerate(values):
            line = line.replace(f"${number}", value)
        lines.append(line)
    return "\n".join(lines)


FORMS: dict[Form, int] = {for_people: 6, program: 2, arithmetic: 2, record: 2}


def write(desk: Desk) -> str:
    """Write one recipe."""
    return write_one(desk, FORMS)
