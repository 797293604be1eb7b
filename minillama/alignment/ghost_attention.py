"""Ghost Attention (section 3.3 and A.3.5 of the paper): an instruction given once and obeyed in every later turn.

The answers are sampled while the instruction stands on every user turn, where the model cannot forget it. For training
it is left on the first turn alone, as a system message, and all earlier turns have no loss. So the model learns to
answer *as if* the instruction had been repeated: a ghost of it stays.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from minillama.alignment.gatt_data import InstructedDialog
from minillama.alignment.gatt_rollout import Dialog, Fits, alternate, roll_out
from minillama.alignment.sft import SFTSettings
from minillama.chat import DialogTokens, Message, check_dialog, encode_dialog
from minillama.tokenizer import Tokenizer

SampleFunction = Callable[[Sequence[Dialog], float, int], Sequence[str]]  # dialogues, temperature, seed -> replies


@dataclass(frozen=True, kw_only=True)
class GattSettings:
    """How Ghost Attention's data are made and trained on.

    The paper gives neither the number of dialogues, nor their length, the temperature or the training's settings. The
    defaults are what worked for a million parameters: they sample below temperature 1, where a small model obeys
    nearly always, and replay three ordinary examples in ten, without which short answers suffer.

    Attributes:
        loss: "last" counts the last answer alone (the paper); "all" counts every answer.
        history: Under which the last answer is sampled and trained: "instructed" earlier answers obey, too; "plain"
            ones were sampled without the instruction. Only these contradict the system message, which is the mismatch
            that the paper's zero loss on earlier turns is for.
        temperature: At which answers are sampled.
        replay_share: Of ordinary examples among all examples; 0 needs none.
        sft: How to train; the learning rate is that of a last touch, not of the first fine-tuning.
        seed: Of sampling and of the choice of replayed examples.

    Raises:
        ValueError: A value is out of range.
    """

    loss: Literal["last", "all"] = "last"
    history: Literal["instructed", "plain"] = "instructed"
    temperature: float = 0.7
    replay_share: float = 0.3
    sft: SFTSettings = field(default_factory=lambda: SFTSettings(epochs=1, peak_lr=3e-4, batch_size=2, seq_len=1024))
    seed: int = 0

    def __post_init__(self) -> None:
        if self.loss not in ("last", "all"):
            raise ValueError(f"loss is {self.loss!r}; choose 'last' or 'all' (answers that count)")
        if self.history not in ("instructed", "plain"):
            raise ValueError(f"history is {self.history!r}; choose 'instructed' or 'plain'")
        if not 0 <= self.temperature < float("inf"):
            raise ValueError(f"temperature is {self.temperature}; it must be a number of 0 or more")
        if not 0 <= self.replay_share < 1:
            raise ValueError(f"replay_share is {self.replay_share}; it is a share of all examples, from 0 to below 1")

    @classmethod
    def paper(cls) -> "GattSettings":
        """What section 3.3 states: loss on the last answer; nothing is replayed, and the rest is as in its SFT.

        The temperature is unstated; 1 is the distribution of the model itself.
        """
        return cls(temperature=1.0, replay_share=0.0, sft=SFTSettings.paper())


def ghost_attention_example(
    dialog: Sequence[Message],
    instruction: str,
    tokenizer: Tokenizer,
    *,
    loss: Literal["last", "all"] = "last",
    max_seq_len: int | None = None,
) -> DialogTokens:
    """One example for training: the instruction once, as system message of the first turn, loss on the last answer.

    Args:
        dialog: User and assistant in turn, the assistant last, *without* the instruction in any message.
        instruction: In the form for training; half of them are shortened (``InstructedDialog.system``).
        tokenizer: Of the model.
        loss: "last" leaves all tokens of earlier turns without loss, their answers included; "all" counts every answer.
        max_seq_len: Longest example allowed, in tokens.

    Returns:
        Tokens of the whole dialogue; the mask is 1 on the answers that count and their EOS.

    Raises:
        ValueError: The dialogue is not well formed, does not end with the assistant, has a system message of its own
            or still carries the instruction on a user turn, or is too long.
    """
    check_dialog(dialog)
    if dialog[0]["role"] == "system":
        raise ValueError("the dialog has a system message already; the instruction takes its place, so leave it out")
    if dialog[-1]["role"] != "assistant":
        raise ValueError("the dialog ends with the user: the last answer is what the example teaches, so add it")
    for index, message in enumerate(dialog):
        if message["role"] == "user" and message["content"].startswith(instruction):
            raise ValueError(f"message {index} still carries the instruction {instruction!r}; pass what the user asked")
    whole = encode_dialog([{"role": "system", "content": instruction}, *dialog], tokenizer, max_seq_len=max_seq_len)
    if loss == "all":
        return whole
    # The last turn, encoded alone, is the tail of the whole: turns are encoded one by one.
    last = encode_dialog(dialog[-2:], tokenizer) if len(dialog) > 2 else whole
    return DialogTokens(whole.tokens, (0,) * (len(whole) - len(last)) + last.loss_mask)


@dataclass(frozen=True)
class SampledDialog:
    """A planned dialogue with the answers that the latest model gave to all its questions."""

    plan: InstructedDialog
    answers: tuple[str, ...]

    @property
    def messages(self) -> Dialog:
        """The dialogue without the instruction."""
        return alternate(self.plan.questions, self.answers)

    @property
    def last_obeys(self) -> bool | None:
        """Whether the answer that is trained on obeys, by the Valley's ground truth; None where it cannot be told."""
        return self.plan.obeyed(self.plan.questions[-1], self.answers[-1])


