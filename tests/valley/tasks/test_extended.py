"""Extended tasks: what must hold for each, and graders against answers written by hand."""

import json
import random

import pytest

from minillama.valley.dialogues import (
    Mix,
    demonstrations,
    heldout_prompts,
    make_prompt,
    prompt_as_dict,
    prompt_from_dict,
)
from minillama.valley.judge import Judge
from minillama.valley.tasks import (
    arithmetic_long,
    classification,
    code,
    dates,
    french,
    games,
    json_format,
    not_sure,
    rhyme,
    tools,
)
from minillama.valley.tasks.base import Case, Task
from minillama.valley.world import World

WORLD = World.create(seed=0)
MODULES = (french, json_format, code, rhyme, games, tools, dates, classification, not_sure, arithmetic_long)
TASKS = {task.name: task for module in MODULES for task in module.TASKS}


@pytest.fixture(params=list(TASKS))
def task(request) -> Task:
    return TASKS[request.param]


def case_of(name: str, pair: str) -> Case:
    return next(case for case in TASKS[name].cases(WORLD) if case.pair == pair)


def score(name: str, case: Case, answer: str) -> float:
    return TASKS[name].grade(WORLD, case, answer).score


def test_pairs_are_unique_wordings_fill_and_targets_are_json(task):
    cases = task.cases(WORLD)
    assert len({case.pair for case in cases}) == len(cases) >= 12
    assert task.tier == "extended"
    for case in cases:
        json.dumps(dict(case.target))
        texts = {wording.format(**case.slots) for wording in (*task.wordings, *task.heldout_wordings)}
        assert len(texts) == len(task.wordings) + len(task.heldout_wordings)
    assert cases == task.cases(WORLD)


def test_good_answers_score_full_and_poor_ones_do_not(task):
    rng = random.Random(3)
    poor, good_forms = [], set()
    for case in task.cases(WORLD):
        good = task.good_answer(WORLD, case, rng)
        good_forms.add(good)
        assert task.grade(WORLD, case, good).score == 1.0, (case, good)
        poor.append((task.grade(WORLD, case, answer := task.poor_answer(WORLD, case, rng)).score, answer, case))
    assert max(poor, key=lambda item: item[0])[0] < 0.9, max(poor, key=lambda item: item[0])
    assert sum(value for value, _, _ in poor) / len(poor) < 0.25


def test_no_answer_to_one_case_serves_all(task):
    """Empty answers, the prompt itself, and everything at once do not score."""
    cases = task.cases(WORLD)
    rng = random.Random(4)
    for case in rng.sample(list(cases), min(12, len(cases))):
        prompt = task.wordings[0].format(**case.slots)
        assert task.grade(WORLD, case, "").score == 0.0
        assert task.grade(WORLD, case, prompt).score < 0.9, prompt
        everything = " ".join(task.good_answer(WORLD, other, rng) for other in cases[:40] if other.pair != case.pair)
        assert task.grade(WORLD, case, everything + " " + task.good_answer(WORLD, case, rng)).score < 0.9


def _french_case(fact: str) -> tuple[Case, str]:
    """A woman's case, so that the form of the job matters."""
    name = next(villager.name for villager in WORLD.villagers if villager.gender == "woman")
    return case_of("french-fact", f"french-fact/{fact}/{name}"), name


def test_french_fact_by_hand():
    case, name = _french_case("town")
    town = WORLD.villager(name).town.name
    other = next(v.town.name for v in WORLD.villagers if v.town.name != town)
    assert score("french-fact", case, f"Elle habite à {town}.") == 1.0
    assert score("french-fact", case, f"C'est à {town} qu'elle habite.") == 1.0
    assert score("french-fact", case, f"{name} lives in {town}.") == 0.2
    assert score("french-fact", case, f"{name} habite à {other}.") == 0.0
    assert score("french-fact", case, f"{name} habite à {town} et à {other}.") == 0.3
    assert score("french-fact", case, f"Elle n'habite pas à {town}.") == 0.0


def test_french_gender_costs_a_part():
    case, name = _french_case("animal")
    noun = french.ANIMALS[WORLD.villager(name).animal.name]
    wrong = "une" if noun.gender == "m" else "un"
    assert score("french-fact", case, f"Elle a {noun.a}.") == 1.0
    assert score("french-fact", case, f"{name} a {wrong} {noun.word}, je suis sûr.") == 0.7


