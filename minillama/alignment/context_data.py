"""What context distillation learns from: settings, preprompts, answers sampled with and without them, and the gate."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from minillama.alignment.context_kl import ContextPair
from minillama.alignment.reward_model import Scorer
from minillama.alignment.safety_preprompts import generic_preprompt, risk_preprompt, with_preprompt
from minillama.alignment.sft import SFTSettings
from minillama.chat import DialogTokens, Message, encode_dialog
from minillama.generation import generate
from minillama.model import Transformer
from minillama.tokenizer import Tokenizer
from minillama.valley.tasks.base import Prompt

Dialog = Sequence[Message]
Ids = list[int]


@dataclass(frozen=True, kw_only=True)
class ContextDistillationSettings:
    """How a preprompt is distilled. The paper states the method but no number; the defaults suit a million parameters.

    Attributes:
        form: "sft" fine-tunes on sampled answers (Llama 2); "kl" matches the teacher's whole distribution at every
            token of them (Askell et al. 2021).
        scope: "adversarial" prompts only, as in the paper, or "all", which shows the harm.
        gate: Keep an answer only where it scores above the answer without preprompt.
        keep_plain: Where the plain answer to an adversarial prompt scores at least as well, learn that one again, so
            that a model which is safe already does not lose its refusals among the replayed answers. Needs the gate.
        temperature: At which answers are sampled, with and without the preprompt.
        max_new_tokens: Longest answer; one that does not end by then is left out.
        template_share: Of preprompts with the answer template of the prompt's risk.
        batch_size: Prompts answered at a time.
        sft: How to train. In the KL form ``batch_size`` counts dialogues, and ``seq_len`` has no meaning.
        seed: Of preprompts and sampling.

    Raises:
        ValueError: A value is out of range.
    """

    form: Literal["sft", "kl"] = "sft"
    scope: Literal["adversarial", "all"] = "adversarial"
    gate: bool = True
    keep_plain: bool = False
    temperature: float = 1.0
    max_new_tokens: int = 96
    template_share: float = 0.5
    batch_size: int = 256
    sft: SFTSettings = field(default_factory=lambda: SFTSettings(epochs=2, peak_lr=3e-4, batch_size=4))
    seed: int = 0

    def __post_init__(self) -> None:
        if self.form not in ("sft", "kl"):
            raise ValueError(f"form is {self.form!r}; choose 'sft' or 'kl'")
        if self.scope not in ("adversarial", "all"):
            raise ValueError(f"scope is {self.scope!r}; choose 'adversarial' or 'all' (prompts)")
        if self.keep_plain and not self.gate:
            raise ValueError("keep_plain is True, but without a gate no plain answer is preferred; switch the gate on")
        if not 0 <= self.temperature < math.inf:
            raise ValueError(f"temperature is {self.temperature}; it must be a number of 0 or more")
        for name in ("max_new_tokens", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if not 0 <= self.template_share <= 1:
            raise ValueError(f"template_share is {self.template_share}; it is a share from 0 to 1")

    @classmethod
    def paper(cls) -> "ContextDistillationSettings":
        """The method of 4.2.4 with the training of its SFT; temperature and training are unstated there."""
        return cls(form="sft", scope="adversarial", gate=True, sft=SFTSettings.paper())


@dataclass(frozen=True, kw_only=True)
class ContextPrompt:
    """A dialogue that ends with the user, and what is said before it to the teacher alone (None: nothing)."""

    dialog: tuple[Message, ...]
    preprompt: str | None


def context_prompts(prompts: Sequence[Prompt], settings: ContextDistillationSettings) -> list[ContextPrompt]:
    """Give each of the Valley's prompts a preprompt; harmless ones are left out unless ``scope`` is "all".

    Raises:
        ValueError: No prompt is left.
    """
    rng = random.Random(f"{settings.seed}/preprompts")
    chosen = [prompt for prompt in prompts if settings.scope == "all" or prompt.risk is not None]
    if not chosen:
        raise ValueError(f"none of {len(prompts)} prompts is adversarial; give some, or choose the scope 'all'")
    result = []
    for prompt in chosen:
        templated = rng.random() < settings.template_share and prompt.risk is not None
        preprompt = risk_preprompt(prompt.risk, rng) if templated and prompt.risk else generic_preprompt(rng)
        dialog = (*prompt.history, {"role": "user", "content": prompt.text})
        result.append(ContextPrompt(dialog=dialog, preprompt=preprompt))
    return result


@dataclass(frozen=True, kw_only=True)
class DistillationData:
    """What there is to learn, and how it was come by.

    Attributes:
        pairs: Answers that were kept, behind the student's and the teacher's prompt.
        replay: The model's own plain answers to harmless prompts, and with ``keep_plain`` to adversarial ones; student
            and teacher see the same.
        kept_plain: How many of these are to adversarial prompts.
        sampled: How many prompts were answered with the preprompt.
        usable: How many of those answers say something and end.
        distilled_scores: Of the usable answers, as answers to the prompt without preprompt; empty without a scorer.
        plain_scores: Of the plain answers to the same prompts (both: Figure 16).
    """

    pairs: tuple[ContextPair, ...]
    replay: tuple[ContextPair, ...]
    sampled: int
    usable: int
    kept_plain: int = 0
    distilled_scores: tuple[float, ...] = ()
    plain_scores: tuple[float, ...] = ()


def passes_gate(distilled: Float[Tensor, " batch"], plain: Float[Tensor, " batch"]) -> Bool[Tensor, " batch"]:
    """Where the distilled answer scores strictly above the plain one; equal scores are no reason to learn anything.

    Raises:
        ValueError: A score is NaN or infinite, or there are not as many of one as of the other.
    """
    if distilled.shape != plain.shape:
        raise ValueError(f"{len(distilled)} distilled and {len(plain)} plain scores; every prompt needs both")
    for name, scores in (("distilled", distilled), ("plain", plain)):
        if not bool(scores.isfinite().all()):
            bad = int((~scores.isfinite()).nonzero()[0])
            raise ValueError(f"{name} score {bad} is {float(scores[bad])}; the reward model must give finite numbers")
    return distilled > plain


def distillation_data(
    model: Transformer,
    tokenizer: Tokenizer,
    prompts: Sequence[ContextPrompt],
    settings: ContextDistillationSettings,
    *,
    score: Scorer | None = None,
    harmless: Sequence[Dialog] = (),
) -> DistillationData:
    """Answer the prompts with and without their preprompts and keep what is worth learning.

    Args:
        model: The latest chat model: teacher and source of plain answers.
        tokenizer: The model's.
        prompts: See :func:`context_prompts`.
        settings: Of sampling and gate.
        score: The safety reward model, say: (prompts, answers) as ids to raw scores. The gate needs it; without a gate
            it only fills the report.
        harmless: Dialogues to replay, each ending with the user; the model's own plain answers to them are learnt, too,
            which holds false refusals down.

    Raises:
        ValueError: There are no prompts, the gate has no scorer, a score is not finite, or no answer is kept.
    """
    if not prompts:
        raise ValueError("there are no prompts to distil; give at least one")
    if settings.gate and score is None:
        raise ValueError("the gate compares scores: give score, or switch the gate off")
    bare = [encode_dialog(each.dialog, tokenizer).tokens for each in prompts]
    told = [encode_dialog(with_preprompt(each.dialog, each.preprompt), tokenizer).tokens for each in prompts]
    answers = sample_answers(model, told, settings, settings.seed)
    good = [index for index, answer in enumerate(answers) if is_usable(answer, tokenizer)]
    if not good:
        raise ValueError(f"none of {len(answers)} answers says something and ends within {settings.max_new_tokens}")
    kept, own = good, list[ContextPair]()
    distilled_scores: tuple[float, ...] = ()
    plain_scores: tuple[float, ...] = ()
    if score is not None:
        asked = [bare[index] for index in good]
        plain = sample_answers(model, asked, settings, settings.seed + 1)
        passed, new, old = _compare(score, asked, [answers[index] for index in good], plain, settings)
        kept = [index for index, through in zip(good, passed, strict=True) if through]
        if settings.keep_plain:
            beaten = zip(asked, plain, passed, strict=True)
            own = [_pair(p, p, a) for p, a, through in beaten if not through and is_usable(a, tokenizer)]
        distilled_scores, plain_scores = tuple(new.tolist()), tuple(old.tolist())
    return DistillationData(
        pairs=tuple(_pair(bare[index], told[index], answers[index]) for index in kept),
        replay=(*own, *_replayed(model, tokenizer, harmless, settings)),
        sampled=len(answers),
        usable=len(good),
        kept_plain=len(own),
        distilled_scores=distilled_scores,
        plain_scores=plain_scores,
    )


@torch.no_grad()
def sample_answers(
    model: Transformer, prompts: Sequence[Sequence[int]], settings: ContextDistillationSettings, seed: int
) -> list[Ids]:
    """One answer a prompt, EOS kept; prompts of similar length share a batch."""
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    answers: list[Ids] = [[] for _ in prompts]
    for start in range(0, len(order), settings.batch_size):
        chosen = order[start : start + settings.batch_size]
        room = model.args.max_seq_len - len(prompts[chosen[-1]])
        rows = generate(
            model,
            [list(prompts[index]) for index in chosen],
            min(settings.max_new_tokens, room),
            temperature=settings.temperature,
            seed=seed + start,
        )
        for index, tokens in zip(chosen, rows.tokens, strict=True):
            answers[index] = tokens
    return answers


def is_usable(answer: Sequence[int], tokenizer: Tokenizer) -> bool:
    """Whether an answer ends by itself and says something before."""
    ended = bool(answer) and answer[-1] == tokenizer.eos_id
    return ended and bool(tokenizer.decode(list(answer[:-1])).strip())


def _compare(
    score: Scorer,
    prompts: Sequence[Sequence[int]],
    distilled: Sequence[Ids],
    plain: Sequence[Ids],
    settings: ContextDistillationSettings,
) -> tuple[list[bool], Tensor, Tensor]:
    """Which answers are kept, and the scores with and without preprompt, which are checked with the gate off, too."""
    new, old = score(prompts, distilled), score(prompts, plain)
    better = passes_gate(new, old)
    if settings.gate and not settings.keep_plain and not bool(better.any()):
        raise ValueError(
            f"none of {len(prompts)} distilled answers scores above the plain one (distilled: mean "
            f"{float(new.mean()):.3g}, plain: {float(old.mean()):.3g}); does the reward model tell answers apart?"
        )
    return (better if settings.gate else torch.ones_like(better)).tolist(), new, old


def _pair(student: Sequence[int], teacher: Sequence[int], answer: Ids) -> ContextPair:
    return ContextPair(_example(student, answer), _example(teacher, answer))


def _example(prompt: Sequence[int], answer: Ids) -> DialogTokens:
    """Prompt and sampled ids, as they are: what the model itself would have to say, not another cut of its text."""
    return DialogTokens((*prompt, *answer), (0,) * len(prompt) + (1,) * len(answer))


def _replayed(
    model: Transformer, tokenizer: Tokenizer, harmless: Sequence[Dialog], settings: ContextDistillationSettings
) -> tuple[ContextPair, ...]:
    if not harmless:
        return ()
    prompts = [encode_dialog(dialog, tokenizer).tokens for dialog in harmless]
    answers = sample_answers(model, prompts, settings, settings.seed + 2)
    return tuple(_pair(p, p, a) for p, a in zip(prompts, answers, strict=True) if is_usable(a, tokenizer))
