"""The stages there are, in the order in which they build on one another."""

from minillama.pipeline.stages.base import BASE
from minillama.pipeline.stages.context_distillation import CHAT
from minillama.pipeline.stages.corpus import CORPUS
from minillama.pipeline.stages.ghost_attention import GATT
from minillama.pipeline.stages.ppo import PPO
from minillama.pipeline.stages.rejection_rounds import ROUNDS
from minillama.pipeline.stages.reward_models import REWARD_HELPFULNESS, REWARD_SAFETY
from minillama.pipeline.stages.sft import SFT
from minillama.pipeline.stages.tokenizer import TOKENIZER

STAGES = {
    stage.name: stage
    for stage in (CORPUS, TOKENIZER, BASE, SFT, REWARD_HELPFULNESS, REWARD_SAFETY, *ROUNDS, PPO, GATT, CHAT)
}
DEFAULT_STAGE = "chat"  # what is built where no stage is named

__all__ = ["DEFAULT_STAGE", "STAGES"]
