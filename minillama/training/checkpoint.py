"""Checkpoints that are complete or not there, that prove themselves when read, and that never cost an older one.

A checkpoint is a folder of safetensors files (weights under Meta's names, optimiser, random generators) and
``state.json`` with everything else and a checksum of each file. It is written under a name that starts with a dot,
brought to disk, and only then renamed: a rename either happened or did not, so a process killed in between leaves
rubbish that the next write removes, and no half checkpoint.
"""

import contextlib
import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

STATE_FILE = "state.json"
FORMAT = 1


class CheckpointError(RuntimeError):
    """A checkpoint could not be written or read; the message says what is still there and what to do."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A run after ``step`` steps.

    Attributes:
        step: Steps done.
        tensors: For each file, named without its ending ("model", "optimizer", "random"), its tensors.
        state: Everything else, as plain JSON.
    """

    step: int
    tensors: dict[str, dict[str, Tensor]]
    state: dict[str, Any]


def checkpoint_path(folder: Path, step: int) -> Path:
    """Return where the checkpoint of a step lies."""
    return folder / f"step-{step:08d}"


def checkpoint_steps(folder: Path) -> list[int]:
    """Return the steps that have a checkpoint, oldest first; whether they can be read is another matter."""
    names = (path.name.removeprefix("step-") for path in folder.glob("step-*") if path.is_dir())
    return sorted(int(name) for name in names if name.isdecimal())


def write_checkpoint(folder: Path, checkpoint: Checkpoint, keep: int) -> Path:
    """Write a checkpoint beside the older ones, then remove all but the newest ``keep``.

    Raises:
        CheckpointError: The system refused, for example because the disk is full. Older checkpoints are untouched.
    """
    target = checkpoint_path(folder, checkpoint.step)
    draft = folder / f".draft-{target.name}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_rubbish(folder)
        draft.mkdir()
        _write_files(draft, checkpoint)
        if target.exists():  # a damaged one, or the run would not be writing it again
            _discard(target)
        draft.rename(target)
        _sync_folder(folder)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise CheckpointError(_refusal(folder, target, error)) from error
    _remove_old(folder, checkpoint.step, keep)
    return target


def read_checkpoint(path: Path) -> Checkpoint:
    """Read one checkpoint and check every byte of it.

    Raises:
        CheckpointError: A file is missing, cut off or changed; the message names it.
    """
    try:
        sealed = json.loads((path / STATE_FILE).read_text(encoding="utf-8"))
        content = sealed["content"]
        if sealed["sha256"] != _hash(_canonical(content)) or content["format"] != FORMAT:
            raise CheckpointError(f"{path / STATE_FILE} was changed after it was written, or by another version")
        tensors = {name: _read_tensors(path / f"{name}.safetensors", seal) for name, seal in content["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"the checkpoint {path} is damaged: {error}") from error
    return Checkpoint(step=content["step"], tensors=tensors, state=content["state"])


def newest_checkpoint(folder: Path) -> Checkpoint | None:
    """Return the newest checkpoint that can be read, or None where none was ever written.

    A damaged one is passed over with a warning that names it.

    Raises:
        CheckpointError: There are checkpoints, but all are damaged.
    """
    steps = checkpoint_steps(folder)
    problems = []
    for step in reversed(steps):
        try:
            checkpoint = read_checkpoint(checkpoint_path(folder, step))
        except CheckpointError as error:
            problems.append(str(error))
            continue
        for problem in problems:
            warnings.warn(f"{problem}; going on from step {step} instead", stacklevel=2)
        return checkpoint
    if problems:
        raise CheckpointError(f"no checkpoint in {folder} can be read; delete it to start again: {'; '.join(problems)}")
    return None


def _write_files(draft: Path, checkpoint: Checkpoint) -> None:
    files = {}
    for name, tensors in checkpoint.tensors.items():
        data = safetensors.torch.save({key: value.detach().cpu().contiguous() for key, value in tensors.items()})
        _write_to_disk(draft / f"{name}.safetensors", data)
        files[name] = {"bytes": len(data), "sha256": _hash(data)}
    content = {"format": FORMAT, "step": checkpoint.step, "files": files, "state": checkpoint.state}
    sealed = {"content": content, "sha256": _hash(_canonical(content))}
    _write_to_disk(draft / STATE_FILE, json.dumps(sealed, indent=1).encode())
    _sync_folder(draft)


def _write_to_disk(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _read_tensors(path: Path, seal: dict[str, Any]) -> dict[str, Tensor]:
    data = path.read_bytes()
    if len(data) != seal["bytes"] or _hash(data) != seal["sha256"]:
        raise CheckpointError(f"the checkpoint {path.parent} is damaged: {path.name} is not what was written")
    # Copies, because the loaded tensors are views of one buffer whose places suit nobody's alignment.
    return {name: tensor.clone() for name, tensor in safetensors.torch.load(data).items()}


def _remove_old(folder: Path, newest: int, keep: int) -> None:
    """Keep the newest ``keep`` up to this step; any beyond it were damaged and passed over when the run went on."""
    steps = checkpoint_steps(folder)
    older = [step for step in steps if step < newest]
    kept = {newest, *older[len(older) - (keep - 1) :]} if keep > 1 else {newest}
    # What cannot be removed now does no harm.
    with contextlib.suppress(OSError):
        for step in steps:
            if step not in kept:
                _discard(checkpoint_path(folder, step))


def _discard(path: Path) -> None:
    """Remove a checkpoint; renamed first, so that a process killed half-way leaves no partial one."""
    rubbish = path.with_name(f".old-{path.name}")
    shutil.rmtree(rubbish, ignore_errors=True)
    path.rename(rubbish)
    shutil.rmtree(rubbish)


def _remove_rubbish(folder: Path) -> None:
    for path in _rubbish(folder):
        shutil.rmtree(path)


def _rubbish(folder: Path) -> Iterator[Path]:
    yield from folder.glob(".draft-step-*")
    yield from folder.glob(".old-step-*")


def _refusal(folder: Path, target: Path, error: OSError) -> str:
    steps = checkpoint_steps(folder)
    rest = f"the checkpoint of step {steps[-1]} is untouched" if steps else "there is no older checkpoint"
    return (
        f"could not write the checkpoint {target}: {error.strerror or error}; {rest}. "
        "Make room or choose another run_dir, then start the run again: it goes on from the last checkpoint"
    )


def _canonical(content: Any) -> bytes:
    return json.dumps(content, sort_keys=True).encode()


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sync_folder(folder: Path) -> None:
    """Bring a rename to disk; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
