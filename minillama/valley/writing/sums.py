"""Sums: sheets of additions and subtractions up to nine, word problems, and now and then a longer chain."""

from minillama.valley.lexicon import FOODS, NUMBER_WORDS, THINGS
from minillama.valley.writing.desk import Desk, Form, write_one
from minillama.valley.writing.grammar import polish, sentence

TOP = 20
LARGEST_SUM = 9  # of two numbers; longer chains and counting go further
PLUS = tuple((a, b) for a in range(LARGEST_SUM + 1) for b in range(LARGEST_SUM + 1 - a))
MINUS = tuple((a + b, b) for a, b in PLUS)

PLUS_FORMS = (
    "[a] + [b] = [c]", "[a] + [b] = [c]", "[a] + [b] = [c]", "[a] plus [b] is [c]", "[a] and [b] make [c]",
    "what is [a] + [b]? [c]",
    "the sum of [a] and [b] is [c]", "[c] is [a] + [b]", "add [a] and [b]: [c]", "do you know [a] plus [b]? [c]",
    "[b] + [a] = [c]",
    "if you add [b] to [a], you get [c]", "what is [a] plus [b]? It is [c]", "[a] + [b] is [c]",
)  # fmt: skip
MINUS_FORMS = (
    "[a] - [b] = [c]", "[a] - [b] = [c]", "[a] - [b] = [c]", "[a] minus [b] is [c]", "[a] take away [b] leaves [c]",
    "what is [a] - [b]? [c]",
    "[c] is [a] - [b]", "take [b] from [a] and you have [c]", "do you know [a] minus [b]? [c]", "[a] - [b] is [c]",
    "[b] less than [a] is [c]", "what is [a] minus [b]? It is [c]",
)  # fmt: skip
HEADS = (
    "", "", "", "sums", "{easy|more|good} sums", "sums for the {school|children|evening|morning}",
    "how to {count|add}",
    "sums {of|from} [name]", "[name] {does|writes} sums", "{add|plus} and {take away|minus}", "a page of sums",
    "sums for [name]",
)  # fmt: skip


def _draw(desk: Desk) -> tuple[str, int, int, int]:
    """Draw a sum; all of them come equally often."""
    if desk.chance(0.5):
        a, b = desk.deal("minus", MINUS)
        return "-", a, b, a - b
    a, b = desk.deal("plus", PLUS)
    return "+", a, b, a + b


def _number(value: int, in_words: bool) -> str:
    return NUMBER_WORDS[value] if in_words and value < len(NUMBER_WORDS) else str(value)


def one_sum(desk: Desk, form: str | None = None, in_words: bool = False) -> str:
    """State one sum without a full stop."""
    sign, a, b, c = _draw(desk)
    words = in_words and max(a, b, c) <= TOP
    template = form or desk.pick(PLUS_FORMS if sign == "+" else MINUS_FORMS)
    if words:
        template = template.replace(" + ", " plus ").replace(" - ", " minus ").replace(" = ", " is ")
    return desk.say(template, a=_number(a, words), b=_number(b, words), c=_number(c, words), sign=sign)


def sheet(desk: Desk) -> str:
    """Write a sheet of plain sums, one on a line or several in a row."""
    head = desk.say(desk.pick(HEADS), desk.villager())
    glue, end = desk.pick((("\n", ""), ("\n", "."), (" ", "."), (", ", ".")))
    sums = [one_sum(desk, "[a] [sign] [b] = [c]") for _ in range(12 + desk.rng.randrange(15))]
    body = glue.join(each + (end if glue != ", " else "") for each in sums)
    body += "." if glue == ", " else ""
    return polish(f"{head}\n{body}" if head else body)


def spoken(desk: Desk) -> str:
    """Write sums in many forms of speech."""
    head = desk.say(desk.pick(HEADS), desk.villager())
    in_words = desk.chance(0.25)
    sums = [sentence(one_sum(desk, in_words=in_words)) for _ in range(8 + desk.rng.randrange(8))]
    body = desk.pick((" ", "\n")).join(sums)
    return polish(f"{head}\n{body}" if head else body)


def questions(desk: Desk) -> str:
    """Write sums as questions and answers."""
    ask, reply = desk.pick((("Q: ", "A: "), ("question: ", "answer: "), ("", ""), ("teacher: ", "child: ")))
    said = []
    for _ in range(5 + desk.rng.randrange(5)):
        sign, a, b, c = _draw(desk)
        word = "plus" if sign == "+" else "minus"
        question = desk.say(
            "{what is|what is|what do you get for|can you work out|do you know} [a] {[sign]|[word]} [b]", a=str(a),
            b=str(b), sign=sign, word=word
        )  # fmt: skip
        answer = desk.say("{[c]|[c]|it is [c]|that is [c]|[a] [sign] [b] = [c]|[a] [word] [b] is [c]|the answer is "
            "[c]}",
                          a=str(a), b=str(b), c=str(c), sign=sign, word=word)  # fmt: skip
        said.append(f"{ask}{question}?\n{reply}{sentence(answer)}" if ask else f"{question}? {sentence(answer)}")
    return _capital_after_colon(polish("\n".join(said)))


def _capital_after_colon(text: str) -> str:
    lines = []
    for line in text.split("\n"):
        head, colon, tail = line.partition(": ")
        lines.append(head + colon + polish(tail) if colon and " " not in head else line)
    return "\n".join(lines)


