"""All tasks by tier."""

from functools import cache
from importlib import import_module

from minillama.valley.tasks.base import Task

_MODULES = ("facts", "knowledge", "sums", "lists", "descriptions", "reading", "refusals")
_EXTENDED_MODULES = (
    "french",
    "json_format",
    "code",
    "rhyme",
    "games",
    "tools",
    "dates",
    "classification",
    "not_sure",
    "arithmetic_long",
    "combined",
)


@cache
def all_tasks() -> tuple[Task, ...]:
    """Every task of both tiers, core modules first."""
    tasks = tuple(
        task
        for module in (*_MODULES, *_EXTENDED_MODULES)
        for task in import_module(f"minillama.valley.tasks.{module}").TASKS
    )
    names = [task.name for task in tasks]
    if len(set(names)) != len(names):
        raise ValueError(f"two tasks share a name: {sorted(name for name in set(names) if names.count(name) > 1)}")
    return tasks


@cache
def core_tasks() -> tuple[Task, ...]:
    """The tasks on which the alignment figures are measured."""
    return tuple(task for task in all_tasks() if task.tier == "core")


@cache
def extended_tasks() -> tuple[Task, ...]:
    """The tasks that are measured and reported apart."""
    return tuple(task for task in all_tasks() if task.tier == "extended")


@cache
def _by_name() -> dict[str, Task]:
    return {task.name: task for task in all_tasks()}


def task(name: str) -> Task:
    """Return the task called ``name``; raises ``ValueError`` when there is none."""
    if name not in _by_name():
        raise ValueError(f"there is no task {name!r}; the tasks are {', '.join(_by_name())}")
    return _by_name()[name]
