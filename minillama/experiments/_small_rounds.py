"""A round of rejection sampling that is small enough to be compared, and the one that asks no reward model.

Fine-tuning on the likeliest of some answers is sharpening: it needs no preferences and gains by itself. What a round
is worth beyond that is what its reward is worth.
"""

from collections.abc import Sequence
from copy import deepcopy

from minillama.alignment.combined_reward import Reward
from minillama.alignment.rejection_sampling import sample_round
from minillama.alignment.rejection_settings import RejectionSamplingSettings
from minillama.alignment.sft import SFTSettings, train_sft
from minillama.alignment.winners import reward_of, winner_examples
from minillama.experiments._chat_samples import encode
from minillama.experiments._reward_pairs import likelihood_scorer
from minillama.model import Transformer
from minillama.pipeline.artifact import Artifact
from minillama.valley.tasks.base import Prompt

K = 4  # answers of each prompt
MODULES = (
    "minillama.experiments._small_rounds",
    "minillama.experiments._reward_pairs",
    "minillama.alignment.rejection_sampling",
    "minillama.alignment.sft",
    "minillama.alignment.winners",
)


def by_breadth(start: Artifact, prompts: Sequence[Prompt], reward: Reward, seed: int) -> Transformer:
    """``start``'s model fine-tuned on the best of ``K`` answers to each prompt, picked as in the pipeline's rounds."""
    settings = RejectionSamplingSettings(samples=K, temperatures=(0.8,), seed=seed)
    encoded = encode(prompts, start.tokenizer)
    flags = [prompt.risk is not None for prompt in prompts]
    found = sample_round(start.model, encoded, reward, settings, is_safety=flags)
    model = deepcopy(start.model)
    train_sft(model, winner_examples(found.winners), SFTSettings(epochs=2, peak_lr=1e-3, seed=seed))
    return model.eval()


def likelihood_of(model: Transformer) -> Reward:
    """No reward model: how likely an answer's tokens are to ``model``, on average, decides."""
    return reward_of(likelihood_scorer(model))
