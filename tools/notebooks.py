"""Re-execute chapters in place, and store only what a reader needs: outputs, no widget state, no volatile metadata.

.venv/bin/python tools/notebooks.py chapters/03_tokenizer.ipynb ...
"""

import base64
import io
import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
KEPT_CELL_METADATA = {"tags", "nbgrader"}
KEPT_METADATA = {"title", "minutes", "book"}
TIMEOUT = 600  # seconds a cell may take


def execute(path: Path) -> float:
    """Run a notebook as a fresh reader would, clean it and write it back; return the seconds it took."""
    notebook = nbformat.read(path, as_version=4)
    began = time.perf_counter()
    run(notebook, path.parent)
    clean(notebook)
    nbformat.validate(notebook)
    draft = path.with_suffix(".draft")
    nbformat.write(notebook, draft)
    os.replace(draft, path)
    return time.perf_counter() - began


def run(notebook: NotebookNode, folder: Path, *, allow_errors: bool = False, **environment: str) -> None:
    """Execute a notebook in its folder, without widgets and bars; its outputs are filled in."""
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        allow_errors=allow_errors,
        resources={"metadata": {"path": folder}},
    )
    client.execute(env={**os.environ, "MINILLAMA_STATIC": "1", "MINILLAMA_PROGRESS": "0", **environment})


def clean(notebook: NotebookNode) -> None:
    """Drop what changes from run to run or from machine to machine, and says nothing to a reader."""
    kept = {name: value for name, value in notebook.metadata.items() if name in KEPT_METADATA}
    notebook.metadata = NotebookNode(kernelspec=NotebookNode(KERNEL), language_info=NotebookNode(name="python"), **kept)
    for cell in notebook.cells:
        cell.metadata = NotebookNode({k: v for k, v in cell.metadata.items() if k in KEPT_CELL_METADATA})
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
            if picture := output.get("data", {}).get("image/png"):
                output.data["image/png"] = in_few_colours(picture)
            if "metadata" in output:
                output.metadata = NotebookNode()


def in_few_colours(picture: str) -> str:
    """A figure (PNG in base64) with a palette of 128 colours: a quarter of the bytes, and no eye sees a difference."""
    image = Image.open(io.BytesIO(base64.b64decode(picture)))
    if image.mode == "P":
        return picture
    file = io.BytesIO()
    image.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def main() -> int:
    """Execute the notebooks named on the command line."""
    for name in sys.argv[1:]:
        seconds = execute(Path(name))
        print(f"{Path(name).name}: {seconds:.0f} s, {Path(name).stat().st_size / 1024:.0f} KB", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
