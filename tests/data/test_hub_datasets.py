import json
import sys

import pytest

from minillama.chat import check_dialog
from minillama.data.hub_datasets import HUB_DATASETS, Preference, load_hub, map_rows

ROWS = {
    "TinyStories": [{"text": "Once there was a fox."}, {"text": " "}],
    "dolly": [
        {"instruction": "Name a colour.", "context": "", "response": "Blue.", "category": "open_qa"},
        {"instruction": "Who is it?", "context": "Ada is a baker.", "response": "Ada.", "category": "closed_qa"},
        {"instruction": "Nothing?", "context": "", "response": "", "category": "open_qa"},
    ],
    "hh-rlhf": [
        {
            "chosen": "\n\nHuman: Hi\n\nAssistant: Hello!\n\nHuman: A tip?\n\nAssistant: Sleep.",
            "rejected": "\n\nHuman: Hi\n\nAssistant: Hello!\n\nHuman: A tip?\n\nAssistant: No.",
        },
        {"chosen": "\n\nHuman: Hi\n\nAssistant: A", "rejected": "\n\nHuman: Ho\n\nAssistant: B"},
        {"chosen": "\n\nHuman: Hi\n\nAssistant:", "rejected": "\n\nHuman: Hi\n\nAssistant: B"},
    ],
    "ToxicChat": [
        {"user_input": "You fool", "toxicity": 1, "model_output": "..."},
        {"user_input": "Good day", "toxicity": 0, "model_output": "..."},
    ],
}


def mapped(name, tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in ROWS[name]))
    return list(map_rows(name, (json.loads(line) for line in file.read_text().splitlines())))


def test_texts(tmp_path):
    assert [story.text for story in mapped("TinyStories", tmp_path)] == ["Once there was a fox."]
    assert [bool(prompt.labels) for prompt in mapped("ToxicChat", tmp_path)] == [True, False]


def test_dialogues(tmp_path):
    first, second = mapped("dolly", tmp_path)
    assert first == [{"role": "user", "content": "Name a colour."}, {"role": "assistant", "content": "Blue."}]
    assert second[0]["content"] == "Who is it?\n\nAda is a baker."
    check_dialog(second)


def test_preferences_share_all_turns_but_the_last(tmp_path):
    (pair,) = mapped("hh-rlhf", tmp_path)
    assert isinstance(pair, Preference)
    assert [turn["content"] for turn in pair.dialog] == ["Hi", "Hello!", "A tip?"]
    assert (pair.chosen, pair.rejected) == ("Sleep.", "No.")
    check_dialog(pair.dialog)


def test_every_data_set_has_a_test_of_its_schema():
    assert set(ROWS) == set(HUB_DATASETS)
    for name, rows in ROWS.items():
        assert set(HUB_DATASETS[name].fields) <= set(rows[0])


def test_faults_are_named(monkeypatch):
    with pytest.raises(ValueError, match="no hub data set is called 'x'; there are TinyStories"):
        load_hub("x")
    with pytest.raises(ValueError, match=r"dolly: line 1: no field 'instruction' \(its fields: a\)"):
        list(map_rows("dolly", iter([{"a": 1}])))
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ValueError, match=r"pip install 'minillama\[hub\]'"):
        load_hub("dolly")
