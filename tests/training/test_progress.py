import io
import sys

from test_metrics import record

from minillama.training.progress import ProgressBar, is_watched


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_silent_without_a_terminal_and_in_ci(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not is_watched()
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert is_watched()
    monkeypatch.setenv("CI", "true")
    assert not is_watched()
    monkeypatch.setenv("MINILLAMA_PROGRESS", "1")
    assert is_watched()


def test_shows_loss_speed_and_time_left(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("MINILLAMA_PROGRESS", "1")
    with ProgressBar("base", steps=3, done=1, shown=True) as bar:
        bar.show(record(2))
        bar.show(record(3))
    text = terminal.getvalue()
    assert all(part in text for part in ("base", "3/3", "loss 0.333", "80 tokens/s", "<"))


def test_other_processes_show_nothing(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("MINILLAMA_PROGRESS", "1")
    with ProgressBar("base", steps=3, done=0, shown=False) as bar:
        bar.show(record(1))
    assert terminal.getvalue() == ""
