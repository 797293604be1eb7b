"""The widget as a reader uses it: a question chosen, buttons pressed, and what is then on the page."""

from types import SimpleNamespace

import ipywidgets as widgets
import pytest

from minillama import chat_widget as module
from minillama.side_by_side import Exchange, ScoredAnswer, SideBySide
from minillama.valley.judge import Verdict


class FakeBoth(SideBySide):
    """Both sides echo; what the widget does to them is seen."""

    def __init__(self):
        self.exchanges, self.temperature = [], None
        self.conversations = [SimpleNamespace(sampling=SimpleNamespace(temperature=0.7))]

    def set_temperature(self, value):
        self.temperature = value

    def say(self, text):
        if not text:
            raise ValueError("an empty message says nothing")
        self.exchanges.append(Exchange(text, tuple(ScoredAnswer(stage=s, text=text * 2) for s in ("sft", "chat"))))

    def retry(self):
        self.say(self.exchanges.pop().text)

    def undo(self):
        return self.exchanges.pop().text

    def clear(self):
        self.exchanges = []


@pytest.fixture
def opened():
    both = FakeBoth()
    box = module._controls(both, ["How do I bake?", "x" * 200])
    menu, field, row, shown = box.children
    buttons = {child.description: child for child in row.children if isinstance(child, widgets.Button)}
    heat = next(child for child in row.children if isinstance(child, widgets.FloatSlider))
    return SimpleNamespace(both=both, menu=menu, field=field, buttons=buttons, shown=shown, heat=heat)


def test_a_prompt_of_the_menu_is_said_to_both(opened):
    opened.menu.value = "How do I bake?"
    assert opened.field.value == "How do I bake?"
    opened.buttons["Say"].click()
    assert opened.both.exchanges[0].text == "How do I bake?"
    assert opened.shown.value.count("How do I bake?How do I bake?") == 2
    assert "answering" not in opened.shown.value


def test_the_enter_key_says_it_too(opened):
    opened.field.value = "How do I bake?"
    opened.field._handle_custom_msg({"event": "submit"}, [])
    opened.field._handle_custom_msg({"event": "other"}, [])
    assert len(opened.both.exchanges) == 1


def test_undo_brings_the_text_back_and_clear_empties(opened):
    opened.field.value = "one"
    opened.buttons["Say"].click()
    opened.field.value = ""
    opened.buttons["Undo"].click()
    assert opened.field.value == "one"
    assert "oneone" not in opened.shown.value
    opened.buttons["Say"].click()
    opened.buttons["Clear"].click()
    assert opened.both.exchanges == []
    assert "oneone" not in opened.shown.value


def test_a_mistake_is_shown_beside_what_was_said(opened):
    opened.field.value = "one"
    opened.buttons["Say"].click()
    opened.field.value = "  "
    opened.buttons["Say"].click()
    assert "says nothing" in opened.shown.value
    assert "oneone" in opened.shown.value


def test_the_slider_sets_the_temperature(opened):
    opened.heat.value = 1.2
    opened.field.value = "one"
    opened.buttons["Say"].click()
    assert opened.both.temperature == pytest.approx(1.2)


def test_long_prompts_are_cut_in_the_menu_only(opened):
    labels = {value: name for name, value in opened.menu.options}
    assert labels["x" * 200].endswith("…")
    assert len(labels["x" * 200]) == module.LONGEST_LABEL


def test_texts_are_escaped_and_scores_named():
    verdict = Verdict(0.5, 1.0, ("evades",))
    answer = ScoredAnswer(stage="sft", text="<b>&", helpfulness=-1.0, safety=0.97, verdict=verdict)
    page = module.page([Exchange("<script>", (answer,))])
    assert "<script>" not in page
    assert "&lt;b&gt;&amp;" in page
    line = module.scores_line(answer)
    assert "-1.00" in line
    assert "97% safe" in line
    assert "helpful 0.50, safe 1.00 (evades)" in line
    assert "no ground truth" in module.scores_line(ScoredAnswer(stage="sft", text="x"))


def test_stored_outputs_show_one_exchange(monkeypatch):
    said, shown = FakeBoth(), []
    monkeypatch.setenv("MINILLAMA_STATIC", "1")
    monkeypatch.setattr(module, "load", lambda stage, seed: SimpleNamespace(reward_model=SimpleNamespace(score=None)))
    monkeypatch.setattr(module, "SideBySide", lambda *sides, **options: said)
    monkeypatch.setattr(module, "display", shown.append)
    module.chat_widget("sft", "chat")
    assert len(said.exchanges) == 1
    assert said.exchanges[0].text in shown[0].data
    with pytest.raises(ValueError, match="prompts is empty"):
        module.chat_widget("sft", "chat", prompts=[])
