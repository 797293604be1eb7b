"""Released checkpoints: finished stages in one folder or zip file, so that a reader need not train them.

``MINILLAMA_MODELS`` names a folder, a zip file or the URL of a zip file. Every file is compared with the checksum in
its stage's ``artifact.json`` before it is used. ``manifest.json`` lists the stages with the checksum of that file.
"""

import hashlib
import json
import os
import shutil
import tempfile
import urllib.request
import zipfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock

from minillama.data.atomic import write_atomically
from minillama.pipeline.artifact import ARTIFACT_FILE, Artifact, file_entry
from minillama.pipeline.cache import cache_folder

MODELS_VARIABLE = "MINILLAMA_MODELS"
MANIFEST_FILE = "manifest.json"
CARD_FILE = "README.md"
FORMAT = 1


def bundled(stage: str, seed: int, preset: str) -> Artifact | None:
    """The stage from the bundle that ``MINILLAMA_MODELS`` names, or None where no bundle has it.

    Raises ValueError when the bundle cannot be read or a file differs from its checksum.
    """
    for artifact in bundle_artifacts():
        if (artifact.stage, artifact.seed, artifact.preset) == (stage, seed, preset):
            artifact.verify()
            return artifact
    return None


def bundle_artifacts() -> list[Artifact]:
    """All stages of the bundle that ``MINILLAMA_MODELS`` names, in its order; none where it names nothing."""
    source = os.environ.get(MODELS_VARIABLE)
    return read_bundle(_as_folder(source)) if source else []


def read_bundle(folder: Path) -> list[Artifact]:
    """The stages of an unpacked bundle. Raises ValueError when it is not one or a stage's list of files was changed."""
    path = folder / MANIFEST_FILE
    try:
        manifest = json.loads(path.read_text("utf-8"))
        stages = {name: entry["sha256"] for name, entry in manifest["stages"].items()}
    except (OSError, json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{folder} is no bundle of models ({error}); `minillama export` writes one") from error
    if manifest.get("format") != FORMAT:
        raise ValueError(f"{path} has format {manifest.get('format')}, this version reads {FORMAT}")
    for name, checksum in stages.items():
        sealed = folder / name / ARTIFACT_FILE
        if not sealed.is_file() or file_entry(sealed)["sha256"] != checksum:
            raise ValueError(f"{sealed} is missing or differs from its checksum in {MANIFEST_FILE}; fetch it again")
    return [Artifact.open(folder / name) for name in stages]


def write_bundle(artifacts: Sequence[Artifact], target: Path, card: str | None = None) -> Path:
    """Write stages to ``target``: a zip file where the name ends in ``.zip``, a folder otherwise.

    A model card, where given, is written beside them as ``README.md``.

    Raises ValueError when there are no stages or ``target`` is already there.
    """
    if not artifacts:
        raise ValueError("there are no finished stages to export; run `minillama build` first")
    if target.exists():
        raise ValueError(f"{target} is already there; choose another name or remove it first")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        folder = Path(temporary) / "bundle"
        _fill(folder, artifacts)
        if card is not None:
            write_atomically(folder / CARD_FILE, card.encode())
        finished = Path(shutil.make_archive(str(folder), "zip", folder)) if target.suffix == ".zip" else folder
        os.replace(finished, target)
    return target


def _fill(folder: Path, artifacts: Sequence[Artifact]) -> None:
    stages = {}
    for artifact in artifacts:
        name = f"{artifact.stage}-{artifact.key}"
        for file in (*artifact.files, ARTIFACT_FILE):
            (folder / name / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(artifact.folder / file, folder / name / file)
        stages[name] = {"sha256": file_entry(folder / name / ARTIFACT_FILE)["sha256"]}
    write_atomically(folder / MANIFEST_FILE, json.dumps({"format": FORMAT, "stages": stages}, indent=1).encode())


def _as_folder(source: str) -> Path:
    """The bundle as a folder; a zip file, also one behind a URL, is unpacked into the cache the first time."""
    if urlsplit(source).scheme in ("http", "https"):
        return _unpacked(_download(source))
    path = Path(source).expanduser()
    if not path.exists():
        raise ValueError(f"{MODELS_VARIABLE} is {source!r}, which is not there; name a folder, a zip file or a URL")
    return _unpacked(path) if path.is_file() else path


def _download(url: str) -> Path:
    target = cache_folder() / "bundles" / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.zip"
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_suffix(".lock")):
        if not target.exists():
            partial = target.with_suffix(".partial")
            try:
                with urllib.request.urlopen(url, timeout=30) as answer, partial.open("wb") as file:
                    shutil.copyfileobj(answer, file)
            except OSError as error:
                partial.unlink(missing_ok=True)
                raise ValueError(f"could not fetch the models from {url}: {error}") from error
            os.replace(partial, target)
    return target


def _unpacked(archive: Path) -> Path:
    target = cache_folder() / "bundles" / file_entry(archive)["sha256"][:16]
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_suffix(".lock")):
        if not target.is_dir():
            with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
                try:
                    with zipfile.ZipFile(archive) as opened:
                        opened.extractall(Path(temporary) / "bundle")
                except zipfile.BadZipFile as error:
                    raise ValueError(f"{archive} is no zip file ({error}); fetch the models again") from error
                os.replace(Path(temporary) / "bundle", target)
    return target
