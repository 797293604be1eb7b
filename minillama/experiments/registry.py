"""Finding the claims: every module of this package that defines ``CLAIM``."""

import importlib
import pkgutil
from pathlib import Path

from minillama.experiments.claim import Claim

CORE = {"claim", "ledger", "registry", "run"}


def claims() -> dict[str, Claim]:
    """All claims by name, in the order of the chapters.

    Raises ValueError when a module has no ``CLAIM`` or two claims share a name.
    """
    found: dict[str, Claim] = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name in CORE or module.ispkg or module.name.startswith("_"):
            continue
        name = f"minillama.experiments.{module.name}"
        candidate = getattr(importlib.import_module(name), "CLAIM", None)
        if not isinstance(candidate, Claim):
            raise ValueError(f"{name} defines no CLAIM; helpers of several claims go into a module named _something")
        if candidate.name in found:
            raise ValueError(f"two modules define the claim {candidate.name!r}")
        found[candidate.name] = candidate
    return dict(sorted(found.items(), key=lambda item: (item[1].chapter, item[0])))


def claim(name: str) -> Claim:
    """The claim of a name. Raises ValueError when there is none."""
    known = claims()
    if name not in known:
        raise ValueError(f"there is no claim {name!r}; there are {', '.join(known) or 'none yet'}")
    return known[name]