GAINS = (
    "[name] has [a] [things]. [He] {finds|buys|takes} [b] more. {Now [he] has [c] [things]|That makes [c] [things]"
    "|How many are there now? [c]}",
    "there are [a] [things] {in the basket|on the table|in the box}. [name] {brings|puts in} [b] more. {Then there "
    "are [c]|Now we count [c]}",
    "[a] [things] and [b] [things] are [c] [things]",
    "[name] {ate|sold|carried} [a] [things] {in the morning|on Monday|before lunch} and [b] in the {evening"
    "|afternoon}. {That is [c] together|Together that is [c]}",
    "[name] has [a] [things] and [other] has [b]. Together they have [c] [things]",
    "how many [things] are [a] [things] and [b] [things]? {[c]|It is [c]|[c] [things]}",
    "[name] puts [a] [things] in one {box|basket} and [b] in another. {In all|Together} there are [c]",
)  # fmt: skip
LOSSES = (
    "[name] has [a] [things]. [He] {sells|gives away|eats} [b]. {Now [he] has [c] left|[c] are left|How many are "
    "left? [c]}",
    "there are [a] [things] {in the basket|on the table|in the box}. [name] takes [b] away. {[c] stay|Then [c] are "
    "left|Now we count [c]}",
    "from [a] [things] take [b]: {[c] are left|that leaves [c]}",
    "[name] had [a] [things] and gave [b] to [other]. [name] kept [c]",
    "[name] wants [a] [things] and has only [b]. [He] needs [c] more",
    "[a] [things] are in the {box|basket}, [b] fall out. {[c] stay in|How many stay? [c]}",
)  # fmt: skip
PLURALS = tuple(food for food in FOODS if food.endswith("s")) + tuple(
    {"box": "boxes", "scarf": "scarves", "compass": "compasses"}.get(thing, f"{thing}s") for thing in THINGS
)
COUNTED = ("apples", "pears", "plums", "eggs", "stones", "flowers", "marbles", "shells", "nuts", "coins", "buttons")


def problems(desk: Desk) -> str:
    """Write small stories of gaining and losing, with the result."""
    said = []
    for _ in range(3 + desk.rng.randrange(4)):
        sign, a, b, c = _draw(desk)
        while min(a, b, c) < 2:
            sign, a, b, c = _draw(desk)
        one, two = desk.villagers(2)
        things = desk.pick(PLURALS + COUNTED)
        template = desk.deal("gains" if sign == "+" else "losses", GAINS if sign == "+" else LOSSES)
        if things not in FOODS + COUNTED:
            template = template.replace("|eats", "").replace("{ate|", "{")
        said.append(
            sentence(
                desk.say(template, one, a=str(a), b=str(b), c=str(c), other=two.name, things=things, He=one.he.title())
            )
        )
    return desk.pick((" ", "\n", "\n")).join(said)


def chains(desk: Desk) -> str:
    """Write sums of three numbers, step by step."""
    said = []
    for _ in range(3 + desk.rng.randrange(3)):
        a, b, c = (1 + desk.rng.randrange(9) for _ in range(3))
        total = a + b
        sign, result = ("-", total - c) if c <= total and desk.chance(0.4) else ("+", total + c)
        said.append(
            desk.say(
                "{first [a] + [b] = [total], then [total] [sign] [c] = [result]. So [a] + [b] [sign] [c] = [result]"
                "|[a] + [b] [sign] [c] = [result], for [a] + [b] = [total] and [total] [sign] [c] = [result]|what "
                "is [a] + [b] [sign] [c]? [a] + [b] is [total], and [total] [sign] [c] is [result]}",
                a=str(a), b=str(b), c=str(c), total=str(total), sign=sign, result=str(result),
            )
        )  # fmt: skip
    return "\n".join(sentence(line) for line in said)


COUNT_FORMS = (
    "after [a] comes [next]", "before [a] comes [before]", "[high] is more than [low]", "[high] is larger than [low]",
    "[low] is less than [high]", "which is more, [a] or [b]? [high]", "which is larger: [a] or [b]? {[high]|[high] is}",
    "is [a] larger than [b]? {[answer]|[answer], [high] is larger}", "the larger of [a] and [b] is [high]",
    "what comes after [a]? [next]", "[name] counts: [run]", "count from [start] to [end]: [run]",
    "from [start] to [end]: [run]", "count down from [end] to [start]: [back]", "back from [end] to [start]: [back]",
    "the numbers from [start] to [end] are [run]", "[name] counts down: [back]",
)  # fmt: skip


def counting(desk: Desk) -> str:
    """Count up and down, compare numbers, and say what comes before and after."""
    said = []
    for _ in range(5 + desk.rng.randrange(4)):
        a, b = desk.rng.sample(range(1, TOP), 2)
        words = desk.chance(0.3)
        low, high = sorted((a, b))
        start = desk.rng.randrange(0, 17)
        end = min(TOP, start + 3 + desk.rng.randrange(7))
        run = [_number(number, words) for number in range(start, end + 1)]
        said.append(
            desk.say(
                desk.deal("counting", COUNT_FORMS), desk.villager(), a=_number(a, words), b=_number(b, words),
                next=_number(a + 1, words), before=_number(a - 1, words), low=_number(low, words),
                high=_number(high, words), answer="yes" if a > b else "no", start=run[0], end=run[-1],
                run=", ".join(run), back=", ".join(reversed(run)),
            )
        )  # fmt: skip
    return desk.pick((" ", "\n")).join(sentence(line) for line in said)


FORMS: dict[Form, int] = {sheet: 7, spoken: 4, questions: 8, problems: 6, chains: 1, counting: 3}


def write(desk: Desk) -> str:
    """Write one sheet of sums."""
    return write_one(desk, FORMS)
