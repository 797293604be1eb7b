"""The Valley's prompts for preferences, rejection sampling and PPO: of the training side, some after several turns."""

import json
from itertools import count

from minillama.pipeline.alignment_presets import PromptCounts
from minillama.pipeline.demonstrations import WORLD_SEED
from minillama.valley.dialogues import Mix, demonstrations, prompt_as_dict, training_prompts
from minillama.valley.tasks.base import Prompt
from minillama.valley.world import World

DRAWN_AT_ONCE = 200  # dialogues
LONGEST_HISTORY = 8  # messages; longer ones would be most of the time and a few of the prompts


def alignment_prompts(counts: PromptCounts, seed: int) -> list[Prompt]:
    """Prompts of each sort, each prompt at most once; where few differ (borderline ones), they are fewer than asked."""
    world = World.create(WORLD_SEED)
    prompts = training_prompts(world, counts.helpful, seed, adversarial=False, borderline=False)
    prompts += _several_turns(world, counts.several_turns, seed)
    prompts += training_prompts(world, counts.adversarial, seed, adversarial=True)
    prompts += training_prompts(world, counts.borderline, seed, borderline=True)
    return list({json.dumps(prompt_as_dict(prompt)): prompt for prompt in prompts}.values())


def _several_turns(world: World, wanted: int, seed: int) -> list[Prompt]:
    """Ordinary prompts that end a dialogue; the earlier answers are the vendors', good and poor."""
    mix = Mix(multi_turn=1.0, system=0.0, borderline_share=0.0)
    found: list[Prompt] = []
    for number in count():
        if len(found) >= wanted:
            return found[:wanted]
        drawn = demonstrations(world, DRAWN_AT_ONCE, seed * 1000 + number, mix=mix)
        found += [
            each.prompt for each in drawn if each.prompt.risk is None and len(each.prompt.history) <= LONGEST_HISTORY
        ]
    return found
