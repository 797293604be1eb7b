"""Files that are either there in full or not at all, whatever stops the program."""

import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` to a file beside ``path``, bring it to disk, and move it into place in one step.

    Raises OSError naming ``path`` when the disk is full or refuses; an older file at ``path`` is then untouched.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            if hasattr(os, "fchmod"):  # a temporary file is its owner's alone; let it be as readable as any other
                os.fchmod(file.fileno(), 0o666 & ~_umask())
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException as error:
        Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(error.errno, f"could not write {path}: {error.strerror}") from error
        raise


def _umask() -> int:
    """What the user's new files must not be allowed; it can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
