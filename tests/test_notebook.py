"""The chapters' helpers: sources, style, progress, widgets."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from minillama import notebook
from minillama.data.atomic import write_atomically

mpl.use("Agg")


def test_the_source_is_shown_as_a_code_block_with_its_place():
    text = notebook.source_of(write_atomically)
    assert text.startswith("```python\n# minillama/data/atomic.py\ndef write_atomically(")
    assert text.endswith("\n```")


def test_a_method_is_dedented():
    assert "\ndef open(" in notebook.source_of(notebook.Artifact.open) or "\n@classmethod\ndef open(" in (
        notebook.source_of(notebook.Artifact.open)
    )


def test_a_figure_needs_a_message():
    notebook.use_book_style()
    _, axes = plt.subplots()
    notebook.label(axes, "Loss falls", "steps", "nats per token")
    assert (axes.get_title(loc="left"), axes.get_xlabel()) == ("Loss falls", "steps")
    with pytest.raises(ValueError, match="x label"):
        notebook.label(axes, "Loss falls", " ", "nats")
    plt.close("all")


def luminance(colour):
    def linear(c):
        return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(c) for c in mpl.colors.to_rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_colour_stands_out_from_paper():
    assert len(set(notebook.PALETTE)) == len(notebook.LINES) == 7
    assert all(1.05 / (luminance(colour) + 0.05) >= 2 for colour in notebook.PALETTE)


def test_progress_is_silent_in_ci(monkeypatch, capsys):
    monkeypatch.setenv("CI", "true")
    assert list(notebook.progress(range(3), "counting")) == [0, 1, 2]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("control", "value"),
    [((0, 10), 5), ((0.0, 1.0, 0.1), 0.5), (["a", "b"], "a"), ({"x": 3}, 3), (True, True), ([("one", 1)], 1)],
)
def test_first_values(control, value):
    assert notebook.first_value(control) == value


def test_play_draws_once_where_outputs_are_stored(monkeypatch):
    monkeypatch.setenv("MINILLAMA_STATIC", "1")
    calls = []
    notebook.play(lambda n, word: calls.append((n, word)), n=(0, 10), word=["a", "b"], still={"n": 3})
    assert calls == [(3, "a")]


def test_play_starts_the_widget_where_the_still_picture_is(monkeypatch):
    monkeypatch.delenv("MINILLAMA_STATIC", raising=False)
    calls = []
    notebook.play(lambda n, word: calls.append((n, word)), n=(0, 10), word=["a", "b"], still={"n": 3})
    assert calls[-1] == (3, "a")


def test_play_names_an_unknown_control():
    with pytest.raises(ValueError, match="no parameter 'm'"):
        notebook.play(lambda n: None, m=(0, 1))
