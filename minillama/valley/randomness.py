"""Named streams of random numbers, the same on every machine and Python version.

Each part of the Valley draws from a stream of its own, named by what it is for. Adding a draw to one part therefore
leaves all others as they were.
"""

import random


def stream(seed: int, *labels: str | int) -> random.Random:
    """Return the random stream of ``seed`` and ``labels``; equal arguments give equal streams everywhere.

    ``random.Random`` hashes a string seed with SHA-512, so nothing depends on ``PYTHONHASHSEED``. Use only ``random``,
    ``randrange``, ``choice``, ``shuffle`` and ``sample``, whose results do not change between Python versions.
    """
    return random.Random("/".join(str(part) for part in (seed, *labels)))
