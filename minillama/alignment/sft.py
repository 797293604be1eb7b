"""Supervised fine-tuning (section 3.1): learn to answer from demonstrations, with the loss on answers only.

What demonstrations do not mention, a small model forgets while it learns from them: a Valley model that named every
villager's things before fine-tuning named few of the held-out ones after it. :func:`document_examples` makes
documents of the pretraining text into examples to mix in. The paper does not say that it does so; InstructGPT mixes
pretraining text into its reinforcement learning for the same reason.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from minillama.chat import DialogTokens
from minillama.data.dialog_loader import DialogLoader
from minillama.model import Transformer
from minillama.tokenizer import Tokenizer
from minillama.training.loss import LossFunction, token_loss
from minillama.training.precision import Precision
from minillama.training.settings import TrainSettings
from minillama.training.trainer import TrainReport, train

CHECKPOINT_EVERY = 100  # steps


@dataclass(frozen=True, kw_only=True)
class SFTSettings:
    """How to fine-tune. The paper's recipe is ``SFTSettings.paper()``; the defaults suit a million parameters.

    A small model that was trained for minutes is far from its optimum, so it takes larger steps than the paper's
    2e-5, and short rows, since the Valley's dialogues have some sixty tokens and not four thousand.

    Attributes:
        epochs: Passes over the demonstrations.
        peak_lr: Learning rate at the end of the warm-up.
        warmup_ratio: Share of the steps that the learning rate rises.
        weight_decay: On matrices only.
        batch_size: Rows a step; each row holds as many dialogues as fit.
        seq_len: Tokens a row.
        seed: Of the order in which demonstrations come.

    Raises:
        ValueError: A value is out of range.
    """

    epochs: int = 2
    peak_lr: float = 2e-3
    warmup_ratio: float = 0.03
    weight_decay: float = 0.1
    batch_size: int = 8
    seq_len: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "seq_len"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if not 0 <= self.warmup_ratio <= 1:
            raise ValueError(f"warmup_ratio is {self.warmup_ratio}; it is a share of the steps, from 0 to 1")

    @classmethod
    def paper(cls) -> "SFTSettings":
        """Section 3.1: learning rate 2e-5, cosine, weight decay 0.1, batches of 64 rows of 4,096 tokens, 2 epochs.

        The warm-up is not stated in the paper; 3 % of the steps is its choice for the reward model.
        """
        return cls(epochs=2, peak_lr=2e-5, weight_decay=0.1, batch_size=64, seq_len=4096)

    def of_run(self, steps: int, run_dir: Path | str | None) -> TrainSettings:
        """The trainer's settings for so many steps, with checkpoints where there is a folder for them."""
        return TrainSettings(
            steps=steps,
            peak_lr=self.peak_lr,
            warmup_steps=round(self.warmup_ratio * steps),
            weight_decay=self.weight_decay,
            checkpoint_every=None if run_dir is None else CHECKPOINT_EVERY,
        )


def document_examples(texts: Iterable[str], tokenizer: Tokenizer, seq_len: int) -> list[DialogTokens]:
    """Documents as examples in which every token but the first is a target, cut to ``seq_len`` tokens."""
    rows = (tokenizer.encode(text, bos=True, eos=True)[:seq_len] for text in texts)
    return [DialogTokens(tuple(row), (0,) + (1,) * (len(row) - 1)) for row in rows]


def joined_documents(texts: Iterable[str], tokenizer: Tokenizer, seq_len: int) -> list[DialogTokens]:
    """Documents behind one another in examples of up to ``seq_len`` tokens, where later ones see earlier ones.

    Short documents alone would never show a model places far apart. No example's first token is a target.
    """
    rows: list[list[int]] = []
    for text in texts:
        tokens = tokenizer.encode(text, bos=True, eos=True)[:seq_len]
        if not rows or len(rows[-1]) + len(tokens) > seq_len:
            rows.append([])
        rows[-1] += tokens
    # A document does not follow from the one before it, so its first token is no target.
    return [DialogTokens(tuple(row), tuple(int(token != tokenizer.bos_id) for token in row)) for row in rows]


def train_sft(
    model: Transformer,
    examples: Sequence[DialogTokens],
    settings: SFTSettings,
    *,
    loss: LossFunction = token_loss,
    precision: Precision | None = None,
    run_dir: Path | str | None = None,
    description: str = "fine-tuning on demonstrations",
) -> TrainReport:
    """Fine-tune a model in place on demonstrations.

    Rows hold several dialogues behind one another (section 3.1 fills sequences in this way); each attends to itself
    alone and counts its positions from 0, so a packed row has the loss of its dialogues apart.

    Args:
        model: The base model.
        examples: Encoded dialogues, as :func:`minillama.chat.encode_dialog` gives them.
        settings: Of the optimiser and the rows.
        loss: Cross entropy of the answers' tokens, or another loss on the same batches.
        precision: Where and in which format to compute; detected where not given.
        run_dir: Folder for metrics and checkpoints; the same call made again goes on from there.
        description: Shown beside the progress bar.

    Raises:
        ValueError: There are no examples, or one is longer than a row.
    """
    loader = DialogLoader(
        examples, settings.batch_size, seq_len=settings.seq_len, seed=settings.seed, epochs=settings.epochs
    )
    return train(
        model,
        loader,
        settings.of_run(len(loader), run_dir),
        loss=loss,
        precision=precision,
        run_dir=run_dir,
        description=description,
    )