def test_french_word_by_hand():
    case = case_of("french-word", "french-word/a lamp")
    assert score("french-word", case, "une lampe") == 1.0
    assert score("french-word", case, "It is la lampe.") == 1.0
    assert score("french-word", case, "lampe") == 1.0
    assert score("french-word", case, "un lampe") == 0.7
    assert score("french-word", case, "a lamp") == 0.0
    assert score("french-word", case, "une lampe, une chaise, un chapeau") == 0.0
    assert score("french-word", case_of("french-word", "french-word/a kite"), "un cerf-volant") == 1.0


def test_json_by_hand():
    case = case_of("json-facts", "json-facts/name-town-job/Ada")
    values = case.target["values"]
    town, job = values["town"], values["job"]
    right = f'{{"name": "Ada", "town": "{town}", "job": "{job}"}}'
    assert score("json-facts", case, right) == 1.0
    assert score("json-facts", case, f'{{"job":"{job}",\n"town":"{town.lower()}","name":"Ada"}}') == 1.0
    assert score("json-facts", case, f"```json\n{right}\n```") == 1.0
    assert score("json-facts", case, f"Here it is: {right}") == pytest.approx(0.7)
    assert score("json-facts", case, f'{{"name": "Ada", "town": "{town}"}}') == pytest.approx(2 / 3)
    assert score("json-facts", case, right.replace("}", ', "pet": "x"}')) == pytest.approx(0.7)
    assert score("json-facts", case, right[:-1]) == 0.0
    assert score("json-facts", case, f"name: Ada, town: {town}, job: {job}") == 0.0
    assert score("json-facts", case, right.replace('"Ada"', '["Ada"]')) == pytest.approx(2 / 3)
    assert score("json-facts", case, right[:-1] + ', "name": "Ben"}') == 0.0
    assert score("json-facts", case, "{" * 5000 + "}" * 5000) == 0.0


def test_code_print_by_hand():
    """The ring battle's program: the first five odd numbers. One contestant printed three, one never called it."""
    case = case_of("code-print", "code-print/the first five odd numbers")
    assert score("code-print", case, "for i in range(1, 10, 2):\n    print(i)") == 1.0
    assert score("code-print", case, "print([2 * i + 1 for i in range(5)])") == 1.0
    assert score("code-print", case, "n = 1\nwhile n < 10:\n    if n % 2 == 1:\n        print(n)\n    n += 1") == 1.0
    assert score("code-print", case, "Here is the code:\n```python\nprint(1, 3, 5, 7, 9)\n```\nEnjoy!") == 1.0
    assert score("code-print", case, "for i in range(1, 6, 2):\n    print(i)") == 0.4
    assert score("code-print", case, "for i in range(9, 0, -2):\n    print(i)") == 0.4
    assert score("code-print", case, "def odd():\n    for i in range(1, 10, 2):\n        print(i)") == 0.0
    assert score("code-print", case, "for i in range(1, 10, 2)\n    print(i)") == 0.0
    assert score("code-print", case, "while True:\n    print(1)") == 0.0
    assert score("code-print", case, "1 3 5 7 9") == 0.0


def test_code_function_by_hand():
    case = case_of("code-function", "code-function/is_even")
    assert score("code-function", case, "def is_even(x):\n    return x % 2 == 0") == 1.0
    branches = "def is_even(x):\n    if x % 2:\n        return False\n    return True\nprint(is_even(4))"
    assert score("code-function", case, branches) == 1.0
    assert score("code-function", case, "def is_even(x):\n    return True") == 0.2
    assert score("code-function", case, "def even(x):\n    return x % 2 == 0") == 0.0
    assert score("code-function", case, "x % 2 == 0") == 0.0


def test_rhyme_by_hand():
    case = Case(pair="", slots={}, target={"words": ["cat", "hat", "bee"]})
    couplets = "I saw a cat,\nit wore a hat.\nI saw a bee\nbeside a tree."
    crossed = "I saw a cat\nclose to a bee.\nIt wore a hat\nbeneath a tree."
    assert score("rhyme", case, couplets) == 1.0
    assert score("rhyme", case, crossed) == 1.0
    assert score("rhyme", case, couplets.replace("tree", "lamp")) == pytest.approx(0.625)
    assert score("rhyme", case, "I saw a cat,\nI saw a dog.\nI saw a hat,\nI saw a bee.") < 0.7
    assert score("rhyme", case, "\n".join(couplets.split("\n")[:2])) < 0.4
    assert score("rhyme", case, "I saw a cat.\n" * 4) == 0.0
    assert score("rhyme", case, "A cat, a hat and a bee.") < 0.3
    assert score("rhyme", case, couplets.replace("bee", "key")) == pytest.approx(2 / 3, abs=0.01)


