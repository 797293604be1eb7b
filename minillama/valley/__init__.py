"""The Valley: a small synthetic world whose every truth is known. Knows no torch."""

from minillama.valley.world import VERSION, Villager, World

__all__ = ["VERSION", "Villager", "World"]
