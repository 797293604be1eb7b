import json
import subprocess
import sys

import pytest

from minillama.valley import write_datasets
from minillama.valley.world import World
from minillama.valley.write_datasets import FILES, FOLDER, main


def test_the_folder_holds_what_the_program_writes():
    run = subprocess.run(
        [sys.executable, "-m", "minillama.valley.write_datasets", "--check"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_folder_is_small_and_described():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 5_000_000
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in readme for name in FILES)


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_line_is_a_record_with_the_same_fields(name):
    rows = [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert len(rows) >= 40
    assert all(set(row) == set(rows[0]) for row in rows)
    if name != "villagers.jsonl":
        described = next(line for line in readme.splitlines() if line.startswith(f"| `{name}`"))
        assert all(f"`{field}`" in described for field in rows[0])


def test_a_changed_file_is_found_and_written_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(write_datasets, "FILES", {"villagers.jsonl": write_datasets.villager_rows})
    assert main([str(tmp_path)]) == 0
    assert main([str(tmp_path), "--check"]) == 0
    (tmp_path / "villagers.jsonl").write_text("{}\n")
    assert main([str(tmp_path), "--check"]) == 1
    assert "villagers.jsonl" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["villagers.jsonl"]


def test_villagers_are_those_of_the_world():
    rows = list(write_datasets.villager_rows(World.create()))
    assert [row["name"] for row in rows] == [villager.name for villager in World.create().villagers]
    assert all(isinstance(row["town"], str) for row in rows)
