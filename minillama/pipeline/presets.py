"""All numbers of the pipeline: how large and how long, for a laptop's CPU and for a GPU."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from minillama.alignment.sft import SFTSettings
from minillama.model import ModelArgs
from minillama.pipeline.alignment_presets import (
    ALIGNMENT_MINUTES,
    FIRST_HELPFULNESS,
    FIRST_SAFETY,
    PPO,
    ROUND,
    FirstRewardSettings,
    PPOStageSettings,
    RoundSettings,
)
from minillama.pipeline.chat_presets import ChatSettings, LongDialogSettings
from minillama.pipeline.final_presets import CHAT, FINAL_MINUTES, GATT, DistillationStageSettings, GattStageSettings


@dataclass(frozen=True, kw_only=True)
class CorpusSettings:
    """The pretraining text.

    Attributes:
        seed: Of the wordings and the dirt; the Valley itself is always the book's.
        weights: How often each source is read, 1 where none is given (section 2.1 up-samples factual sources).
    """

    seed: int = 0
    weights: tuple[tuple[str, float], ...] = (("encyclopedia", 1.25),)


@dataclass(frozen=True, kw_only=True)
class TokenizerSettings:
    """The tokenizer.

    Attributes:
        vocab_size: Number of pieces, specials and bytes included.
        dialogues: Formatted training dialogues in its training text, so that the chat format costs few tokens.
    """

    vocab_size: int = 2048
    dialogues: int = 2000


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A stretch of pretraining with rows of one length.

    Attributes:
        steps: Optimiser steps.
        batch_size: Rows a step.
        seq_len: Tokens a row.
        own_document: Tokens attend to their own document alone (block-causal), not to all before them in the row.
    """

    steps: int
    batch_size: int
    seq_len: int
    own_document: bool = True


@dataclass(frozen=True, kw_only=True)
class BaseSettings:
    """Pretraining.

    Attributes:
        model: Shape; its vocabulary follows the tokenizer.
        phases: One after the other, under one learning-rate schedule.
        peak_lr: Learning rate at the end of the warm-up.
        warmup_steps: Steps during which it rises.
        checkpoint_every: Steps between checkpoints, which a killed build goes on from.
        highest_loss: What the mean loss of the last 20 steps must stay below (nats per token, the Valley only).
    """

    model: ModelArgs
    phases: tuple[Phase, ...]
    peak_lr: float
    warmup_steps: int
    checkpoint_every: int
    highest_loss: float | int

    @property
    def steps(self) -> int:
        """Optimiser steps of all phases."""
        return sum(phase.steps for phase in self.phases)


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Everything that decides how large the models are and how long they train.

    Attributes:
        name: "cpu" or "gpu", or a name of your own.
        corpus: See :class:`CorpusSettings`.
        tokenizer: See :class:`TokenizerSettings`.
        base: See :class:`BaseSettings`.
        sft: See :class:`minillama.pipeline.chat_presets.ChatSettings`.
        minutes: Roughly how long each stage takes (two CPU cores, or a T4), for notices.
        reward_helpfulness, reward_safety: See :class:`FirstRewardSettings`.
        rlhf_round: See :class:`RoundSettings`; the same for all rounds of rejection sampling.
        rlhf_ppo: See :class:`PPOStageSettings`.
        gatt: See :class:`GattStageSettings`.
        chat: See :class:`DistillationStageSettings`.
    """

    name: str
    corpus: CorpusSettings
    tokenizer: TokenizerSettings
    base: BaseSettings
    sft: ChatSettings
    minutes: Mapping[str, float | int]
    reward_helpfulness: FirstRewardSettings = FIRST_HELPFULNESS
    reward_safety: FirstRewardSettings = FIRST_SAFETY
    rlhf_round: RoundSettings = ROUND
    rlhf_ppo: PPOStageSettings = PPO
    gatt: GattStageSettings = GATT
    chat: DistillationStageSettings = CHAT


CPU = Preset(
    name="cpu",
    corpus=CorpusSettings(),
    tokenizer=TokenizerSettings(),
    base=BaseSettings(
        model=ModelArgs.preset("valley-m"),
        # Rows of one length: every other length is compiled anew, which takes as long as a million tokens.
        phases=(Phase(steps=3000, batch_size=8, seq_len=256),),
        peak_lr=5e-3,
        warmup_steps=50,
        checkpoint_every=500,
        highest_loss=3.0,
    ),
    sft=ChatSettings(sft=SFTSettings(epochs=1), dialogues=16000, highest_loss=1.5),
    minutes={"corpus": 0.5, "tokenizer": 0.2, "base": 4, "sft": 2, **ALIGNMENT_MINUTES, **FINAL_MINUTES},
)

GPU = Preset(
    name="gpu",
    corpus=CorpusSettings(),
    tokenizer=TokenizerSettings(),
    base=BaseSettings(
        model=ModelArgs.preset("valley-gpu"),
        phases=(Phase(steps=1500, batch_size=64, seq_len=256), Phase(steps=500, batch_size=16, seq_len=1024)),
        peak_lr=1.5e-3,
        warmup_steps=100,
        checkpoint_every=250,
        highest_loss=3.0,
    ),
    sft=ChatSettings(
        sft=SFTSettings(batch_size=32, seq_len=512, peak_lr=5e-4),
        dialogues=12000,
        long=LongDialogSettings(sft=SFTSettings(epochs=1, batch_size=8, seq_len=1024, peak_lr=2.5e-4)),
        highest_loss=1.5,
    ),
    minutes={"corpus": 0.5, "tokenizer": 0.2, "base": 5, "sft": 2, **ALIGNMENT_MINUTES, **FINAL_MINUTES},
)

PRESETS = {preset.name: preset for preset in (CPU, GPU)}


def choose_preset(preset: str | Preset | None = None) -> Preset:
    """The preset of a name; without one, "gpu" where CUDA is there and "cpu" elsewhere.

    Raises ValueError for a name that is not known.
    """
    if isinstance(preset, Preset):
        return preset
    name = preset or ("gpu" if torch.cuda.is_available() else "cpu")
    if name not in PRESETS:
        raise ValueError(f"there is no preset {name!r}; choose {' or '.join(PRESETS)}")
    return PRESETS[name]
