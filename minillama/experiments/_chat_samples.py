"""What the claims about rejection sampling and PPO share: prompts, sampled answers, and who says what they are worth.

The judge is the Valley's ground truth. A reward model's score stands beside it and never in its place. Held-out
prompts are drawn with one seed, so that every model and every seed of a claim answers the same ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from minillama.alignment.best_of_n import blank_token_ids, sample_answers, usable_answers
from minillama.alignment.combined_reward import Reward, scored_once, two_model_reward
from minillama.alignment.reward_model import RewardModel
from minillama.chat import encode_dialog
from minillama.evaluation import PairedDifference, paired_difference
from minillama.evaluation.judged import VIOLATION_BELOW, dialog_of
from minillama.experiments.claim import Row
from minillama.generation import Generation
from minillama.model import Transformer
from minillama.pipeline import load
from minillama.pipeline.demonstrations import WORLD_SEED
from minillama.tokenizer import Tokenizer
from minillama.valley.dialogues import heldout_prompts, training_prompts
from minillama.valley.judge import Judge, Verdict
from minillama.valley.tasks.base import Prompt, Tier
from minillama.valley.world import World

VERSIONS = {"sft": "SFT", **{f"rlhf-v{number}": f"V{number}" for number in range(1, 6)}}
MAX_NEW_TOKENS = 96
# Whose code decides what is sampled and what it is worth, for the claims' ``modules``.
MODULES = (
    "minillama.experiments._chat_samples",
    "minillama.alignment.best_of_n",
    "minillama.generation",
    "minillama.sampling",
    "minillama.valley.dialogues",
    "minillama.valley.judge",
    "minillama.valley.tasks",
)


@dataclass(frozen=True, kw_only=True)
class Samples:
    """``n`` answers to each of some prompts.

    Attributes:
        prompts: What was asked.
        encoded: The same in token ids, up to where an answer begins.
        n: Answers of each prompt.
        generation: Their tokens, ``n`` rows a prompt, one prompt behind the other.
        texts: The answers as text, in the same order.
        blank_ids: Tokens that say nothing.
    """

    prompts: Sequence[Prompt]
    encoded: Sequence[Sequence[int]]
    n: int
    generation: Generation
    texts: Sequence[str]
    blank_ids: frozenset[int]

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """The judge's verdict of every answer; among a hundred answers to one prompt many are the same."""
        asked = [(row // self.n, text) for row, text in enumerate(self.texts)]
        known = {each: judged(self.prompts[each[0]], each[1]) for each in dict.fromkeys(asked)}
        return [known[each] for each in asked]

    def helpfulness(self) -> Float[Tensor, "prompts n"]:
        """The judge's helpfulness of every answer."""
        return self._table([verdict.helpfulness for verdict in self.verdicts])

    def safety(self) -> Float[Tensor, "prompts n"]:
        """The judge's safety of every answer."""
        return self._table([verdict.safety for verdict in self.verdicts])

    def violations(self) -> Float[Tensor, "prompts n"]:
        """1 where an answer does harm, else 0."""
        return (self.safety() < VIOLATION_BELOW).double()

    def scores(self, reward: Reward) -> Float[Tensor, "prompts n"]:
        """A reward's raw score of every answer."""
        repeated = [prompt for prompt in self.encoded for _ in range(self.n)]
        flags = torch.tensor([prompt.risk is not None for prompt in self.prompts for _ in range(self.n)])
        return reward(repeated, self.generation.tokens, flags).detach().double().cpu().view(-1, self.n)

    def likelihoods(self) -> Float[Tensor, "prompts n"]:
        """Log-probability of every answer under the model and the temperature that it was sampled with."""
        return self._table([sum(row) for row in self.generation.logprobs])

    def usable(self) -> Tensor:
        """Whether each answer came to an end and says something, (prompts, n)."""
        return usable_answers(self.generation, self.blank_ids).view(-1, self.n)

    def _table(self, values: Sequence[float]) -> Float[Tensor, "prompts n"]:
        return torch.tensor(values, dtype=torch.float64).view(-1, self.n)


@dataclass(frozen=True, kw_only=True)
class Scorers:
    """The two reward models of one week."""

    helpfulness: RewardModel
    safety: RewardModel

    @classmethod
    def at(cls, stage: str, seed: int) -> "Scorers":
        """Those that ``stage`` was trained by; at "sft" the first ones, which know SFT's answers alone."""
        if stage == "sft":
            parts = {aspect: load(f"reward-{aspect}", seed=seed).reward_model for aspect in ("helpfulness", "safety")}
        else:
            artifact = load(stage, seed=seed)
            parts = {
                aspect: RewardModel.load(artifact.folder / aspect).to(artifact.model.device)
                for aspect in ("helpfulness", "safety")
            }
        return cls(helpfulness=parts["helpfulness"].eval(), safety=parts["safety"].eval())

    @property
    def reward(self) -> Reward:
        """Both, combined as section 3.2.3 does."""
        return scored_once(two_model_reward(self.safety.score, self.helpfulness.score))

    @property
    def of_helpfulness(self) -> Reward:
        """The helpfulness model alone."""
        return scored_once(lambda prompts, answers, is_safety: self.helpfulness.score(prompts, answers))


@lru_cache(maxsize=1)
def valley() -> Judge:
    """The judge of the book's Valley, which holds its world."""
    return Judge(World.create(WORLD_SEED))


def judged(prompt: Prompt, answer: str) -> Verdict:
    """The judge's verdict of one answer."""
    return valley().judge(prompt, answer)


def heldout(
    n: int, *, adversarial: bool = False, kinds: Sequence[str] | None = None, extended: bool = False
) -> list[Prompt]:
    """Held-out prompts, the same for every seed; ordinary ones of the core kinds unless asked for otherwise."""
    tier: Tier = "extended" if extended else "core"
    return heldout_prompts(
        valley().world, n, kinds=kinds, tier=tier, adversarial=adversarial, borderline=None if adversarial else False
    )


def training_side(n: int, seed: int, *, kinds: Sequence[str] | None = None, adversarial: bool = False) -> list[Prompt]:
    """Different prompts of the training side, whose facts and wordings occur in demonstrations."""
    borderline = None if adversarial else False
    drawn = training_prompts(valley().world, 3 * n, seed, kinds=kinds, adversarial=adversarial, borderline=borderline)
    return list({prompt.text: prompt for prompt in drawn}.values())[:n]


def encode(prompts: Sequence[Prompt], tokenizer: Tokenizer) -> list[list[int]]:
    """Token ids of each prompt, up to where an answer begins."""
    return [list(encode_dialog(dialog_of(prompt), tokenizer).tokens) for prompt in prompts]


def sample(
    model: Transformer,
    tokenizer: Tokenizer,
    prompts: Sequence[Prompt],
    n: int = 1,
    *,
    temperature: float = 1.0,
    seed: int = 0,
    max_new_tokens: int = MAX_NEW_TOKENS,
) -> Samples:
    """``n`` answers to each prompt."""
    encoded = encode(prompts, tokenizer)
    generation = sample_answers(model, encoded, n, max_new_tokens=max_new_tokens, temperature=temperature, seed=seed)
    texts = [
        tokenizer.decode([token for token in row if token != tokenizer.eos_id]).strip() for row in generation.tokens
    ]
    return Samples(
        prompts=prompts,
        encoded=encoded,
        n=n,
        generation=generation,
        texts=texts,
        blank_ids=blank_token_ids(tokenizer),
    )


def answer_values(
    model: Transformer, tokenizer: Tokenizer, ordinary: Sequence[Prompt], harmful: Sequence[Prompt] = (), seed: int = 7
) -> tuple[list[float], list[float]]:
    """The judge's helpfulness of answers at temperature 1, and 1 for each harmful prompt that got harm."""
    helpful = sample(model, tokenizer, ordinary, seed=seed).helpfulness().flatten().tolist()
    violated = sample(model, tokenizer, harmful, seed=seed).violations().flatten().tolist() if harmful else []
    return helpful, violated


def difference(
    rows: Sequence[Row], arm: str, other: str, curve: str, other_curve: str | None = None
) -> PairedDifference:
    """By how much a curve with one value a prompt is higher in ``arm`` than in ``other``, pooled over the seeds.

    Raises:
        ValueError: an arm is missing, or its seeds are not the other's.
    """
    ours, theirs = by_seed(rows, arm), by_seed(rows, other)
    if [row.seed for row in ours] != [row.seed for row in theirs]:
        raise ValueError(f"arms {arm!r} and {other!r} have other seeds: {ours and ours[0].seed}...; run them together")
    return paired_difference(
        [list(row.curve[curve]) for row in ours], [list(row.curve[other_curve or curve]) for row in theirs]
    )


def by_seed(rows: Sequence[Row], arm: str) -> list[Row]:
    """The rows of one arm, by seed. Raises ValueError where there is none."""
    found = sorted((row for row in rows if row.arm == arm), key=lambda row: row.seed)
    if not found:
        raise ValueError(f"the rows lack the arm {arm!r}; there are {sorted({row.arm for row in rows})}")
    return found


def mean_of(rows: Sequence[Row], arm: str, number: str) -> float:
    """Mean over the seeds of one number of one arm."""
    values = [row.numbers[number] for row in by_seed(rows, arm)]
    return sum(values) / len(values)


def fell(found: PairedDifference, at_most: float) -> bool:
    """Whether a difference lies surely below 0, and by more than is put up with."""
    return found.high < 0 and found.mean < -at_most


def interval(found: PairedDifference, places: int = 3) -> str:
    """A difference as a sentence has it: "+0.120 (0.100 to 0.140)"."""
    return f"{found.mean:+.{places}f} ({found.low:.{places}f} to {found.high:.{places}f})"
