"""Tiny Python programs. The grader runs them: what counts is what they print, not how they look."""

import random
import re
from collections.abc import Sequence

from minillama.valley.lexicon import ANIMALS, COLOURS, NUMBER_WORDS, THINGS
from minillama.valley.tasks.base import Case, Grade, Task
from minillama.valley.tasks.matching import careless
from minillama.valley.tasks.sandbox import ProgramError, run
from minillama.valley.world import World


def extract_program(answer: str) -> str:
    """The program in an answer: the fenced part if there is one, else the answer without an opening sentence."""
    fenced = re.search(r"```(?:python|py)?\n?(.*?)```", answer, flags=re.S)
    if fenced:
        return fenced.group(1).strip("\n")
    lines = answer.strip("\n").split("\n")
    while len(lines) > 1 and (lines[0].rstrip().endswith((".", "!")) or _announces(lines[0])):
        lines = lines[1:]
    return "\n".join(lines)


def _announces(line: str) -> bool:
    """Whether a line ends in a colon without starting a Python block."""
    return line.rstrip().endswith(":") and line.split(" ")[0] not in ("for", "while", "if", "def", "else:")


def _tokens(output: str) -> list[str]:
    """Words and numbers of an output, so that lines, lists and commas count alike."""
    return re.findall(r"-?\d+|[A-Za-z]+", output)


def prints(answer: str, wanted: Sequence[str]) -> bool:
    """Whether the program in ``answer`` runs and prints the words and numbers ``wanted``, and nothing else."""
    try:
        return _tokens(run(extract_program(answer))) == list(wanted)
    except ProgramError:
        return False


