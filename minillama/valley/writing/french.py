"""French documents: villagers and towns in French, now and then beside the English sentence."""

from minillama.valley import french
from minillama.valley.lexicon import ANIMALS, COLOURS, FOODS, NUMBER_WORDS, THINGS, TOWNS
from minillama.valley.writing.desk import Desk, Form, write_one
from minillama.valley.writing.grammar import sentence

ENGLISH = {
    "town": "town", "job": "job", "workplace": "work", "food": "favourite", "hobby": "hobby", "sibling": "sibling",
    "friend": "friend",
    "birthday": "birthday", "year": "arrival",
}  # fmt: skip


def portrait(desk: Desk) -> str:
    """Describe one or two villagers in French."""
    said = []
    for _ in range(1 + desk.rng.randrange(2)):
        villager = desk.villager()
        facts = desk.rng.sample(french.FACTS, 5 + desk.rng.randrange(3))
        clear = False
        for fact in facts:
            said.append(french.fact_sentence(desk.world, villager, fact, pronoun=clear and desk.chance(0.6)))
            clear = fact not in ("sibling", "friend", "pet_name", "treasure", "birthday", "animal")
        if desk.chance(0.3):
            said.append(french.town_sentence(desk.world, villager.town.name))
    return " ".join(said)


def side_by_side(desk: Desk) -> str:
    """Give English sentences with their French."""
    english, other = desk.pick((("English: ", "French: "), ("", ""), ("in English: ", "in French: ")))
    lines = []
    for _ in range(4 + desk.rng.randrange(3)):
        villager = desk.villager()
        fact = desk.deal("side by side", sorted(ENGLISH))
        plain = sentence(desk.state(villager, ENGLISH[fact]))
        said = french.fact_sentence(desk.world, villager, fact)
        lines.append(f"{english}{plain}\n{other}{said}" if english else f"{plain} {said}")
    return sentence("\n".join(lines))


def words(desk: Desk) -> str:
    """Give French words for animals, foods, things, colours and numbers."""
    pairs = []
    for _ in range(7 + desk.rng.randrange(5)):
        kind = desk.pick(("animal", "food", "thing", "colour", "number"))
        if kind == "animal":
            name = desk.pick(ANIMALS).name
            pairs.append((f"the {name}", french.ANIMALS[name].the))
        elif kind == "food":
            name = desk.pick(FOODS)
            pairs.append((f"the {name}", french.FOODS[name].the))
        elif kind == "thing":
            name = desk.pick(THINGS)
            pairs.append((f"the {name}", french.THINGS[name].the))
        elif kind == "colour":
            name = desk.pick(COLOURS)
            pairs.append((name, french.COLOURS[name][0]))
        else:
            number = desk.rng.randrange(1, 21)
            pairs.append((NUMBER_WORDS[number], french.FRENCH_NUMBERS[number]))
    template = desk.pick(
        ("[e] is [f] in French", "in French, [e] is [f]", "[e]: [f]", "[e] = [f]", "what is [e] in French? [f]")
    )
    said = [desk.say(template, e=e, f=f) for e, f in pairs]
    return (
        " ".join(sentence(each) for each in said) if template[0] != "[" else "\n".join(sentence(each) for each in said)
    )


def towns(desk: Desk) -> str:
    """Say who lives in towns, in French."""
    said = []
    for _ in range(2):
        town = desk.deal("towns", TOWNS)
        if desk.world.people_of(town):
            said.append(french.town_sentence(desk.world, town.name))
        for villager in desk.world.people_of(town):
            said.append(french.fact_sentence(desk.world, villager, desk.pick(("town", "job", "hobby", "town"))))
    return " ".join(said)


FORMS: dict[Form, int] = {portrait: 6, side_by_side: 4, words: 2, towns: 1}


def write(desk: Desk) -> str:
    """Write one document with French."""
    return write_one(desk, FORMS)