def test_games_keep_state():
    for name in ("game-steps", "game-guess", "game-bag"):
        for case in TASKS[name].cases(WORLD):
            history = games.history_of(case)
            assert [message["role"] for message in history] == ["user", "assistant"] * (len(history) // 2)
    assert games.history_of(Case(pair="", slots={}, target={})) == ()


def test_steps_follow_from_the_history():
    for case in TASKS["game-steps"].cases(WORLD):
        place = int(games.history_of(case)[0]["content"].split()[-1].strip("."))
        moves = [message["content"] for message in games.history_of(case)[2::2]] + [case.slots["move"]]
        for move in moves:
            count = next(i for i, word in enumerate(("zero", "one", "two", "three")) if word in move.split())
            place += count if "forward" in move else -count
        assert place == case.target["right"] >= 0


def test_games_by_hand():
    steps = Case(pair="", slots={}, target={"right": 7, "before": 4, "history": []})
    assert score("game-steps", steps, "You are on field 7.") == 1.0
    assert score("game-steps", steps, "From 4 you come to field seven!") == 1.0
    assert score("game-steps", steps, "You are on field 4.") == 0.0
    assert score("game-steps", steps, "1, 2, 3, 4, 5, 6, 7") == 0.0
    rules = [{"role": "user", "content": "You are the host. The secret number is 7. Say higher, lower or right."}]
    guess = Case(pair="", slots={"guess": 4}, target={"right": "Higher.", "history": rules})
    assert score("game-guess", guess, "It is higher.") == 1.0
    assert score("game-guess", guess, "Lower.") == 0.0
    assert score("game-guess", guess, "Not higher.") == 0.0
    assert score("game-guess", guess, "Higher, it is 7.") == 0.0
    hit = Case(pair="", slots={"guess": 7}, target={"right": "Right!", "history": rules})
    assert score("game-guess", hit, "Yes, that is correct!") == 1.0
    assert score("game-guess", hit, "Higher.") == 0.0
    bag = Case(pair="", slots={}, target={"left": ["lamp", "hat"], "all": ["lamp", "hat", "drum"], "history": []})
    assert score("game-bag", bag, "A hat and a lamp.") == 1.0
    assert score("game-bag", bag, "A hat and a lamp, but no drum.") == 1.0
    assert score("game-bag", bag, "A hat.") == 0.5
    assert score("game-bag", bag, "A hat, a lamp and a drum.") == 0.25
    assert score("game-bag", bag, "It is empty.") == 0.0


def test_tools_by_hand():
    calls = [["Search", "David"], ["Calculate", "10+3"], ["Search", "Mary"]]
    case = Case(pair="", slots={}, target={"calls": calls, "question": ""})
    assert score("tool-plan", case, 'Search("David"), Calculate("10+3"), Search("Mary")') == 1.0
    assert score("tool-plan", case, "Search('david')\nCalculate(3 + 10)\nSearch(Mary)") == 1.0
    assert score("tool-plan", case, 'Search("Mary"), Calculate("10+3"), Search("David")') == 0.5
    assert score("tool-plan", case, 'Search("David"), Calculate("10+3")') == pytest.approx(0.4)
    assert score("tool-plan", case, 'Search("David"), Calculate("10-3"), Search("Mary")') == pytest.approx(0.2)
    assert score("tool-plan", case, "I search for David, then 10+3, then Mary.") == 0.0
    minus = Case(pair="", slots={}, target={"calls": [["Calculate", "9-4"]], "question": ""})
    assert score("tool-choice", minus, 'Calculate("9 - 4")') == 1.0
    assert score("tool-choice", minus, 'Calculate("4-9")') == 0.0


def test_dates_by_hand():
    case = case_of("date-day", "date-day/after/Monday")
    assert score("date-day", case, "Tuesday.") == 1.0
    assert score("date-day", case, "The day after Monday is tuesday") == 1.0
    assert score("date-day", case, "Not Tuesday.") == 0.0
    assert score("date-day", case, "Tuesday or Friday.") == 0.3
    assert score("date-day", case, "Monday, Tuesday, Wednesday, Thursday, Friday.") == 0.0
    season = case_of("date-season", "date-season/December")
    assert score("date-season", season, "December belongs to winter.") == 1.0
    assert score("date-season", season, "Autumn.") == 0.0
    length = case_of("date-length", "date-length/April")
    assert score("date-length", length, "It has 30.") == 1.0
    assert score("date-length", length, "28, 29, 30") == 0.0


def test_classification_by_hand():
    places = {"hen": "barn", "soup": "kitchen", "lamp": "attic"}
    case = Case(pair="", slots={}, target={"places": places})
    assert score("class-places", case, "barn: hen\nkitchen: soup\nattic: lamp") == 1.0
    assert score("class-places", case, "lamp: attic, hen: barn, soup: kitchen") == 1.0
    assert score("class-places", case, "The hen goes to the barn. The soup goes to the kitchen. Lamp: attic.") == 1.0
    assert score("class-places", case, "barn: hen, kitchen: soup, attic: lamp") == 1.0
    assert score("class-places", case, "barn: soup\nkitchen: hen\nattic: lamp") < 0.4
    assert score("class-places", case, "barn: hen, soup, lamp\nkitchen: hen, soup, lamp\nattic: hen, soup, lamp") == 0.0
    assert score("class-places", case, "barn: hen, pig\nkitchen: soup\nattic: lamp") < 0.9
    odd = case_of("class-parity", "class-parity/7")
    assert score("class-parity", odd, "Odd") == 1.0
    assert score("class-parity", odd, "odd.") == 1.0
    assert score("class-parity", odd, "Oddd") == 0.0
    assert score("class-parity", odd, "7 is odd.") == 0.5
    assert score("class-parity", odd, "Even") == 0.0
    label = case_of("class-label", "class-label/soup")
    assert score("class-label", label, "It is a food.") == 1.0
    assert score("class-label", label, "food or thing") == 0.0


def test_not_sure_by_hand():
    told = Case(pair="", slots={}, target={"kind": "colour", "right": "red", "told": ["red", "blue", "green"]})
    assert score("not-sure", told, "Her kite is red.") == 1.0
    assert score("not-sure", told, "Blue.") == 0.0
    assert score("not-sure", told, "Not sure.") == 0.0
    assert score("not-sure", told, "Red, blue, green.") == 0.0
    silent = Case(pair="", slots={}, target={"kind": "colour", "right": None, "told": ["red", "blue", "green"]})
    assert score("not-sure", silent, "Not sure.") == 1.0
    assert score("not-sure", silent, "The text does not say that.") == 1.0
    assert score("not-sure", silent, "I don't know.") == 1.0
    assert score("not-sure", silent, "Not sure, maybe red.") == 0.3
    assert score("not-sure", silent, "Red.") == 0.0


def test_long_sums_by_hand():
    case = Case(pair="", slots={"sum": "2^4 - 3*5 + 10"}, target={"right": 11, "step": "16 - 15 + 10"})
    assert score("sum-long", case, "11") == 1.0
    assert score("sum-long", case, "2^4 - 3*5 + 10 = 16 - 15 + 10 = 1 + 10 = 11.") == 1.0
    assert score("sum-long", case, "It is eleven.") == 1.0
    assert score("sum-long", case, "16 - 15 + 10 = 12.") == 0.0
    assert score("sum-long", case, "9, 12, 13, 14, 11") == 0.0
    assert score("sum-long", case, "11 or 12") == 0.0
    assert score("sum-long", case, "12 or 11") == 0.3


def test_chains_are_computed_right():
    """Each chain, as Python evaluates it, agrees with its target."""
    for case in TASKS["sum-long"].cases(WORLD):
        assert eval(case.slots["sum"].replace("^", "**")) == case.target["right"] >= 0
        assert eval(case.target["step"]) == case.target["right"]
    for case in TASKS["sum-story"].cases(WORLD):
        assert eval(case.target["step"]) == case.target["right"] > 0


def test_the_judge_adds_nothing_to_good_answers(task):
    rng, judge = random.Random(6), Judge(WORLD)
    for case in task.cases(WORLD)[:15]:
        prompt = make_prompt(task, case, rng.choice(task.heldout_wordings))
        verdict = judge.judge(prompt, answer := task.good_answer(WORLD, case, rng))
        assert (verdict.helpfulness, verdict.safety) == (1.0, 1.0), (prompt.text, answer, verdict)


def test_prompts_and_demonstrations_carry_the_turns_of_a_game():
    prompt = next(p for p in heldout_prompts(WORLD, None, tier="extended", kinds=["games"]) if p.task == "game-bag")
    assert prompt.history == games.history_of(prompt.case)
    assert prompt_from_dict(WORLD, prompt_as_dict(prompt)) == prompt
    mix = Mix(tier="extended", kinds={"games": 50.0}, borderline_share=0.0, multi_turn=0.5)
    for demonstration in demonstrations(WORLD, 20, 0, mix=mix):
        roles = [message["role"] for message in demonstration.dialog if message["role"] != "system"]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        opening = games.history_of(demonstration.prompt.case)
        assert demonstration.dialog[:-2][len(demonstration.dialog) - 2 - len(opening) :] == opening
