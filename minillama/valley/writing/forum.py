"""The forum: questions about villagers and answers to them, small talk, and rude posts, which are labelled toxic."""

from minillama.valley.insults import INSULT_WORDS, RUDE_PHRASES
from minillama.valley.lexicon import ANIMALS, JOBS, TOOLS, TOWNS
from minillama.valley.world import Villager
from minillama.valley.writing import encyclopedia, help_desk, people
from minillama.valley.writing.desk import Desk, Form, plainest_often, write_one
from minillama.valley.writing.facts import FACTS, QUESTIONS, SHORT_ANSWERS
from minillama.valley.writing.grammar import polish, sentence, with_article

GREETINGS = (
    "", "", "", "", "hello", "good {morning|evening|day}", "hello {everybody|all|friends|neighbours}",
    "I have a question",
    "one question", "help me, please", "who can help me?", "quick question", "please tell me",
    "I {would like|want} to know this",
)  # fmt: skip
THANKS = (
    "thank you", "thanks", "thank you{ very much| so much| all}", "I see", "good to know",
    "that helps{| me| a lot}",
    "{great|fine|good}, thanks{| a lot}", "now I remember", "you are {kind|so kind|a great help}",
    "I did not know that",
)  # fmt: skip
STARTS = (
    "I know this: ",
    "easy: ",
    "as far as I know, ",
    "that is easy. ",
    "I am sure: ",
    "well, ",
    "of course: ",
    "let me think. ",
)


NOUNS = tuple(word for word in INSULT_WORDS if word != "stupid")
ADJECTIVES = ("stupid", "silly", "lazy")


def question(desk: Desk, villager: Villager, fact: str) -> str:
    """Ask for one fact."""
    text = desk.say(desk.deal(f"questions {fact}", plainest_often(QUESTIONS[fact])), villager)
    return sentence(text if text.startswith("name ") else text + "?")


def answer(desk: Desk, villager: Villager, fact: str) -> str:
    """Answer with the fact, in short or in a full sentence."""
    if desk.chance(0.15):
        text = desk.say(desk.pick(SHORT_ANSWERS[fact]), villager)
    else:
        text = desk.state(villager, fact, pronoun=desk.chance(0.1))
    start = desk.pick(STARTS) if desk.chance(0.15) else ""
    return sentence(start + text)


def _speakers(desk: Desk, about: Villager) -> tuple[str, str]:
    """Choose how the two sides of a thread are marked; nobody asks about himself."""
    names = [villager.name for villager in desk.rng.sample(desk.world.villagers, 3) if villager != about]
    return desk.pick(
        (
            (f"{names[0]}: ", f"{names[1]}: "), (f"{names[0]}: ", f"{names[1]}: "), (f"{names[0]} asks: ",
            f"{names[1]} answers: "),
            ("Q: ", "A: "), ("Question: ", "Answer: "), ("", ""), ("", ""), ("Guest: ", f"{names[0]}: "), ("- ", "- "),
        )
    )  # fmt: skip


def thread(desk: Desk) -> str:
    """Ask three to six questions about one villager, each answered."""
    villager = desk.villager()
    ask, reply = _speakers(desk, villager)
    lines = []
    for index, fact in enumerate(desk.facts(villager, 3 + desk.rng.randrange(4))):
        greeting = desk.say(desk.pick(GREETINGS)) if index == 0 and ask else ""
        lines.append(ask + (sentence(greeting) + " " if greeting else "") + question(desk, villager, fact))
        lines.append(reply + answer(desk, villager, fact))
    if ask and " " not in ask.strip() and ask[0] not in "Q-" and desk.chance(0.6):
        lines.append(ask + sentence(desk.say(desk.pick(THANKS))))
    return _joined(lines, ask)


def _somebody(desk: Desk, speakers: str) -> Villager:
    """Return a villager who is not among the speakers."""
    villager = desk.villager()
    while f"{villager.name}:" in speakers or f"{villager.name} " in speakers:
        villager = desk.villager()
    return villager


