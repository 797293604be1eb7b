"""What a finished stage left on disk, and how models are written there."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save

from minillama.alignment.reward_model import RewardModel
from minillama.data.atomic import write_atomically
from minillama.model import ModelArgs, Transformer
from minillama.tokenizer import Tokenizer
from minillama.training.precision import Precision

ARTIFACT_FILE = "artifact.json"
TOKENIZER_FILE = "tokenizer.model"
MODEL_FILE = "model.safetensors"
PARAMS_FILE = "params.json"
REWARD_FOLDER = "reward"  # a folder of its own: a reward model is nothing to chat with
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A stage's result.

    Attributes:
        stage: Name of the stage.
        key: Hash of everything the result depends on.
        seed: Of the training run.
        preset: Name of the preset it was built with.
        corpus: The reader's own text it was made from, or None for the Valley.
        folder: Where its files are.
        files: Size in bytes and SHA-256 of each file, by its path inside the folder.
        report: What the stage measured while it was built (losses, seconds, counts).
        finished: When it was published, in seconds since 1970.
    """

    stage: str
    key: str
    seed: int
    preset: str
    corpus: str | None
    folder: Path
    files: Mapping[str, Mapping[str, Any]]
    report: Mapping[str, Any]
    finished: float

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer that this stage made or used. Raises ValueError where it has none."""
        return Tokenizer.load(self._file(TOKENIZER_FILE))

    @cached_property
    def model(self) -> Transformer:
        """The trained model in evaluation mode, on the best device here. Raises ValueError where the stage has none."""
        return load_model(self._file(MODEL_FILE).parent)

    @property
    def reward_model(self) -> RewardModel:
        """The reward model that this stage trained, in evaluation mode, read anew each time (rounds train it further).

        Raises ValueError where it has none.
        """
        return RewardModel.load(self.folder / REWARD_FOLDER).to(Precision.detect().device)

    @property
    def has_model(self) -> bool:
        """Whether the stage trained a model."""
        return MODEL_FILE in self.files

    @classmethod
    def open(cls, folder: Path) -> "Artifact":
        """Read a published folder. Raises ValueError when it is not one, or when a file is missing or cut off."""
        path = folder / ARTIFACT_FILE
        try:
            content = json.loads(path.read_text("utf-8"))
            if content.pop("format") != FORMAT:
                raise ValueError(f"{path} was written by another version of minillama; build the stage again")
            artifact = cls(folder=folder, **content)
        except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(f"{folder} holds no finished stage ({error}); build it again") from error
        for name, entry in artifact.files.items():
            size = (folder / name).stat().st_size if (folder / name).is_file() else None
            if size != entry["bytes"]:
                raise ValueError(f"{folder / name} has {size} bytes, it should have {entry['bytes']}; build it again")
        return artifact

    def verify(self) -> None:
        """Compare every file with its checksum. Raises ValueError naming the first that differs."""
        for name, entry in self.files.items():
            if file_entry(self.folder / name) != dict(entry):
                raise ValueError(f"{self.folder / name} differs from its checksum; fetch or build it again")

    def _file(self, name: str) -> Path:
        if name not in self.files:
            raise ValueError(f"stage {self.stage!r} has no {name}; it holds {', '.join(self.files) or 'no files'}")
        return self.folder / name


def seal(folder: Path, **content: Any) -> None:
    """Write ``artifact.json`` beside the finished files of a stage."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ARTIFACT_FILE)
    files = {path.relative_to(folder).as_posix(): file_entry(path) for path in paths}
    text = json.dumps({"format": FORMAT, **content, "files": files}, indent=1)
    write_atomically(folder / ARTIFACT_FILE, text.encode())


def file_entry(path: Path) -> dict[str, Any]:
    """Size and SHA-256 of a file."""
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def load_model(folder: Path) -> Transformer:
    """Read what :func:`save_model` wrote, in evaluation mode, on the best device here."""
    args = ModelArgs.from_dict(json.loads((folder / PARAMS_FILE).read_text("utf-8")))
    model = Transformer(args)
    model.load_state_dict(load_file(folder / MODEL_FILE))
    return model.to(Precision.detect().device).eval()


def save_model(model: Transformer, tokenizer: Tokenizer, folder: Path) -> None:
    """Write weights, shape and tokenizer, so that the folder stands on its own."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: value.detach().to("cpu", torch.float32).contiguous() for name, value in model.state_dict().items()}
    write_atomically(folder / MODEL_FILE, save(state))
    write_atomically(folder / PARAMS_FILE, json.dumps(model.args.to_dict(), indent=1).encode())
    tokenizer.save(folder / TOKENIZER_FILE)
