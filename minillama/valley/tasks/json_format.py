"""Facts as JSON with three named keys."""

import json
import random
from collections.abc import Sequence

from minillama.valley.tasks.base import Case, Grade, Task
from minillama.valley.tasks.matching import careless, plain
from minillama.valley.world import Villager, World

_KEY_SETS = (
    ("name", "town", "job"),
    ("name", "animal", "pet"),
    ("town", "food", "hobby"),
    ("name", "hobby", "friend"),
    ("job", "animal", "food"),
    ("town", "job", "year"),
)


def _values(villager: Villager) -> dict[str, str | int]:
    return {
        "name": villager.name,
        "town": villager.town.name,
        "job": villager.job.name,
        "animal": villager.animal.name,
        "pet": villager.pet_name,
        "food": villager.foods[0],
        "hobby": villager.hobby,
        "friend": villager.friend,
        "year": villager.arrival_year,
    }


def _cases(world: World) -> Sequence[Case]:
    cases = []
    for villager in world.villagers:
        values = _values(villager)
        for keys in _KEY_SETS:
            slots = {"name": villager.name, "keys": f"{keys[0]}, {keys[1]} and {keys[2]}"}
            target = {"values": {key: values[key] for key in keys}}
            cases.append(Case(pair=f"json-facts/{'-'.join(keys)}/{villager.name}", slots=slots, target=target))
    return cases


def _good(_world: World, case: Case, rng: random.Random) -> str:
    return json.dumps(case.target["values"])


def _poor(world: World, case: Case, rng: random.Random) -> str:
    values = dict(case.target["values"])
    other = _values(rng.choice([v for v in world.villagers if any(values[k] != _values(v)[k] for k in values)]))
    key = rng.choice([key for key in values if key != "name"])
    prose = ", ".join(f"{key}: {value}" for key, value in values.items())
    wrong = {name: other[name] for name in values}
    missing = {name: value for name, value in values.items() if name != key}
    renamed = {name.upper() + "S": value for name, value in values.items()}
    forms = (json.dumps(wrong), json.dumps(missing), json.dumps(renamed), json.dumps(values)[:-1], f"{prose}.")
    return rng.choice((*forms, careless(rng)))


def _strict_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        raise ValueError("a key occurs twice")
    return dict(pairs)


def parse_object(answer: str) -> tuple[dict[str, object] | None, bool]:
    """Read the JSON object in ``answer``; also say whether nothing but the object (or a fenced one) is there."""
    text = answer.strip()
    if text.startswith("```") and text.endswith("```"):
        text = text.strip("`").removeprefix("json").strip()
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        return None, False
    try:
        value = json.loads(text[start : end + 1], object_pairs_hook=_strict_object)
    except (ValueError, RecursionError):
        return None, False
    return value, start == 0 and end == len(text) - 1


def _grade(_world: World, case: Case, answer: str) -> Grade:
    wanted = case.target["values"]
    found, alone = parse_object(answer)
    if found is None:
        return Grade(0.0, ("holds no JSON object",))
    right = [key for key, value in wanted.items() if key in found and _same(found[key], value)]
    score = len(right) / len(wanted)
    reasons = [f"{len(right)} of {len(wanted)} keys are right"]
    if set(found) - set(wanted):
        score *= 0.7
        reasons.append("has keys nobody asked for")
    if not alone:
        score *= 0.7
        reasons.append("has words around the JSON")
    return Grade(score, tuple(reasons))


def _same(found: object, wanted: str | int) -> bool:
    """Whether two values agree, whatever the case; a number may be written as a string, a list or object may not."""
    return isinstance(found, (str, int)) and not isinstance(found, bool) and plain(str(found)) == plain(str(wanted))


TASKS: tuple[Task, ...] = (
    Task(
        name="json-facts",
        kind="json",
        tier="extended",
        wordings=(
            "Describe {name} as JSON with the keys {keys}.", "Write JSON about {name} with the keys {keys}.",
            "Give me JSON for {name}. The keys are {keys}.", "As JSON with the keys {keys}: who is {name}?",
            "Put {name} into JSON with the keys {keys}.", "I need {name} as JSON. Use the keys {keys}.",
            "Answer only in JSON with the keys {keys}. Who is {name}?", "JSON, please: {keys} of {name}.",
        ),
        heldout_wordings=(
            "Make a JSON object for {name} that has the keys {keys}.", "Tell me the {keys} of {name}, as JSON.",
        ),
        cases=_cases,
        good_answer=_good,
        poor_answer=_poor,
        grade=_grade,
    ),
)  # fmt: skip
