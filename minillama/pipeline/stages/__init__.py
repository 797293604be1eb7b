"""The stages there are, in the order in which they build on one another."""

from minillama.pipeline.stages.base import BASE
from minillama.pipeline.stages.corpus import CORPUS
from minillama.pipeline.stages.sft import SFT
from minillama.pipeline.stages.tokenizer import TOKENIZER

STAGES = {stage.name: stage for stage in (CORPUS, TOKENIZER, BASE, SFT)}

__all__ = ["STAGES"]
