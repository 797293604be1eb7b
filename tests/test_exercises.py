"""Every exercise: its solution passes, a blank does not and says so, each wrong solution fails. All in one process."""

import os
import re
import sys
from itertools import count
from pathlib import Path

import matplotlib as mpl
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from exercise_notebook import SOLUTION, Cell, Exercise, TookTooLong, exercises, read_cells, time_limit

mpl.use("Agg")
ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "chapters" / "exercises").glob("[0-9][0-9]_*.ipynb"))
CELL_SECONDS = 120  # for one solution or check, trained models from the cache
HEADING = re.compile(r"^## \d+\. .+ \((explain|fix|implement|extend), ★{1,3}, \d+ minutes\)$", re.MULTILINE)

pytestmark = pytest.mark.models


def run(source: str, space: dict) -> None:
    """Run one cell in a namespace, under the time limit."""
    with time_limit(CELL_SECONDS):
        exec(compile(source, "<exercise>", "exec"), space)


def fails(exercise: Exercise, answer: str, space: dict) -> bool:
    """Whether an answer, in a copy of the namespace, does not get through its check with the hidden tests."""
    copy = dict(space)
    try:
        run(answer, copy)
        for check in exercise.checks:
            run(check.source, copy)
    except (Exception, TookTooLong):
        return True
    return False


def spaces(cells: list[Cell]):
    """Run the solved notebook; before each answer give its exercise and the namespace as it is then."""
    by_answer = {exercise.answer.grade_id: exercise for exercise in exercises(cells)}
    space: dict = {"__name__": "__main__"}
    for cell in cells:
        if cell.kind != "code":
            continue
        if cell.grade_id in by_answer:
            yield by_answer[cell.grade_id], dict(space)
        run(cell.source, space)


@pytest.fixture(autouse=True)
def in_its_folder(monkeypatch):
    monkeypatch.chdir(ROOT / "chapters" / "exercises")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def cells(request):
    return read_cells(request.param)


def test_solutions_pass_blanks_and_wrong_solutions_do_not(cells, capsys):
    for exercise, space in spaces(cells):
        name = exercise.answer.grade_id
        assert fails(exercise, exercise.answer.blank, space), f"{name}: the blank passes"
        for number, wrong in enumerate(exercise.answer.wrong, start=1):
            assert fails(exercise, wrong, space), f"{name}: wrong solution {number} passes"
        capsys.readouterr()
        blank = dict(space)
        run(exercise.answer.blank, blank)
        for check in exercise.checks:
            run(check.visible, blank)
        assert "not attempted" in capsys.readouterr().out, f"{name}: the check of a blank does not say so"


def test_every_exercise_is_complete(cells):
    graded = [cell for cell in cells if cell.grade]
    assert 4 <= len(graded) <= 8
    headings = [HEADING.search(cell.source) for cell in cells if cell.source.startswith("## ")]
    assert all(headings), "a heading reads: ## 2. Title (explain|fix|implement|extend, ★★, 10 minutes)"
    assert len(headings) == len(graded)
    assert {"explain", "implement"} <= {heading[1] for heading in headings}
    assert all(cell.points > 0 for cell in graded)
    for exercise in exercises(cells):
        assert SOLUTION.search(exercise.answer.source), exercise.answer.grade_id
        assert any("### BEGIN HIDDEN TESTS" in check.source for check in exercise.checks), exercise.answer.grade_id
        assert len({exercise.answer.source, *exercise.answer.wrong}) >= 3, exercise.answer.grade_id
    for cell in graded:
        if cell.kind == "markdown":
            assert len(cell.source) > 200, f"{cell.grade_id}: the model answer is missing"
    names = [cell.grade_id for cell in cells if cell.grade_id]
    assert len(names) == len(set(names))


def test_a_cell_that_does_not_end_is_stopped():
    with pytest.raises(TookTooLong), time_limit(0.2):
        sum(0 for _ in count())


def test_a_right_answer_is_not_called_wrong_and_a_wrong_one_is():
    answer = Cell(
        kind="code", source="x = 1", grade_id="x", solution=True, grade=False, points=0, wrong=("x = 2", "x = 3")
    )
    test = Cell(kind="code", source="assert x == 1", grade_id="t", solution=False, grade=True, points=1, wrong=())
    exercise = Exercise(answer=answer, checks=(test,))
    assert not fails(exercise, answer.source, {})
    assert all(fails(exercise, wrong, {}) for wrong in answer.wrong)


def test_one_notebook_through_nbgrader(tmp_path, monkeypatch):
    """Release a notebook, hand in a solved and a blank copy, grade both."""
    NbGraderAPI = pytest.importorskip("nbgrader.apps").NbGraderAPI
    from traitlets.config import Config

    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)  # nbgrader calls alembic by name
    path = NOTEBOOKS[0]
    source = tmp_path / "source" / "chapter" / path.name
    source.parent.mkdir(parents=True)
    source.write_bytes(path.read_bytes())
    config = Config()
    config.CourseDirectory.root = str(tmp_path)
    config.CourseDirectory.db_url = f"sqlite:///{tmp_path / 'gradebook.db'}"
    api = NbGraderAPI(config=config)
    assert api.generate_assignment("chapter")["success"]
    released = tmp_path / "release" / "chapter" / path.name
    assert "SOLUTION" not in released.read_text("utf-8")
    assert "HIDDEN" not in released.read_text("utf-8")
    for student, handed_in in (("solved", source), ("blank", released)):
        folder = tmp_path / "submitted" / student / "chapter"
        folder.mkdir(parents=True)
        (folder / path.name).write_bytes(handed_in.read_bytes())
        assert api.autograde("chapter", student)["success"]
    points = sum(exercise.points for exercise in exercises(read_cells(path)))
    scores = {row["student"]: row["code_score"] for row in api.get_submissions("chapter")}
    assert scores == {"solved": points, "blank": 0}
