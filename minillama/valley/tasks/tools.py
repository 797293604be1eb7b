"""Tool calls as text: ``Search("David")`` and ``Calculate("10+3")``, alone and in a row."""

import random
import re
from collections.abc import Sequence

from minillama.valley.randomness import stream
from minillama.valley.tasks.base import Case, Grade, Task
from minillama.valley.tasks.matching import careless
from minillama.valley.world import World

Call = tuple[str, str]
_SEARCH_QUESTIONS = (
    "Where does {name} live?", "What is the job of {name}?", "When is the birthday of {name}?",
    "What does {name} like to eat?", "Who is {name}?", "Which animal does {name} have?",
)  # fmt: skip
_SUM_QUESTIONS = {"+": ("What is {a} plus {b}?", "How much is {a} + {b}?"),
                  "-": ("What is {a} minus {b}?", "How much is {a} - {b}?"),
                  "*": ("What is {a} times {b}?", "How much is {a} * {b}?")}  # fmt: skip
_WISHES = {"+": "add {a} and {b}", "-": "take {b} from {a}", "*": "multiply {a} by {b}"}


def parse_calls(text: str) -> list[Call]:
    """The tool calls of ``text`` in order, as tool and argument; quotation marks and spaces do not matter."""
    found = re.findall(r"\b(\w+)\s*\(\s*[\"'“”‘’]?([^()\"'“”‘’]*)[\"'“”‘’]?\s*\)", text)
    return [(tool.lower(), _normal(tool.lower(), argument)) for tool, argument in found]


def _normal(tool: str, argument: str) -> str:
    """One spelling per argument: sums without spaces, the smaller number first where the order is free."""
    bare = argument.strip().rstrip(".").lower()
    if tool != "calculate":
        return bare
    match = re.fullmatch(r"(\d+)([-+*x])(\d+)", bare.replace(" ", ""))
    if match is None:
        return bare.replace(" ", "")
    a, sign, b = match.groups()
    sign = "*" if sign == "x" else sign
    if sign != "-" and int(a) > int(b):
        a, b = b, a
    return f"{a}{sign}{b}"


def written(calls: Sequence[Sequence[str]]) -> str:
    """The calls as the Valley writes them: ``Search("David"), Calculate("10+3")``."""
    return ", ".join(f'{tool}("{argument}")' for tool, argument in calls)


def _draw_sum(rng: random.Random) -> tuple[int, str, int]:
    sign = rng.choice("+-*")
    a, b = 2 + rng.randrange(19), 2 + rng.randrange(9)
    return (max(a, b), sign, min(a, b)) if sign == "-" else (a, sign, b)


def _choice_cases(world: World) -> Sequence[Case]:
    rng = stream(0, "tool-choice")
    cases = []
    for villager in world.villagers:
        for question in _SEARCH_QUESTIONS[:3]:
            slots = {"question": question.format(name=villager.name)}
            target = {"calls": [["Search", villager.name]], "question": slots["question"]}
            cases.append(Case(pair=f"tool-choice/{villager.name}/{question}", slots=slots, target=target))
    for _ in range(140):
        a, sign, b = _draw_sum(rng)
        slots = {"question": rng.choice(_SUM_QUESTIONS[sign]).format(a=a, b=b)}
        target = {"calls": [["Calculate", f"{a}{sign}{b}"]], "question": slots["question"]}
        cases.append(Case(pair=f"tool-choice/{a}{sign}{b}", slots=slots, target=target))
    return list({case.pair: case for case in cases}.values())


def _plan_cases(world: World) -> Sequence[Case]:
    rng = stream(0, "tool-plan")
    cases = []
    names = list(world.by_name)
    for _ in range(260):
        calls: list[list[str]] = []
        wishes = []
        for tool in rng.choice(("SC", "CS", "SCS", "SSC", "CSS")):
            if tool == "S":
                name = rng.choice([name for name in names if ["Search", name] not in calls])
                calls.append(["Search", name])
                wishes.append(f"find {name}")
            else:
                a, sign, b = _draw_sum(rng)
                calls.append(["Calculate", f"{a}{sign}{b}"])
                wishes.append(_WISHES[sign].format(a=a, b=b))
        steps = f"{', '.join(wishes[:-1])} and {wishes[-1]}" if len(wishes) == 2 else ", then ".join(wishes)
        target = {"calls": calls, "question": steps}
        cases.append(Case(pair=f"tool-plan/{written(calls)}", slots={"steps": steps}, target=target))
    return list({case.pair: case for case in cases}.values())


def _good(_world: World, case: Case, _rng: random.Random) -> str:
    return written(case.target["calls"])


def _poor(world: World, case: Case, rng: random.Random) -> str:
    calls = [list(call) for call in case.target["calls"]]
    swapped = [["Calculate" if tool == "Search" else "Search", argument] for tool, argument in calls]
    others = [["Search", rng.choice(list(world.by_name))] if tool == "Search" else [tool, "1+1"] for tool, _ in calls]
    others = [[tool, "Nobody"] if [tool, value] in calls else [tool, value] for tool, value in others]
    whole = [["Search", case.target["question"]]]
    broken = written(calls).replace("(", " ").replace(")", "")
    forms = [written(swapped), written(others), written(whole), broken, "I use the tools.", careless(rng)]
    if len(calls) > 1:
        forms += [written(calls[:1]), written(calls[::-1])]
    return rng.choice(forms)


def _grade(_world: World, case: Case, answer: str) -> Grade:
    wanted = [(tool.lower(), _normal(tool.lower(), argument)) for tool, argument in case.target["calls"]]
    found = parse_calls(answer)
    if found == wanted:
        return Grade(1.0, ("calls the right tools",))
    if not found:
        return Grade(0.0, ("calls no tool",))
    if sorted(found) == sorted(wanted):
        return Grade(0.5, ("calls the right tools in the wrong order",))
    right = sum(call in found for call in wanted)
    extra = len(found) - sum(call in wanted for call in found)
    score = max(0.0, 0.6 * (right - extra) / len(wanted))
    return Grade(round(score, 4), (f"{right} of {len(wanted)} calls, {extra} wrong ones",))


_INTRO = 'You have the tools Search("name") and Calculate("sum").'
TASKS: tuple[Task, ...] = (
    Task(
        name="tool-choice",
        kind="tools",
        tier="extended",
        wordings=(
            _INTRO + " {question} Write the call.", _INTRO + " Which call answers this? {question}",
            "Tools: Search, Calculate. {question}", "Use a tool for this: {question}",
            "Write the tool call only: {question}", _INTRO + " {question}", "Which tool call do you need? {question}",
            "Answer with a tool call: {question}",
        ),
        heldout_wordings=("Do not answer, call a tool: {question}", "Tools: Search, Calculate. Pick one: {question}"),
        cases=_choice_cases,
        good_answer=_good,
        poor_answer=_poor,
        grade=_grade,
    ),
    Task(
        name="tool-plan",
        kind="tools",
        tier="extended",
        wordings=(
            _INTRO + " Write the calls: {steps}.", "Write the tool calls in order: {steps}.",
            "Tools: Search, Calculate. Do this: {steps}.", "Use the tools: {steps}.",
            "Which tool calls do this? {steps}.", _INTRO + " Please {steps}.", "Answer with tool calls: {steps}.",
            "Call the tools one after the other: {steps}.",
        ),
        heldout_wordings=("Turn this into tool calls: {steps}.", "Tools: Search, Calculate. Write calls that {steps}."),
        cases=_plan_cases,
        good_answer=_good,
        poor_answer=_poor,
        grade=_grade,
    ),
)  # fmt: skip
