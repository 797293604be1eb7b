"""Red teaming by a program (section 4.3): search for prompts that break a model."""

from minillama.evaluation.red_teaming.attack import TRICKS, Attack, variants
from minillama.evaluation.red_teaming.search import Attempt, SearchSettings, Succeeds, does_harm, red_team

__all__ = ["TRICKS", "Attack", "Attempt", "SearchSettings", "Succeeds", "does_harm", "red_team", "variants"]
