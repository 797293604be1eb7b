"""Training a reward model on preference pairs, and going on with it when fresh pairs come (section 3.2.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float
from torch import Tensor, nn

from minillama.alignment.preferences import EncodedPair
from minillama.alignment.reward_batches import PairBatch, PairLoader
from minillama.alignment.reward_losses import MARGINS, ranking_loss, safety_loss
from minillama.alignment.reward_model import RewardModel
from minillama.training.precision import Precision
from minillama.training.settings import TrainSettings
from minillama.training.trainer import TrainReport, train

CHECKPOINT_EVERY = 100  # steps


@dataclass(frozen=True, kw_only=True)
class RewardSettings:
    """How to train a reward model. The paper's recipe is :meth:`paper`; the defaults suit a million parameters.

    The differences: a larger learning rate, because a small model that was trained for minutes is far from its optimum
    and thousands of pairs must do what millions do there; fewer pairs a step, so that an epoch of some thousand pairs
    still has a hundred steps. One epoch, the cosine to 10 % and the warm-up are the paper's.

    Attributes:
        epochs: passes over the pairs. The paper found that more over-fit.
        peak_lr: learning rate at the end of the warm-up.
        warmup_ratio: share of the steps that the learning rate rises.
        min_warmup_steps: the warm-up is no shorter than this, as far as there are steps.
        weight_decay: on matrices only.
        batch_size: pairs a step.
        margin: column of Table 27: "none", "small" or "large".
        safety_weight: of the auxiliary safety classification; 0 leaves it out, as for helpfulness.
        seed: of the order of the pairs.

    Raises:
        ValueError: a value is out of range.
    """

    epochs: int = 1
    peak_lr: float = 5e-4
    warmup_ratio: float = 0.03
    min_warmup_steps: int = 5
    weight_decay: float = 0.1
    batch_size: int = 32
    margin: str = "small"
    safety_weight: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 1), ("min_warmup_steps", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least {least}")
        if not 0 <= self.warmup_ratio <= 1:
            raise ValueError(f"warmup_ratio is {self.warmup_ratio}; it is a share of the steps, from 0 to 1")
        if self.margin not in MARGINS:
            raise ValueError(f"margin is {self.margin!r}; choose one of {', '.join(MARGINS)}")
        if not 0 <= self.safety_weight < float("inf"):
            raise ValueError(f"safety_weight is {self.safety_weight}; it must be 0 or a positive number")

    @classmethod
    def paper(cls, *, largest: bool = False, safety: bool = False) -> "RewardSettings":
        """Section 3.2.2: 1 epoch, learning rate 1e-5 (5e-6 for 70B), 512 pairs, warm-up 3 % of the steps, at least 5.

        Weight decay 0.1 is that of section 3.1's optimiser. Which of the margins the released models have is not
        stated; small is the better one on average in Table 28. Nor is the weight of the auxiliary loss; it is 1 here.
        """
        rate = 5e-6 if largest else 1e-5
        return cls(peak_lr=rate, batch_size=512, margin="small", safety_weight=1.0 if safety else 0.0)

    @classmethod
    def instruct_gpt(cls) -> "RewardSettings":
        """The baseline: one model for everything on :func:`joint_mix`'s pairs, no margin, no auxiliary loss."""
        return cls(margin="none", safety_weight=0.0)


class PairLoss:
    """Ranking with margins, plus ``safety_weight`` times the safety classification, summed over the pairs of a batch.

    The classification of a pair is the mean over its two answers, and nothing where nobody labelled them: so a pair
    counts the same in whatever batch it stands.
    """

    def __init__(self, safety_weight: float = 0.0) -> None:
        self.safety_weight = safety_weight

    def __call__(self, model: nn.Module, batch: PairBatch) -> tuple[Float[Tensor, ""], int]:
        """The summed loss and the number of pairs, as :func:`minillama.training.train` wants them."""
        scores, pairs = model(batch.tokens, batch.lengths, batch.starts), batch.n_targets
        loss = ranking_loss(scores[:pairs], scores[pairs:], batch.margins) * pairs
        n_labelled = int(batch.labelled.sum()) if self.safety_weight else 0
        if n_labelled:
            classification = safety_loss(scores[batch.labelled], batch.safe[batch.labelled])
            loss = loss + self.safety_weight * classification * n_labelled / 2
        return loss, pairs


def train_reward_model(
    model: RewardModel,
    pairs: Sequence[EncodedPair],
    settings: RewardSettings,
    *,
    precision: Precision | None = None,
    run_dir: Path | str | None = None,
    description: str = "training the reward model",
) -> TrainReport:
    """Train a reward model in place, one epoch by default.

    In later rounds the model is last round's, and the pairs are the fresh ones with some old ones among them
    (:func:`with_replay`).

    Args:
        model: from :meth:`RewardModel.from_transformer`, or last round's.
        pairs: from :func:`encode_pairs`.
        settings: of the optimiser, the margin and the auxiliary loss.
        precision: where and in which format to compute; detected where not given.
        run_dir: folder for metrics and checkpoints; the same call made again goes on from there.
        description: shown beside the progress bar.

    Raises:
        ValueError: there are no pairs, one is longer than the context, or the auxiliary loss is wanted but no pair has
            a safety label.
        NonFiniteLoss: scores or gradients became NaN.
    """
    _check_pairs(model, pairs, settings)
    recipe = {"safety_weight": settings.safety_weight}
    loader = PairLoader(
        pairs, settings.batch_size, margin=settings.margin, seed=settings.seed, epochs=settings.epochs, recipe=recipe
    )
    steps = len(loader)
    train_settings = TrainSettings(
        steps=steps,
        peak_lr=settings.peak_lr,
        warmup_steps=min(steps, max(settings.min_warmup_steps, round(settings.warmup_ratio * steps))),
        weight_decay=settings.weight_decay,
        checkpoint_every=None if run_dir is None else CHECKPOINT_EVERY,
    )
    loss = PairLoss(settings.safety_weight)
    return train(
        model, loader, train_settings, loss=loss, precision=precision, run_dir=run_dir, description=description
    )


def _check_pairs(model: RewardModel, pairs: Sequence[EncodedPair], settings: RewardSettings) -> None:
    longest = max((pair.width for pair in pairs), default=0)
    if longest > model.args.max_seq_len:
        raise ValueError(
            f"a pair has {longest} tokens, the model reads {model.args.max_seq_len}; encode with max_seq_len to drop it"
        )
    if settings.safety_weight and pairs and all(pair.answers_safe is None for pair in pairs):
        raise ValueError("safety_weight is set, but no pair has a safety label; use pairs whose safety was compared")
