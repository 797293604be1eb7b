"""Talk to two stages side by side in a notebook, with reward and judge scores under each answer."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from IPython.display import HTML, display

from minillama.conversation import Sampling
from minillama.notebook import is_static, load
from minillama.pipeline.stages.rejection_rounds import ASPECTS
from minillama.side_by_side import Exchange, ScoredAnswer, SideBySide
from minillama.valley import World
from minillama.valley.dialogues import heldout_prompts
from minillama.valley.judge import Judge
from minillama.valley.tasks.base import Prompt

OWN = "(write your own below)"
LONGEST_LABEL = 80  # characters of a prompt in the menu
_CELL = "border:1px solid #999;padding:6px 10px;vertical-align:top;text-align:left;width:50%"
_SCORES = "margin-top:6px;font-size:90%;opacity:.8"


def chat_widget(
    left: str,
    right: str,
    *,
    prompts: Sequence[Prompt] | None = None,
    system: str = "",
    temperature: float | int = 0.7,
    rewards: bool = True,
    seed: int = 0,
) -> None:
    """Let the reader say the same to two chat models and compare their answers; stages that are missing are trained.

    The first prompt is answered at once. In stored outputs, where a widget would be dead, that is all.

    Args:
        left: Stage of one model.
        right: Stage of the other.
        prompts: Offered in a menu; the judge scores answers to them, and to them alone, since it knows nothing of a
            question that a reader makes up. Held-out ones, ordinary and harmful in turn, if not given.
        system: System message for both.
        temperature: At which answers are drawn first; the reader can change it.
        rewards: Whether the reward models score the answers, too.
        seed: Of the training of all models.

    Raises:
        ValueError: A stage is unknown or is a base model, or there are no prompts.
    """
    world = World.create(seed=0)
    offered = list(prompts) if prompts is not None else _some_prompts(world)
    if not offered:
        raise ValueError("prompts is empty; give at least one, or leave it out")
    both = SideBySide(
        [load(left, seed), load(right, seed)],
        sampling=Sampling(temperature=temperature),
        system=system,
        judge=Judge(world),
        prompts=offered,
        scorers={aspect: load(f"reward-{aspect}", seed).reward_model.score for aspect in (ASPECTS if rewards else ())},
    )
    both.say(offered[0].text)
    if is_static():
        display(HTML(page(both.exchanges)))
    else:
        display(_controls(both, [prompt.text for prompt in offered]))


def page(exchanges: Sequence[Exchange], problem: str = "") -> str:
    """A conversation with several models as HTML, one column each; texts are escaped."""
    rows = []
    for exchange in exchanges:
        cells = "".join(f'<td style="{_CELL}">{_answer(answer)}</td>' for answer in exchange.answers)
        wide = f'colspan="{len(exchange.answers)}" style="{_CELL};font-weight:bold"'
        rows.append(f"<tr><td {wide}>{escape(exchange.text)}</td></tr><tr>{cells}</tr>")
    notice = f'<p role="alert"><b>{escape(problem)}</b></p>' if problem else ""
    return f'<table style="width:100%;border-collapse:collapse">{"".join(rows)}</table>{notice}'


def scores_line(answer: ScoredAnswer) -> str:
    """What the reward models and the judge say of an answer, in one line."""
    parts = []
    if answer.helpfulness is not None:
        parts.append(f"helpfulness model {answer.helpfulness:+.2f}")
    if answer.safety is not None:
        parts.append(f"safety model {answer.safety:.0%} safe")
    if answer.verdict is None:
        parts.append("judge: no ground truth for this question")
    else:
        why = f" ({', '.join(answer.verdict.reasons)})" if answer.verdict.reasons else ""
        parts.append(f"judge: helpful {answer.verdict.helpfulness:.2f}, safe {answer.verdict.safety:.2f}{why}")
    return " · ".join(parts)


def _answer(answer: ScoredAnswer) -> str:
    text = escape(answer.text) or "<i>(nothing)</i>"
    return f'<b>{escape(answer.stage)}</b>: {text}<div style="{_SCORES}">{escape(scores_line(answer))}</div>'


def _some_prompts(world: World) -> list[Prompt]:
    plain = heldout_prompts(world, 6, adversarial=False, borderline=False)
    harmful = heldout_prompts(world, 6, adversarial=True)
    return [prompt for pair in zip(plain, harmful, strict=True) for prompt in pair]


def _controls(both: SideBySide, texts: Sequence[str]) -> Any:
    """The widget: a menu, a field, buttons, and below them what was said."""
    import ipywidgets as widgets

    entries = [(text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 1] + "…", text) for text in texts]
    wide = widgets.Layout(width="98%")
    menu = widgets.Dropdown(options=[(OWN, ""), *entries], description="Prompt", layout=wide)
    field = widgets.Text(placeholder="Say something to both", description="You", layout=wide)
    heat = widgets.FloatSlider(
        value=float(both.conversations[0].sampling.temperature),
        max=1.5,
        step=0.1,
        description="Temperature",
        style={"description_width": "initial"},
    )
    shown = widgets.HTML(page(both.exchanges))

    def act(what: Callable[[], Any]) -> None:
        shown.value = page(both.exchanges, "answering …")
        problem = ""
        try:
            both.set_temperature(heat.value)
            what()
        except ValueError as error:
            problem = str(error)
        shown.value = page(both.exchanges, problem)

    def say(_: Any = None) -> None:
        text = field.value.strip()
        act(lambda: both.say(text))

    def back() -> None:
        field.value = both.undo()

    buttons = {"Say": say, "Retry": lambda _: act(both.retry), "Undo": lambda _: act(back)}
    buttons["Clear"] = lambda _: act(both.clear)
    row = [widgets.Button(description=name) for name in buttons]
    for button, action in zip(row, buttons.values(), strict=True):
        button.on_click(action)
    field.on_msg(lambda _, content, __: say() if content.get("event") == "submit" else None)  # the Enter key
    menu.observe(lambda change: setattr(field, "value", change["new"]) if change["new"] else None, names="value")
    return widgets.VBox([menu, field, widgets.HBox([*row, heat]), shown])
