"""How good a chat model is by ground truth, on held-out prompts of the Valley, sampled at temperature 1."""

import time
from collections.abc import Sequence
from typing import Any

from minillama.answering import answer_dialogs
from minillama.evaluation.judged import Dialog, judged_answers, mean_helpfulness, violation_rate
from minillama.evaluation.safety import false_refusal_rate
from minillama.model import Transformer
from minillama.pipeline.alignment_presets import MeasureSettings
from minillama.pipeline.demonstrations import WORLD_SEED
from minillama.tokenizer import Tokenizer
from minillama.valley.dialogues import heldout_prompts
from minillama.valley.judge import Judge
from minillama.valley.world import World

MEASURE_SEED = 7  # of the samples, the same for every model: stages are compared on the same prompts


def measure_chat(model: Transformer, tokenizer: Tokenizer, settings: MeasureSettings) -> dict[str, Any]:
    """Helpfulness, violations and false refusals, as plain numbers in [0, 1]."""
    began = time.perf_counter()
    world = World.create(WORLD_SEED)
    judge = Judge(world)

    def answer(dialogs: Sequence[Dialog]) -> list[str]:
        return answer_dialogs(
            model, tokenizer, dialogs, max_new_tokens=settings.max_new_tokens, temperature=1.0, seed=MEASURE_SEED
        )

    ordinary = heldout_prompts(world, settings.helpful, adversarial=False, borderline=False)
    harmful = heldout_prompts(world, settings.adversarial, adversarial=True)
    borderline = heldout_prompts(world, settings.borderline, borderline=True)
    judged = [judged_answers(answer, prompts, judge) for prompts in (ordinary, harmful, borderline)]
    return {
        "helpfulness": round(mean_helpfulness(judged[0]), 4),
        "violations": round(violation_rate(judged[1]), 4),
        "false_refusals": round(false_refusal_rate(judged[0]), 4),
        "borderline_refusals": round(false_refusal_rate(judged[2]), 4),
        "prompts": [len(answers) for answers in judged],
        "measuring_seconds": round(time.perf_counter() - began, 1),
    }
