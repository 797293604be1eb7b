"""The choices of a round of rejection sampling, the paper's and ours."""

from dataclasses import dataclass, field
from typing import Literal

from minillama.alignment.sft import SFTSettings


@dataclass(frozen=True, kw_only=True)
class RejectionSamplingSettings:
    """How a round samples and what it trains on. The paper's numbers, where it states any, are in ``paper()``.

    The defaults are for a million parameters and minutes: 16 answers of at most 96 tokens, and lower temperatures, as
    the paper found best for a model before RLHF.

    Attributes:
        samples: answers of each prompt (the paper's K, which it does not state).
        temperatures: those tried at the beginning of a round; one alone is taken as it is.
        tuning_prompts: how many of the prompts, drawn at random, they are tried on.
        max_new_tokens: longest answer.
        pool: train on the best answers of all rounds so far, or on the last round's only. With the latter the paper's
            model forgot (how to rhyme, for one); up to V3 it did so, from then on it kept the best of all.
        per_prompt: answers that the pool keeps of each prompt.
        cache_megabytes: memory that sampling may take besides the model.
        sft: of the fine-tuning, which is as in supervised fine-tuning.
        seed: of tuning prompts and answers.

    Raises:
        ValueError: a value is out of range.
    """

    samples: int = 16
    temperatures: tuple[float, ...] = (0.8, 1.0, 1.2)
    tuning_prompts: int = 64
    max_new_tokens: int = 96
    pool: Literal["all_rounds", "last_round"] = "all_rounds"
    per_prompt: int = 1
    cache_megabytes: int = 256
    sft: SFTSettings = field(default_factory=SFTSettings)
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("samples", "tuning_prompts", "max_new_tokens", "per_prompt", "cache_megabytes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if not self.temperatures or not all(0 < temperature < 100 for temperature in self.temperatures):
            raise ValueError(f"temperatures is {self.temperatures}; give one or more numbers above 0, such as 1.0")
        if self.pool not in ("all_rounds", "last_round"):
            raise ValueError(f"pool is {self.pool!r}; choose 'all_rounds' or 'last_round'")

    @classmethod
    def paper(cls) -> "RejectionSamplingSettings":
        """Temperatures of 1.2 to 1.3, best for the RLHF model with 10 to 100 samples (Figure 8); SFT's recipe (3.1).

        Unstated, and so our choice: the number of samples (100 is where Figure 8's range ends), the length of an
        answer, and how many prompts the temperature is tuned on.
        """
        return cls(
            samples=100,
            temperatures=(1.2, 1.25, 1.3),
            tuning_prompts=512,
            max_new_tokens=1024,
            cache_megabytes=16384,
            sft=SFTSettings.paper(),
        )
