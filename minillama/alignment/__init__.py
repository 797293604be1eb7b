"""Turning a base model into an assistant. So far: supervised fine-tuning."""

from minillama.alignment.sft import SFTSettings, train_sft

__all__ = ["SFTSettings", "train_sft"]