def sampling_dialog(plan: InstructedDialog, answers: Sequence[str], *, instructed: bool = True) -> Dialog:
    """The dialogue to sample the next answer from: the instruction stands before every user message."""
    questions = [f"{plan.instruction} {question}" for question in plan.questions] if instructed else plan.questions
    return alternate(questions, answers)


def sample_dialogs(
    answer: SampleFunction,
    plans: Sequence[InstructedDialog],
    settings: GattSettings | None = None,
    *,
    fits: Fits | None = None,
) -> list[SampledDialog]:
    """Let the latest model answer all questions, the instruction before every one of them.

    Args:
        answer: The latest model: dialogues, temperature and seed in, replies out.
        plans: What is asked under which instruction.
        settings: Temperature, seed and ``history``.
        fits: See :func:`minillama.alignment.gatt_rollout.fits_context`.

    Returns:
        The dialogues that were answered to the end, in order; broken ones (see ``roll_out``) are left out.

    Raises:
        ValueError: Not one dialogue was answered to the end.
    """
    chosen = settings or GattSettings()

    def prompt(plan: InstructedDialog, answers: list[str]) -> Dialog:
        at_the_end = len(answers) + 1 == len(plan.questions)
        return sampling_dialog(plan, answers, instructed=chosen.history == "instructed" or at_the_end)

    def reply(dialogs: Sequence[Dialog], turn: int) -> Sequence[str]:
        return answer(dialogs, chosen.temperature, chosen.seed + turn)

    answers = roll_out(plans, prompt, reply, fits)
    whole = [SampledDialog(p, tuple(a)) for p, a in zip(plans, answers, strict=True) if len(a) == len(p.questions)]
    if not whole:
        raise ValueError(f"none of {len(plans)} dialogues was answered to the end; does the model give empty answers?")
    return whole


def gatt_examples(
    sampled: Sequence[SampledDialog],
    tokenizer: Tokenizer,
    settings: GattSettings,
    replay: Sequence[DialogTokens] = (),
) -> list[DialogTokens]:
    """Examples for :func:`minillama.alignment.sft.train_sft`: the sampled dialogues and ordinary ones among them.

    Raises:
        ValueError: There are too few examples to replay for ``settings.replay_share``.
    """
    limit = settings.sft.seq_len
    examples = [
        ghost_attention_example(d.messages, d.plan.system, tokenizer, loss=settings.loss, max_seq_len=limit)
        for d in sampled
    ]
    wanted = round(settings.replay_share / (1 - settings.replay_share) * len(examples))
    if wanted > len(replay):
        raise ValueError(
            f"replay_share {settings.replay_share} of {len(examples)} dialogues needs {wanted} examples to replay, "
            f"not {len(replay)}; give more or lower the share"
        )
    rng = random.Random(f"{settings.seed}/replay")
    mixed = [*examples, *rng.sample(list(replay), wanted)]
    rng.shuffle(mixed)
    return mixed
