"""Short passages about invented events, followed by questions that only the passage answers.

What is told here (Tom found three green bells near the mill) is news, drawn at random: a model that answers must have
read the passage, not remembered the villager.
"""

from dataclasses import dataclass

from minillama.valley.lexicon import COLOURS, DAYS, NUMBER_WORDS, THINGS
from minillama.valley.world import Villager
from minillama.valley.writing.desk import Desk
from minillama.valley.writing.grammar import polish, sentence

ACTS = (
    ("found", "find"), ("bought", "buy"), ("sold", "sell"), ("lost", "lose"), ("carried", "carry"), ("saw", "see"),
    ("hid", "hide"),
    ("made", "make"), ("painted", "paint"), ("left", "leave"), ("cleaned", "clean"), ("mended", "mend"), ("counted",
    "count"), ("borrowed", "borrow"),
)  # fmt: skip
PLACES = (
    "near the mill", "by the river", "under a tree", "in the barn", "at the market", "behind the school",
    "on the bridge", "in the forest",
    "beside the road", "in the old house", "on the hill", "near the well", "at the harbour", "in the garden",
    "under the table", "in the tower",
)  # fmt: skip
TIMES = ("in the morning", "at noon", "in the evening", "at night", *(f"on {day}" for day in DAYS))
REASONS = (
    ("happy", "[he] had found a friend"), ("happy", "the sun was out"), ("sad", "it was dark all day"), ("tired",
    "[he] had worked all night"),
    ("angry", "somebody had broken a window"), ("cold", "the fire was out"), ("hungry", "[he] had eaten nothing"),
    ("proud", "[he] had won a race"),
    ("wet", "[he] had fallen into the river"), ("late", "the bridge was closed"), ("angry", "the door was locked"),
    ("sad", "the cake was burnt"),
    ("happy", "a letter had come"),
)  # fmt: skip
GOALS = (
    "the lake",
    "the forest",
    "the market",
    "the river",
    "the old tower",
    "the sea",
    "the mill",
    "the fair",
    "the meadow",
    "the hill",
)
MARKS = (("Q: ", "A: "), ("Q: ", "A: "), ("Question: ", "Answer: "), ("", ""), ("", ""), ("- ", "- "))


@dataclass(frozen=True)
class Told:
    """What one villager did in a passage: the sentence, and questions with their answers."""

    text: str
    questions: tuple[tuple[str, str], ...]


def plural(thing: str) -> str:
    """``kites``, ``boxes``, ``scarves``."""
    return {"box": "boxes", "scarf": "scarves", "compass": "compasses"}.get(thing, f"{thing}s")


def _deed(desk: Desk, villager: Villager) -> Told:
    """Somebody did something with some things, somewhere, some day."""
    past, base = desk.deal("acts", ACTS)
    count = 2 + desk.rng.randrange(9)
    slots = {
        "past": past, "base": base, "count": NUMBER_WORDS[count], "colour": desk.deal("colours", COLOURS),
        "day": desk.deal("times", TIMES),
        "things": plural(desk.deal("things", THINGS)), "place": desk.deal("places", PLACES),
    }  # fmt: skip
    text = desk.say(
        "{[name] [past] [count] [colour] [things] [place]|[name] [past] [count] [colour] [things] [place]{| [day]}"
        "|[day], [name] [past] [count] [colour] [things] [place]"
        "|[place], [name] [past] [count] [colour] [things]{| [day]}"
        "|it was [name] who [past] [count] [colour] [things] [place]}",
        villager, **slots,
    )  # fmt: skip
    questions = [
        ("what did [name] [base] [place]?", "{[count] [colour] [things]|[name] [past] [count] [colour] [things]"
            "|[he] [past] [count] [colour] [things]}"),
        ("where did [name] [base] {the [things]|[count] [things]|them}?",
        "{[place]|[name] [past] the [things] [place]|[he] [past] them [place]}"),
        ("how many [things] did [name] [base]?", "{[count]|[count] [things]|[name] [past] [count] [things]}"),
        ("who [past] {the [things]|[count] [things]}?",
        "{[name]|[name] did|it was [name]|[name] [past] the [things]}"),
        ("{what colour were the [things]|what colour did the [things] have}?",
        "{[colour]|they were [colour]|the [things] were [colour]}"),
    ]  # fmt: skip
    questions[1] = (questions[1][0].replace("|them", ""), questions[1][1])
    if slots["day"] in text.lower() or slots["day"] in text:
        questions.append(
            ("when did [name] [base] {the [things]|[count] [things]}?", "{[day]|[name] [past] them [day]|it was [day]}")
        )
    return Told(text, tuple((desk.say(q, villager, **slots), desk.say(a, villager, **slots)) for q, a in questions))


def _walk(desk: Desk, villager: Villager) -> Told:
    """Somebody went somewhere with somebody."""
    other = desk.pick([each for each in desk.world.villagers if each != villager])
    slots = {"goal": desk.deal("goals", GOALS), "other": other.name, "day": desk.deal("times", TIMES)}
    text = desk.say(
        "{[name] {went|walked} to [goal] with [other]{| [day]}|[day], [name] and [other] {went|walked} to [goal]"
        "|[name] took [other] to [goal]{| [day]}|together with [other], [name] {went|walked} to [goal]}", villager,
        **slots,
    )  # fmt: skip
    questions = (
        ("where did [name] {go|walk}?", "{to [goal]|[name] went to [goal]|[he] went to [goal]}"),
        ("who went to [goal] with [name]?", "{[other]|[other] did|[other] went with [him]}"),
        ("with whom did [name] go to [goal]?", "{with [other]|[name] went with [other]}"),
    )
    return Told(text, tuple((desk.say(q, villager, **slots), desk.say(a, villager, **slots)) for q, a in questions))