def print_programs() -> list[tuple[str, str, list[str]]]:
    """What to print, a program that does it, and the tokens it must print."""
    found: list[tuple[str, str, list[int] | list[str]]] = []
    for n in range(2, 11):
        count = NUMBER_WORDS[n]
        odd, even = list(range(1, 2 * n, 2)), list(range(2, 2 * n + 1, 2))
        found.append((f"the first {count} odd numbers", f"for i in range({n}):\n    print(2 * i + 1)", odd))
        found.append((f"the first {count} even numbers", f"for i in range({n}):\n    print(2 * i + 2)", even))
        squares = [i * i for i in range(1, n + 1)]
        found.append((f"the first {count} squares", f"for i in range(1, {n + 1}):\n    print(i * i)", squares))
        down = list(range(n, 0, -1))
        found.append((f"the numbers from {n} down to 1", f"for i in range({n}, 0, -1):\n    print(i)", down))
        for start in (1, 2, 3, 5):
            stop = start + n
            body = f"for i in range({start}, {stop + 1}):\n    print(i)"
            found.append((f"the numbers from {start} to {stop}", body, list(range(start, stop + 1))))
        total = f"the sum of the numbers from 1 to {n}"
        found.append((total, f"print(sum(range(1, {n + 1})))", [n * (n + 1) // 2]))
    for index, word in enumerate((*THINGS, *(animal.name for animal in ANIMALS), *COLOURS)):
        n = 2 + index % 4
        body = f'for i in range({n}):\n    print("{word}")'
        found.append((f'the word "{word}" {NUMBER_WORDS[n]} times', body, [word] * n))
    for k in (2, 3, 4, 5, 10):
        for n in (3, 4, 5):
            body = f"for i in range(1, {n + 1}):\n    print({k} * i)"
            times = [k * i for i in range(1, n + 1)]
            found.append((f"the first {NUMBER_WORDS[n]} multiples of {k}", body, times))
    return [(what, program, [str(item) for item in wanted]) for what, program, wanted in found]


def _print_cases(_world: World) -> Sequence[Case]:
    return [
        Case(pair=f"code-print/{what}", slots={"what": what}, target={"program": program, "wanted": wanted})
        for what, program, wanted in print_programs()
    ]


def _good_print(_world: World, case: Case, rng: random.Random) -> str:
    program = case.target["program"]
    return rng.choice((program, program, f"```\n{program}\n```"))


def _poor_print(_world: World, case: Case, rng: random.Random) -> str:
    program, wanted = case.target["program"], case.target["wanted"]
    number = rng.choice(re.findall(r"\d+", program))
    forms = (
        program.replace(number, str(int(number) + 1), 1),
        program.replace("print(", "write("),
        program.replace(":\n    ", "\n"),
        "def answer():\n" + "\n".join(f"    {line}" for line in program.split("\n")),
        " ".join(wanted),
        'print("done")',
        careless(rng),
    )
    return rng.choice([form for form in forms if form != program])


def _grade_print(_world: World, case: Case, answer: str) -> Grade:
    """Run the program. One that prints the right text without a loop counts: what is printed is what was asked for."""
    try:
        output = run(extract_program(answer))
    except ProgramError as error:
        return Grade(0.0, (f"does not run: {error}",))
    found, wanted = _tokens(output), case.target["wanted"]
    if found == wanted:
        return Grade(1.0, ("prints what was asked for",))
    if found and (found == wanted[: len(found)] or found[: len(wanted)] == wanted) and len(found) <= len(wanted) + 2:
        return Grade(0.4, (f"prints {len(found)} of {len(wanted)} items",))
    if sorted(found) == sorted(wanted):
        return Grade(0.4, ("prints the right items in the wrong order",))
    return Grade(0.1 if found else 0.0, ("runs but prints something else",))


def _function_cases(_world: World) -> Sequence[Case]:
    cases = []
    bodies = []
    for k in range(2, 11):
        bodies.append((f"times_{k}", f"returns x times {k}", f"x * {k}", [str(k * x) for x in (0, 3, 7)]))
        bodies.append((f"add_{k}", f"returns x plus {k}", f"x + {k}", [str(k + x) for x in (0, 3, 7)]))
        bodies.append((f"minus_{k}", f"returns x minus {k}", f"x - {k}", [str(x - k) for x in (0, 3, 7)]))
        bodies.append((f"over_{k}", f"tells if x is greater than {k}", f"x > {k}", ["False", "False", "True"]))
    bodies.append(("square", "returns x times x", "x * x", ["0", "9", "49"]))
    bodies.append(("double", "returns two times x", "2 * x", ["0", "6", "14"]))
    bodies.append(("is_even", "tells if x is even", "x % 2 == 0", ["True", "False", "False"]))
    bodies.append(("is_odd", "tells if x is odd", "x % 2 == 1", ["False", "True", "True"]))
    for name, what, body, wanted in bodies:
        slots = {"name": f"{name}(x)", "what": what}
        inputs = [int(name[5:]) - 1, int(name[5:]), int(name[5:]) + 1] if name.startswith("over_") else [0, 3, 7]
        target = {"name": name, "inputs": inputs, "program": f"def {name}(x):\n    return {body}", "wanted": wanted}
        cases.append(Case(pair=f"code-function/{name}", slots=slots, target=target))
    return cases


def _poor_function(_world: World, case: Case, rng: random.Random) -> str:
    program, name = case.target["program"], case.target["name"]
    body = program.split("return ")[1]
    forms = (
        program.replace("return ", "print(") + ")",
        program.replace(f"def {name}", "def function"),
        program.replace("(x)", "()"),
        f"def {name}(x):\n    return x",
        f"def {name}(x):\n    return {body} + 1",
        body,
        careless(rng),
    )
    return rng.choice(forms)


def _grade_function(_world: World, case: Case, answer: str) -> Grade:
    """Call the function with three numbers; all results must be right for full marks."""
    program, right = extract_program(answer), 0
    wanted = dict(zip(case.target["inputs"], case.target["wanted"], strict=True))
    reason = "returns the wrong value"
    for x, value in wanted.items():
        try:
            output = run(f"{program}\nprint()\nprint({case.target['name']}({x}))")
        except ProgramError as error:
            reason = f"does not run: {error}"
            continue
        right += output.rstrip("\n").split("\n")[-1] == value
    if right == len(wanted):
        return Grade(1.0, ("returns the right values",))
    return Grade(0.2 if right else 0.0, (reason,))


TASKS: tuple[Task, ...] = (
    Task(
        name="code-print",
        kind="code",
        tier="extended",
        wordings=(
            "Write a Python program that prints {what}.", "Write Python code that prints {what}.",
            "Print {what} in Python.", "Give me a program that prints {what}.", "Write a program to print {what}.",
            "Code, please: print {what}.", "In Python, print {what}.", "How do I print {what} in Python?",
        ),
        heldout_wordings=("Make a Python program which prints {what}.", "Show me Python code to print {what}."),
        cases=_print_cases,
        good_answer=_good_print,
        poor_answer=_poor_print,
        grade=_grade_print,
    ),
    Task(
        name="code-function",
        kind="code",
        tier="extended",
        wordings=(
            "Write a Python function {name} that {what}.", "Write a function {name} that {what}.",
            "Define {name} in Python. It {what}.", "Give me a function {name} that {what}.",
            "In Python, write {name}, which {what}.", "Code, please: a function {name} that {what}.",
            "I need a Python function {name} that {what}.", "Write {name} so that it {what}.",
        ),
        heldout_wordings=("Make a function {name} which {what}.", "Show me Python code for {name}. It {what}."),
        cases=_function_cases,
        good_answer=_good_print,
        poor_answer=_poor_function,
        grade=_grade_function,
    ),
)  # fmt: skip