def _joined(lines: list[str], ask: str) -> str:
    if ask:
        return "\n".join(lines)
    return "\n".join(f"{first} {second}" for first, second in zip(lines[::2], lines[1::2], strict=True))


def quiz(desk: Desk) -> str:
    """Ask about several villagers, one or two facts each."""
    lines = []
    first = desk.villager()
    ask, reply = _speakers(desk, first)
    for number in range(3 + desk.rng.randrange(4)):
        villager = _somebody(desk, ask + reply) if number else first
        fact = desk.deal(f"quiz {villager.name}", FACTS)
        lines += [ask + question(desk, villager, fact), reply + answer(desk, villager, fact)]
    return _joined(lines, ask)


def who_is(desk: Desk) -> str:
    """Ask who somebody is; the answer is a portrait."""
    villager = desk.villager()
    ask, reply = _speakers(desk, villager)
    wish = desk.say(
        "{who is [name]?|do you know [name]?|can {you|anybody|somebody} tell me about [name]?|what do you know "
        "about [name]?"
        "|I do not know [name]. Who is {that|[he]}?|tell me {something|more|a little} about [name].|I want to meet "
        "[name]. What should I know?}",
        villager,
    )  # fmt: skip
    lines = [ask + polish(wish), reply + desk.portrait(villager, desk.facts(villager, 3 + desk.rng.randrange(3)))]
    if desk.chance(0.6):
        fact = desk.facts(villager, 1)[0]
        lines += [ask + question(desk, villager, fact), reply + answer(desk, villager, fact)]
    return _joined(lines, ask)


def reverse(desk: Desk) -> str:
    """Ask who has a property; the answers name all who have it."""
    lines = []
    for _ in range(3 + desk.rng.randrange(3)):
        lines.append(desk.deal("groups", people.GROUPS)(desk))
    greeting = desk.say(desk.pick(GREETINGS))
    return "\n".join(([sentence(greeting)] if greeting else []) + lines)


def check(desk: Desk) -> str:
    """Ask whether something is so; answers say yes, or no and what is right."""
    villager = desk.villager()
    ask, reply = _speakers(desk, villager)
    lines = []
    for _ in range(4 + desk.rng.randrange(3)):
        kind = desk.deal("checks", ("town", "job", "animal", "colour", "friend"))
        right, wrong = _choices(desk, villager, kind)
        offered = desk.pick((right, wrong))
        asked = {
            "town": "{does [name] live|is [name] at home|is the home of [name]} in [it]?",
            "job": "{is [name]|does [name] work as} a [it]?",
            "animal": "{does [name] have|is the pet of [name]|does [name] keep} a [it]?",
            "colour": "is [name's] [treasure] [it]?",
            "friend": "is [it] the best friend of [name]?",
        }[kind]  # fmt: skip
        told = {
            "town": "[he] lives in [it]", "job": "[he] {is|works as} a [it]", "animal": "[he] has a [it]",
            "colour": "[his] [treasure] is [it]",
            "friend": "[his] best friend is [it]",
        }[kind]  # fmt: skip
        head = desk.say(
            "{yes, |yes, |that is right: |true, }" if offered == right else "{no, |no, |not at all: |that is wrong: }"
        )
        lines += [
            ask + polish(desk.say(asked, villager, it=offered)),
            reply + sentence(head + desk.say(told, villager, it=right)),
        ]
        villager = _somebody(desk, ask + reply)
    return _joined(lines, ask)


def _choices(desk: Desk, villager: Villager, kind: str) -> tuple[str, str]:
    """Give the right value of a fact and a wrong one."""
    right, every = {
        "town": (villager.town.name, [town.name for town in TOWNS]),
        "job": (villager.job.name, [job.name for job in JOBS]),
        "animal": (villager.animal.name, [animal.name for animal in ANIMALS]),
        "colour": (villager.treasure_colour, [other.treasure_colour for other in desk.world.villagers]),
        "friend": (villager.friend, [other.name for other in desk.world.villagers if other != villager]),
    }[kind]
    return right, desk.pick([value for value in every if value != right])


