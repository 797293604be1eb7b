"""Distilling logits: the loss by hand, why it has the factor T squared, and a student that learns from a teacher."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minillama.alignment import SFTSettings
from minillama.alignment.logit_distillation import DistillationSettings, distillation_loss, train_distilled
from minillama.chat import DialogTokens
from minillama.model import ModelArgs, Transformer
from minillama.training import Precision

CPU = Precision.detect("cpu", "float32")
VOCAB = 12
SFT = SFTSettings(epochs=15, peak_lr=1e-2, batch_size=2, seq_len=32)


def model_of(dim, seed, vocab_size=VOCAB):
    torch.manual_seed(seed)
    args = ModelArgs(dim=dim, n_layers=1, n_heads=2, vocab_size=vocab_size, multiple_of=8, max_seq_len=32)
    return Transformer(args)


@pytest.fixture(scope="module")
def examples():
    rows = [(1, token, 4, 5, other, 2) for token in range(3, VOCAB) for other in range(3, 7)]
    return [DialogTokens(row, (0, 0, 0, 1, 1, 1)) for row in rows]


def tensor(*rows):
    return torch.tensor(rows, dtype=torch.float32)


def test_hand_computed_at_two_temperatures():
    """Teacher 3/4, 1/4; student 1/2, 1/2: KL = 3/4 log(3/2) + 1/4 log(1/2). Softened by 2: sqrt(3) to 1, times 4."""
    teacher, student, mask = tensor([math.log(3), 0.0]), tensor([0.0, 0.0]), torch.ones(1)
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert distillation_loss(student, teacher, mask, 1.0).item() == pytest.approx(expected)
    p = math.sqrt(3) / (1 + math.sqrt(3))
    softened = 4 * (p * math.log(2 * p) + (1 - p) * math.log(2 * (1 - p)))
    assert distillation_loss(student, teacher, mask, 2.0).item() == pytest.approx(softened)


def test_mean_over_the_places_that_count_only():
    teacher = torch.randn(2, 3, 5)
    student = torch.randn(2, 3, 5, requires_grad=True)
    mask = torch.tensor([[0, 1, 1], [0, 0, 1]])
    loss = distillation_loss(student, teacher, mask, 1.5)
    places = [(0, 1), (0, 2), (1, 2)]
    alone = [distillation_loss(student[at][None], teacher[at][None], torch.ones(1), 1.5) for at in places]
    assert loss.item() == pytest.approx(sum(each.item() for each in alone) / 3, rel=1e-5)
    loss.backward()
    assert (student.grad.abs().sum(dim=-1) > 0).tolist() == mask.bool().tolist()


def test_what_stands_where_the_mask_is_0_changes_nothing():
    teacher, student, mask = torch.randn(2, 5), torch.randn(2, 5), torch.tensor([True, False])
    before = distillation_loss(student, teacher, mask, 2.0)
    student[1], teacher[1] = torch.nan, torch.nan
    assert torch.equal(distillation_loss(student, teacher, mask, 2.0), before)


def gradient(temperature, scale, seed=0):
    generator = torch.Generator().manual_seed(seed)
    teacher = scale * torch.randn(1, 6, generator=generator)
    student = (scale * torch.randn(1, 6, generator=generator)).requires_grad_()
    distillation_loss(student, teacher, torch.ones(1), temperature).backward()
    gap = (student - teacher).detach()
    return student.grad, (gap - gap.mean()) / 6


@pytest.mark.parametrize("temperature", [10.0, 100.0])
def test_the_gradients_size_does_not_depend_on_the_temperature(temperature):
    """To first order it is (z - v) / vocabulary for logits z, v of mean 0 (Hinton et al., section 2.1)."""
    found, expected = gradient(temperature, scale=1.0)
    torch.testing.assert_close(found, expected, rtol=0.3, atol=3 / temperature / 6)
    assert (found.norm() / expected.norm()).item() == pytest.approx(1, abs=2 / temperature)


def test_without_the_factor_the_gradient_would_vanish_with_the_square():
    """The break: divide the factor out again, and from T = 10 to T = 100 a hundredth of the gradient is left."""
    hot, hotter = gradient(10.0, 1.0)[0], gradient(100.0, 1.0)[0]
    assert (hotter.norm() / hot.norm()).item() == pytest.approx(1, abs=0.2)
    assert ((hotter.norm() / 100**2) / (hot.norm() / 10**2)).item() == pytest.approx(0.01, rel=0.2)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), temperature=st.floats(0.5, 8))
def test_never_negative_and_zero_for_equal_distributions(seed, temperature):
    generator = torch.Generator().manual_seed(seed)
    student, teacher = 3 * torch.randn(2, 4, 7, generator=generator)
    mask = torch.ones(4)
    assert distillation_loss(student, teacher, mask, temperature).item() >= 0
    assert distillation_loss(student, student + 5, mask, temperature).item() == pytest.approx(0, abs=1e-4)


def test_a_token_the_teacher_rules_out_counts_nothing_and_gives_no_nan():
    student = tensor([0.0, 0.0, -torch.inf]).requires_grad_()
    loss = distillation_loss(student, tensor([1.0, 0.0, -torch.inf]), torch.ones(1), 1.0)
    loss.backward()
    p = math.e / (1 + math.e)
    assert loss.item() == pytest.approx(p * math.log(2 * p) + (1 - p) * math.log(2 * (1 - p)), abs=1e-6)
    assert student.grad.isfinite().all()


def test_the_teacher_gets_no_gradient():
    teacher, student = torch.randn(2, 5, requires_grad=True), torch.randn(2, 5, requires_grad=True)
    distillation_loss(student, teacher, torch.ones(2), 2.0).backward()
    assert teacher.grad is None
    assert student.grad is not None


@pytest.mark.parametrize(
    ("student", "teacher", "mask", "temperature", "message"),
    [
        (torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(2), 1.0, "mask is 0 everywhere"),
        (torch.zeros(2, 3), torch.zeros(2, 3), torch.ones(2), 0.0, "temperature is 0.0"),
        (torch.zeros(2, 3), torch.zeros(2, 3), torch.ones(2), math.nan, "temperature is nan"),
        (torch.full((2, 3), math.nan), torch.zeros(2, 3), torch.ones(2), 1.0, "student's logits hold NaN"),
        (torch.zeros(2, 3), torch.full((2, 3), math.nan), torch.ones(2), 1.0, "teacher's logits hold NaN"),
    ],
)
def test_faults_are_named(student, teacher, mask, temperature, message):
    with pytest.raises(ValueError, match=message):
        distillation_loss(student, teacher, mask, temperature)


def distance(student, teacher, examples):
    tokens = torch.tensor([example.tokens for example in examples])
    mask = torch.tensor([example.loss_mask for example in examples])[:, 1:]
    with torch.no_grad():
        return distillation_loss(student(tokens)[:, :-1], teacher(tokens)[:, :-1], mask, 1.0).item()


@pytest.mark.parametrize(("teacher_counts", "closer"), [(True, True), (False, False)])
def test_a_small_student_comes_close_to_the_teachers_distribution(examples, teacher_counts, closer):
    """The break: with the labels alone (no teacher's term to speak of) it learns them, not the teacher."""
    teacher, student = model_of(32, seed=1), model_of(16, seed=2)
    teacher.train()
    weights = {name: value.clone() for name, value in teacher.state_dict().items()}
    before = distance(student, teacher, examples)
    hard = 0.0 if teacher_counts else 1e4
    report = train_distilled(student, teacher, examples, DistillationSettings(hard_weight=hard, sft=SFT), precision=CPU)
    assert (distance(student, teacher, examples) < before / 10) is closer
    assert report.losses[-1] < report.losses[0]
    assert teacher.training
    assert all(torch.equal(weights[name], value) for name, value in teacher.state_dict().items())
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_the_first_loss_of_training_is_that_of_the_function(examples):
    teacher, student = model_of(32, seed=1), model_of(16, seed=2)
    tokens = torch.tensor([example.tokens for example in examples])
    mask = torch.tensor([example.loss_mask for example in examples])[:, 1:]
    with torch.no_grad():
        logits = student(tokens)[:, :-1]
        soft = distillation_loss(logits, teacher(tokens)[:, :-1], mask, 3.0)
        chosen = mask.bool()
        hard = torch.nn.functional.cross_entropy(logits[chosen], tokens[:, 1:][chosen])
    sft = SFTSettings(epochs=1, batch_size=len(examples), seq_len=6)
    both = DistillationSettings(temperature=3.0, hard_weight=0.5, sft=sft)
    report = train_distilled(student, teacher, examples, both, precision=CPU)
    assert report.losses[0] == pytest.approx((soft + 0.5 * hard).item(), rel=1e-5)


def test_models_that_cannot_be_student_and_teacher_are_refused(examples):
    teacher = model_of(16, seed=1)
    with pytest.raises(ValueError, match="same model"):
        train_distilled(teacher, teacher, examples, DistillationSettings())
    with pytest.raises(ValueError, match="12 ids and the teacher 13"):
        train_distilled(teacher, model_of(16, 1, vocab_size=13), examples, DistillationSettings())


@pytest.mark.parametrize("wrong", [{"temperature": 0.0}, {"temperature": -1.0}, {"hard_weight": -0.1}])
def test_settings_name_what_is_wrong(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DistillationSettings(**wrong)


def test_the_papers_recipe_is_named():
    paper = DistillationSettings.paper()
    assert (paper.temperature, paper.hard_weight, paper.sft) == (2.0, 0.5, SFTSettings.paper())
