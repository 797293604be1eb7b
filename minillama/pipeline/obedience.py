"""Whether a chat model still keeps the instruction of its first turn, as plain numbers for a report."""

from collections.abc import Sequence
from typing import Any

from minillama.alignment.dialog_sampler import DialogSampler
from minillama.alignment.gatt_data import probe_dialogs
from minillama.alignment.gatt_evaluation import obedience
from minillama.alignment.gatt_rollout import fits_context
from minillama.evaluation.judged import Dialog
from minillama.model import Transformer
from minillama.pipeline.demonstrations import WORLD_SEED
from minillama.pipeline.final_presets import ObedienceSettings
from minillama.tokenizer import Tokenizer
from minillama.valley.world import World

LONG_BATCH = 16  # dialogues answered at a time: with long ones, larger batches are slower
PROBE_SEED = 7  # of questions, constraints and samples, the same for every model: stages are compared


def measure_obedience(model: Transformer, tokenizer: Tokenizer, settings: ObedienceSettings) -> dict[str, Any]:
    """Share of dialogues that still obey, by turn, with personas and the language from training on held-out questions.

    Returns:
        ``turns``, the ``shares`` in the same order, the number of ``dialogues``, and how many of them were ``broken``.
    """
    sampler = DialogSampler(model, tokenizer, settings.max_new_tokens)

    def answer(dialogs: Sequence[Dialog]) -> list[str]:
        return sampler(dialogs, settings.temperature, PROBE_SEED)

    probes = probe_dialogs(World.create(WORLD_SEED), settings.dialogues, PROBE_SEED, turns=settings.turns)
    fits = fits_context(tokenizer, model.args.max_seq_len, settings.max_new_tokens)
    found = obedience(answer, probes, settings.turns, fits=fits)
    return {
        "turns": list(settings.turns),
        "shares": [round(found.shares[turn], 4) for turn in settings.turns],
        "dialogues": len(probes),
        "broken": found.broken,
    }


def obedience_kept(lowest: float | int, measured: dict[str, Any]) -> list[str]:
    """What is wrong with obedience at the last turn measured; nothing when it is good."""
    last, share = measured["turns"][-1], measured["shares"][-1]
    if share >= lowest:
        return []
    return [f"check 'at least {lowest} obey at turn {last}' failed with {share}"]