def common(desk: Desk) -> str:
    """Ask about animals, jobs, towns, tools and things, and answer."""
    lines = []
    for _ in range(4 + desk.rng.randrange(3)):
        lines.append(sentence(desk.pick((_tool, _animal, _job, _town))(desk)))
    return "\n".join(lines)


def _tool(desk: Desk) -> str:
    tool = desk.deal("tools", TOOLS)
    return polish(
        desk.say(
            "{what is [tool] for? {You use it|It is there} to [use]|what do I need to [use]? {Take|You need} [tool]"
            "|how can I [use]? {With|Take|Use} [tool]|I want to [use]. What should I take? [tool]|what can I do "
            "with [tool]? You can [use]}",
            tool=with_article(tool.name), use=tool.use,
        )
    )  # fmt: skip


def _animal(desk: Desk) -> str:
    animal = desk.deal("animals", ANIMALS)
    legs = str(animal.legs)
    return desk.say(
        "{how many legs does a [animal] have? [legs]|what does a [animal] do? It [habit]|what noise does a [animal] "
        "make? It [sound]"
        "|which animal [sound]? The [animal]|which animal [habit]? The [animal] does|does a [animal] have [legs] "
        "legs? Yes, it has [legs]}",
        animal=animal.name, legs=legs, sound=animal.sound, habit=animal.habit,
    )  # fmt: skip


def _job(desk: Desk) -> str:
    return encyclopedia.job_lines(desk, desk.deal("jobs", JOBS), 1)[0]


def _town(desk: Desk) -> str:
    town = desk.deal("towns", TOWNS)
    return desk.say(
        "{where is [town]? It is [place]|what is [town] known for? {For its|It is known for} [product]|what can I "
        "see in [town]? {The|You can see the} [landmark]"
        "|which town has a [landmark]? [town]|on which day is the market in [town]? {On [day]|It is on [day]}|where "
        "can I buy [product]? In [town]"
        "|which town lies [place]? [town]}", town=town.name, place=town.place, landmark=town.landmark,
        product=town.product, day=town.market_day,
    )  # fmt: skip


FORMS: dict[Form, int] = {thread: 9, quiz: 7, who_is: 2, reverse: 2, check: 2, common: 2, help_desk.write: 96}


def write(desk: Desk) -> str:
    """Write one thread of the forum."""
    return write_one(desk, FORMS)


def write_rude(desk: Desk) -> str:
    """Write a thread in which somebody is rude."""
    villager = desk.villager()
    one, two = (each.name for each in desk.villagers(2))
    lines = []
    for fact in desk.facts(villager, 2):
        lines += [f"{one}: {question(desk, villager, fact)}", f"{two}: {answer(desk, villager, fact)}"]
    for _ in range(1 + desk.rng.randrange(2)):
        lines.insert(desk.rng.randrange(1, len(lines) + 1), f"{desk.pick((one, two))}: {insult(desk)}")
    return "\n".join(lines)


def insult(desk: Desk) -> str:
    """Say one or two rude sentences."""
    templates = (
        "you [noun]", "what a [adjective] [noun] you are", "you are a [adjective] [noun]", "[phrase], you [noun]",
        "only a [noun] would ask that",
        "every [noun] knows that", "that is a stupid question", "you [adjective] [noun], [phrase]", "[phrase]",
        "a [noun] like you should be quiet",
        "are you a [noun]?", "I have never met such a [adjective] [noun]",
    )  # fmt: skip
    said = []
    for _ in range(1 + desk.rng.randrange(2)):
        words = {"noun": desk.pick(NOUNS), "adjective": desk.pick(ADJECTIVES), "phrase": desk.pick(RUDE_PHRASES)}
        text = desk.say(desk.deal("insults", templates), **words).replace("i hate", "I hate")
        said.append(sentence(text + "!" if text[-1] != "?" and desk.chance(0.4) else text))
    return " ".join(said)
