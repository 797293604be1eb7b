"""minillama: Llama 2 rebuilt from raw text to an aligned chat model, small enough for a laptop.

The public names are loaded on first use, so that ``import minillama.valley`` costs no torch.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minillama.generation import Generation, generate
    from minillama.model import ModelArgs, Transformer
    from minillama.tokenizer import Tokenizer

__version__ = "0.1.0"
__all__ = ["Generation", "ModelArgs", "Tokenizer", "Transformer", "__version__", "generate"]

# PyTorch's threads spin while they wait for one another. On a machine that has something else to do, too, that made
# training on two cores about ten times slower; asleep they leave it the cores. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_HOME = {
    "Generation": "minillama.generation",
    "ModelArgs": "minillama.model",
    "Tokenizer": "minillama.tokenizer",
    "Transformer": "minillama.model",
    "generate": "minillama.generation",
}


def __getattr__(name: str) -> Any:
    """Import the module that defines a public name when the name is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module 'minillama' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
