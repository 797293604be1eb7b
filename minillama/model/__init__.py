"""The transformer: Llama 2's architecture with Meta's parameter names."""

from minillama.model.config import PRESETS, ModelArgs
from minillama.model.kv_cache import KVCache
from minillama.model.transformer import Transformer

__all__ = ["PRESETS", "KVCache", "ModelArgs", "Transformer"]