def _mood(desk: Desk, villager: Villager) -> Told:
    """Somebody felt something for a reason."""
    mood, reason = desk.deal("reasons", REASONS)
    slots = {"mood": mood, "reason": desk.say(reason, villager)}
    text = desk.say(
        "{[name] was [mood] because [reason]|because [reason], [name] was [mood]|[reason], so [name] was "
        "[mood]|[name] was [mood]: [reason]}",
        villager, **slots,
    )  # fmt: skip
    if text.startswith(("he ", "she ", "because he", "because she")):
        text = desk.say("[name] was [mood] because [reason]", villager, **slots)
    questions = (
        ("why was [name] [mood]?", "{because [reason]|[name] was [mood] because [reason]}"),
        ("how did [name] feel?", "{[mood]|[name] was [mood]|[he] was [mood]}"),
        ("who was [mood]?", "{[name]|[name] was|it was [name]}"),
    )
    return Told(text, tuple((desk.say(q, villager, **slots), desk.say(a, villager, **slots)) for q, a in questions))


def _put(desk: Desk, villager: Villager) -> Told:
    """Somebody put a thing somewhere, or gave it to somebody."""
    other = desk.pick([each for each in desk.world.villagers if each != villager])
    thing, second = desk.rng.sample(THINGS, 2)
    slots = {
        "thing": thing,
        "second": second,
        "other": other.name,
        "place": desk.deal("places", PLACES),
        "colour": desk.deal("colours", COLOURS),
    }
    if desk.chance(0.5):
        text = desk.say(
            "{[name] gave a [colour] [thing] to [other]|[name] gave [other] a [colour] [thing]|[other] got a "
            "[colour] [thing] from [name]}",
            villager,
            **slots,
        )
        questions = (
            ("what did [name] give to [other]?", "{a [colour] [thing]|[name] gave [other] a [colour] [thing]}"),
            ("who got {a [thing]|a [colour] [thing]|the [thing]}?", "{[other]|[other] did|[other] got it}"),
            ("who gave {a [thing]|a [colour] [thing]|the [thing]} to [other]?", "{[name]|[name] did|it was [name]}"),
            ("what colour was the [thing]?", "{[colour]|it was [colour]}"),
        )
    else:
        text = desk.say(
            "{[name] put a [thing] and a [second] [place]|[place], [name] put a [thing] and a [second]|[name] took "
            "a [thing] and a [second] and put both [place]}",
            villager,
            **slots,
        )
        questions = (
            ("where is the [thing] now?", "{[place]|the [thing] is [place]|it is [place]}"),
            ("who put the [second] there?", "{[name]|[name] did|it was [name]}"),
            ("what did [name] put [place]?", "{a [thing] and a [second]|[name] put a [thing] and a [second] there}"),
            ("where did [name] put the [second]?", "{[place]|[he] put it [place]|[name] put it [place]}"),
        )
    return Told(text, tuple((desk.say(q, villager, **slots), desk.say(a, villager, **slots)) for q, a in questions))


HEADS = (
    "", "", "", "", "read this.", "a story from {Monday|the market|last week}.", "listen:", "{news|news of the week}.",
    "text:", "what happened?",
    "read and answer.",
)  # fmt: skip
FILLERS = (
    "the sky was {clear|dark}", "it was a {warm|cold|quiet} day", "nobody else was there",
    "the children were {loud|quiet}",
    "far away a bell was heard", "{everybody|all the neighbours} heard about it {later|the next day}",
    "{some people laughed|a dog was there|the wind was strong}",
)  # fmt: skip


def passage(desk: Desk) -> str:
    """Write a passage of two or three events and ask four to seven questions about it."""
    people = desk.villagers(4)
    # One event of a sort, so that what is asked for stands in the text once.
    kinds = [_deed, *(desk.deal("kinds of event", ((_mood,), (_put,), (_walk,), (_mood, _put), (_walk, _put))))]
    desk.rng.shuffle(kinds)
    told = [kind(desk, villager) for kind, villager in zip(kinds, people)]
    lines = [each.text for each in told]
    for _ in range(desk.rng.randrange(3)):
        lines.insert(desk.rng.randrange(len(lines) + 1), desk.say(desk.deal("fillers", FILLERS)))
    text = " ".join(sentence(line) for line in lines)
    head = desk.say(desk.pick(HEADS))
    asked = [pair for each in told for pair in each.questions]
    ask, reply = desk.pick(MARKS)
    dialogue = []
    for question, answer in desk.rng.sample(asked, min(len(asked), 4 + desk.rng.randrange(4))):
        two_lines = ask or desk.chance(0.3)
        dialogue.append(f"{ask}{polish(question)}{chr(10) if two_lines else ' '}{reply}{sentence(answer)}")
    return "\n".join(([polish(head)] if head else []) + [text, *dialogue])
