"""Which cases are kept out of training."""

from functools import lru_cache

from minillama.valley.randomness import stream
from minillama.valley.world import World

USUAL_SHARE = 0.15


@lru_cache(maxsize=65536)
def _draw(seed: int, pair: str) -> float:
    return stream(seed, "split", pair).random()


def is_heldout(world: World, pair: str, share: float = USUAL_SHARE) -> bool:
    """Whether ``pair`` is kept out of training; the same for every task, seed and wording that asks about it.

    ``"fact-town/Ada&sum/3+4"`` asks two things at once; :mod:`minillama.valley.tasks.combined` joins only parts of the
    same side, so the first decides.
    """
    if share >= 1.0:
        return True
    return _draw(world.seed, pair.split("&")[0]) < share
