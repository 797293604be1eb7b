"""What every chapter uses and none of them is about: plot style, shown sources, notices, widgets."""

import inspect
import os
import textwrap
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import matplotlib.pyplot as plt
from cycler import cycler
from IPython.display import Markdown, display
from matplotlib.axes import Axes
from tqdm.auto import tqdm

from minillama.pipeline import Artifact, pipeline
from minillama.training.progress import is_watched

STATIC_VARIABLE = "MINILLAMA_STATIC"

# Okabe and Ito's palette without its yellow, which is too light for lines: told apart with every kind of colour vision.
BLUE, ORANGE, GREEN, PURPLE, SKY, RED, BLACK = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#222222",
)
PALETTE = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, BLACK)
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))

_STYLE: Any = {
    "figure.figsize": (7.0, 3.6),
    "figure.dpi": 100,
    "savefig.dpi": 100,
    "savefig.bbox": "tight",
    "figure.constrained_layout.use": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 11,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "font.size": 11,
    "axes.prop_cycle": cycler(color=PALETTE, linestyle=LINES),
}

Item = TypeVar("Item")


def use_book_style() -> None:
    """Draw all following figures in the book's style. Lines differ in colour and in dash, so grey print works, too."""
    plt.rcParams.update(_STYLE)


def label(axes: Axes, message: str, x: str, y: str) -> Axes:
    """Give a figure its message as title and its axes their names, with units.

    Raises ValueError for an empty one: a figure without a message or a unit says nothing.
    """
    for what, text in (("message", message), ("x label", x), ("y label", y)):
        if not text.strip():
            raise ValueError(f"the {what} of a figure is empty; say what it shows")
    axes.set(title=message, xlabel=x, ylabel=y)
    return axes


def source_of(*objects: Any) -> str:
    """The package's source of functions, classes or modules as one Markdown code block, each under where it stands."""
    blocks = []
    for item in objects:
        target = inspect.unwrap(getattr(item, "fget", item))
        module = inspect.getmodule(target)
        place = getattr(module, "__name__", "?").replace(".", "/") + ".py"
        blocks.append(f"# {place}\n{textwrap.dedent(inspect.getsource(target)).rstrip()}")
    return "```python\n" + "\n\n".join(blocks) + "\n```"


def show_source(*objects: Any) -> None:
    """Show what the package ships, highlighted, in JupyterLab, on GitHub and in print alike.

    nbconvert's pages take a code block's font in an output from what stands around it, so that has to be monospace.
    """
    display(Markdown(f'<div style="font-family: monospace">\n\n{source_of(*objects)}\n\n</div>'))


def progress(items: Iterable[Item], description: str, total: int | None = None) -> Iterable[Item]:
    """Go through ``items`` under a progress bar that is gone in the end, and is not drawn in CI or stored outputs."""
    off = not is_watched() or is_static()
    return tqdm(items, desc=description, total=total, leave=False, disable=off)


def load(stage: str, seed: int = 0, preset: str | None = None) -> Artifact:
    """``minillama.pipeline.load`` with a word before a long wait: what is missing, and how long building takes."""
    stages = pipeline(preset, seed)
    missing = stages.missing(stage)
    if missing and is_watched() and not is_static():
        minutes = max(1, round(stages.minutes(stage)))
        text = (
            f"*Training {', '.join(missing)} first, once: about {minutes} min on two CPU cores (or a T4), "
            "1 GB of memory. The result is kept.*"
        )
        notice = display(Markdown(text), display_id=True)
        try:
            return stages.get(stage)
        finally:
            if notice is not None:
                notice.update(Markdown(""))
    return stages.get(stage)


def is_static() -> bool:
    """Whether a notebook is being executed for storing (``make notebooks``), where widgets would be dead."""
    return os.environ.get(STATIC_VARIABLE) == "1"


def play(function: Callable[..., Any], *, still: dict[str, Any] | None = None, **controls: Any) -> None:
    """Let the reader move what ``function`` depends on.

    Args:
        function: A plain function that draws or prints; it works without any widget.
        still: The values for the static version that readers on GitHub and in print see; the controls' first values
            if not given.
        controls: As ``ipywidgets.interact`` takes them: ``(low, high, step)`` for a slider, a list for a menu,
            a bool for a tick box, a text for a field.

    Raises:
        ValueError: A control is not a parameter of ``function``.
    """
    parameters = inspect.signature(function).parameters
    if unknown := [name for name in controls if name not in parameters]:
        raise ValueError(f"{function.__name__} has no parameter {unknown[0]!r}; it has {', '.join(parameters)}")
    if is_static():
        function(**{name: first_value(control) for name, control in controls.items()} | (still or {}))
        return
    from ipywidgets import interact, interactive

    starts = {name: value for name, value in (still or {}).items() if name in controls}
    widget: interactive = interact(function, **controls).widget
    for child in widget.kwargs_widgets:
        if child.description in starts:
            child.value = starts[child.description]


def first_value(control: Any) -> Any:
    """Where a control starts: the middle of a range, the first entry of a menu, a plain value itself."""
    if isinstance(control, tuple) and len(control) in (2, 3) and all(isinstance(x, int | float) for x in control):
        middle = (control[0] + control[1]) / 2
        return int(middle) if all(isinstance(x, int) for x in control) else middle
    if isinstance(control, list | tuple):
        first = control[0]
        return first[1] if isinstance(first, tuple) else first
    if isinstance(control, dict):
        return next(iter(control.values()))
    return getattr(control, "value", control)
