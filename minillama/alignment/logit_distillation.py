"""Knowledge distillation (Hinton et al. 2015): a student learns the teacher's whole distribution, softened.

Rejection sampling teaches a smaller model by samples of a larger one. A sample says one token; a distribution says,
at each place, what else could have stood there. Softening by a temperature lets the small probabilities count.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from minillama.alignment.context_kl import answer_logits
from minillama.alignment.sft import SFTSettings, train_sft
from minillama.chat import DialogTokens
from minillama.data.collate import IGNORE, Batch
from minillama.model import Transformer
from minillama.training.loss import LossFunction
from minillama.training.precision import Precision
from minillama.training.trainer import TrainReport


@dataclass(frozen=True, kw_only=True)
class DistillationSettings:
    """How to distil. Llama 2 does so by samples alone; ``paper()`` holds what Hinton et al. found best for speech.

    Attributes:
        temperature: divides both models' logits.
        hard_weight: weight of the ordinary loss on the examples' own tokens beside the distillation loss, which has
            weight 1. Here 0, plain distillation: the answers are the teacher's, so their tokens say nothing new.
        sft: of the optimiser and the rows, as in supervised fine-tuning.

    Raises:
        ValueError: a value is out of range.
    """

    temperature: float = 2.0
    hard_weight: float = 0.0
    sft: SFTSettings = field(default_factory=SFTSettings)

    def __post_init__(self) -> None:
        _check_temperature(self.temperature)
        if not 0 <= self.hard_weight < float("inf"):
            raise ValueError(f"hard_weight is {self.hard_weight}; it must be 0 or more")

    @classmethod
    def paper(cls) -> "DistillationSettings":
        """Hinton et al. 2015, section 4 (speech): temperature 2, relative weight 0.5 on the true labels.

        The rest is Llama 2's recipe for fine-tuning.
        """
        return cls(temperature=2.0, hard_weight=0.5, sft=SFTSettings.paper())


def distillation_loss(
    student_logits: Float[Tensor, "*places vocab"],
    teacher_logits: Float[Tensor, "*places vocab"],
    mask: Shaped[Tensor, "*places"],
    temperature: float,
) -> Float[Tensor, ""]:
    """T^2 KL(teacher || student) at temperature T, the mean over the places that count, in nats.

    Softening by T makes the gradient smaller by T^2 (a factor 1/T from the logits, another from probabilities that come
    closer); the factor T^2 gives it back, so that the learning rate, and the weight of another loss beside it, need not
    follow the temperature.

    Args:
        student_logits: of the next token at each place; gradients flow here only.
        teacher_logits: the same for the teacher.
        mask: not 0 at the places that count.
        temperature: above 0.

    Raises:
        ValueError: a temperature of 0 or less, a mask that is 0 everywhere, or a logit that is NaN where it counts.

    Source: Hinton et al. 2015, section 2.
    """
    counts = mask.bool()
    if not bool(counts.any()):
        raise ValueError("the mask is 0 everywhere; at least one place must count")
    student, teacher = student_logits[counts], teacher_logits[counts]
    for name, logits in (("student", student), ("teacher", teacher)):
        if bool(logits.isnan().any()):
            raise ValueError(f"the {name}'s logits hold NaN; its weights may do so")
    return _summed_divergence(student, teacher, temperature) / student.shape[0]


def train_distilled(
    student: Transformer,
    teacher: Transformer,
    examples: Sequence[DialogTokens],
    settings: DistillationSettings,
    *,
    precision: Precision | None = None,
    run_dir: Path | str | None = None,
    description: str = "distilling",
) -> TrainReport:
    """Train a student in place to give the teacher's distributions wherever the examples' loss mask is 1.

    Args:
        student: the model that learns.
        teacher: another with the same tokenizer; its weights and mode stay as they are.
        examples: dialogues, best with answers of the teacher itself.
        settings: of the loss and the training.
        precision: where and in which format to compute; detected where not given.
        run_dir: folder for metrics and checkpoints; the same call made again goes on from there.
        description: shown beside the progress bar.

    Raises:
        ValueError: the vocabularies differ in size, student and teacher are one model, or what `train_sft` refuses.
    """
    if student is teacher:
        raise ValueError("student and teacher are the same model; there is nothing to learn, copy one of them")
    if student.args.vocab_size != teacher.args.vocab_size:
        raise ValueError(
            f"the student has {student.args.vocab_size} ids and the teacher {teacher.args.vocab_size}; "
            "distilling logits needs one tokenizer for both"
        )
    precision = precision or Precision.detect()
    with _evaluating(teacher.to(precision.device)):
        return train_sft(
            student,
            examples,
            settings.sft,
            loss=_distilled_loss(teacher, settings),
            precision=precision,
            run_dir=run_dir,
            description=description,
        )


def _distilled_loss(teacher: Transformer, settings: DistillationSettings) -> LossFunction:
    """The trainer's loss function: the sum over a batch's targets and their number."""

    def loss(student: nn.Module, batch: Batch) -> tuple[Tensor, int]:
        with torch.no_grad():
            wanted = answer_logits(teacher, batch)
        found = answer_logits(student, batch)
        total = _summed_divergence(found, wanted, settings.temperature)
        if settings.hard_weight:
            labels = batch.targets[batch.targets != IGNORE]
            total = total + settings.hard_weight * F.cross_entropy(found, labels, reduction="sum")
        return total, len(found)

    return loss


def _summed_divergence(
    student_logits: Float[Tensor, "places vocab"], teacher_logits: Float[Tensor, "places vocab"], temperature: float
) -> Float[Tensor, ""]:
    _check_temperature(temperature)
    student = torch.log_softmax(student_logits.float() / temperature, dim=-1)
    teacher = torch.log_softmax(teacher_logits.detach().float() / temperature, dim=-1)
    # Where the teacher is certain that a token does not come, 0 * log 0 counts as 0.
    gap = (teacher - student).masked_fill(teacher == -torch.inf, 0)
    return temperature**2 * (teacher.exp() * gap).sum()


def _check_temperature(temperature: float) -> None:
    if not 0 < temperature < float("inf"):
        raise ValueError(f"temperature is {temperature}; it must be a number above 0, such as 2")


@contextmanager
def _evaluating(model: Transformer) -> Iterator[None]:
    """Evaluation mode, and the mode it was in again afterwards."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
