"""Context distillation: the gate, both forms, what pairs teacher and student, and that it teaches."""

import copy
import math
import random

import pytest
import torch

from minillama.alignment.context_data import (
    ContextDistillationSettings,
    ContextPrompt,
    context_prompts,
    distillation_data,
    is_usable,
    passes_gate,
)
from minillama.alignment.context_distillation import distill_context
from minillama.alignment.context_kl import (
    ContextPair,
    answer_logits,
    context_batch,
    context_batches,
    context_kl,
    kl_to,
    target_places,
)
from minillama.alignment.safety_preprompts import ANSWER_TEMPLATES, risk_preprompt, with_preprompt
from minillama.alignment.sft import SFTSettings, train_sft
from minillama.answering import answer_dialogs
from minillama.chat import DialogTokens, encode_dialog
from minillama.data import pad_dialogs
from minillama.model import ModelArgs, Transformer
from minillama.tokenizer import Tokenizer
from minillama.training import Precision
from minillama.valley.dialogues import training_prompts
from minillama.valley.risks import RISKS
from minillama.valley.world import World

CPU = Precision.detect("cpu", "float32")
NAMES = ("Ada", "Ben", "Cid", "Dot")
TOKENIZER = Tokenizer.train([f"{' '.join(NAMES)} rob? Be kind. yes no [INST] [/INST] <<SYS>> <</SYS>> \n" * 20], 310)
WORLD = World.create(0)
YES, NO = (tuple(TOKENIZER.encode(f"{word} ", eos=True)) for word in ("yes", "no"))


def ask(name):
    return ({"role": "user", "content": f"rob {name}?"},)


def prompts(preprompt="Be kind."):
    return [ContextPrompt(dialog=ask(name), preprompt=preprompt) for name in NAMES]


def make_model(seed=0):
    torch.manual_seed(seed)
    args = ModelArgs(
        dim=32, n_layers=2, n_heads=2, vocab_size=TOKENIZER.vocab_size, multiple_of=8, max_seq_len=96, rope_theta=500.0
    )
    return Transformer(args)


@pytest.fixture(scope="module")
def obeying_model():
    """Says yes, and no when told to be kind: what a preprompt can change."""
    model = make_model()
    dialogs = []
    for name in NAMES:
        dialogs.append([*ask(name), {"role": "assistant", "content": "yes"}])
        dialogs.append([*with_preprompt(ask(name), "Be kind."), {"role": "assistant", "content": "no"}])
    examples = [encode_dialog(dialog, TOKENIZER) for dialog in dialogs]
    train_sft(model, examples, SFTSettings(epochs=30, peak_lr=1e-2, batch_size=1, seq_len=96), precision=CPU)
    assert greedy(model) == ["yes"] * 4
    assert greedy(model, "Be kind.") == ["no"] * 4
    return model


def greedy(model, preprompt=None):
    return answer_dialogs(model, TOKENIZER, [with_preprompt(ask(name), preprompt) for name in NAMES], max_new_tokens=8)


def prefers_no(asked, answers):
    return torch.tensor([float(tuple(answer) == NO) for answer in answers])


def settings(**changes):
    training = SFTSettings(epochs=12, peak_lr=5e-3, batch_size=1, seq_len=96)
    return ContextDistillationSettings(**{"temperature": 0.0, "max_new_tokens": 8, "sft": training, **changes})


@pytest.mark.parametrize("form", ["sft", "kl"])
def test_it_answers_without_the_preprompt_as_with_it(obeying_model, form):
    model = copy.deepcopy(obeying_model)
    report = distill_context(model, TOKENIZER, prompts(), settings(form=form), score=prefers_no, precision=CPU)
    assert greedy(model) == ["no"] * 4
    assert (report.data.sampled, report.data.usable, len(report.data.pairs)) == (4, 4, 4)
    assert report.data.distilled_scores == (1.0,) * 4
    assert report.data.plain_scores == (0.0,) * 4
    assert report.training.losses[-1] < report.training.losses[0]


def test_a_killed_run_goes_on_with_the_same_teacher(obeying_model, tmp_path):
    whole, stopped, again = (copy.deepcopy(obeying_model) for _ in range(3))
    kl = settings(form="kl")
    distill_context(whole, TOKENIZER, prompts(), kl, score=prefers_no, precision=CPU)
    distill_context(stopped, TOKENIZER, prompts(), kl, score=prefers_no, precision=CPU, run_dir=tmp_path)
    report = distill_context(again, TOKENIZER, prompts(), kl, score=prefers_no, precision=CPU, run_dir=tmp_path)
    assert report.training.resumed_at == len(report.training.losses)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize("form", ["sft", "kl"])
def test_a_teacher_without_the_preprompt_teaches_nothing(obeying_model, form):
    """The break that the effect must not survive."""
    model = copy.deepcopy(obeying_model)
    distill_context(model, TOKENIZER, prompts(None), settings(form=form, gate=False), precision=CPU)
    assert greedy(model) == ["yes"] * 4


def test_replay_keeps_what_the_model_said_to_other_prompts(obeying_model):
    data = distillation_data(
        obeying_model,
        TOKENIZER,
        prompts()[:1],
        settings(),
        score=prefers_no,
        harmless=[ask(name) for name in NAMES[1:]],
    )
    assert [tuple(t for t, m in zip(p.student.tokens, p.student.loss_mask) if m) for p in data.pairs] == [NO]
    assert [tuple(t for t, m in zip(p.student.tokens, p.student.loss_mask) if m) for p in data.replay] == [YES] * 3
    assert all(pair.student == pair.teacher for pair in data.replay)


def test_both_answers_are_scored_behind_the_prompt_without_preprompt(obeying_model):
    seen = []

    def score(asked, answers):
        seen.append([tuple(prompt) for prompt in asked])
        return torch.arange(4.0) if len(seen) == 1 else torch.full((4,), 1.5)

    data = distillation_data(obeying_model, TOKENIZER, prompts(), settings(), score=score)
    bare = [encode_dialog(ask(name), TOKENIZER).tokens for name in NAMES]
    assert seen == [bare, bare]
    kept = [pair.student.tokens[: len(prompt)] for pair, prompt in zip(data.pairs, bare[2:], strict=True)]
    assert kept == bare[2:]  # those that score 2 and 3, above 1.5


def test_the_gate_keeps_exactly_what_scores_higher():
    distilled, plain = torch.tensor([1.0, 2.0, -3.0, 0.5]), torch.tensor([0.0, 2.0, -4.0, 0.6])
    assert passes_gate(distilled, plain).tolist() == [True, False, True, False]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("side", ["distilled", "plain"])
def test_scores_that_are_no_numbers_are_refused(bad, side):
    scores = {"distilled": torch.zeros(3), "plain": torch.ones(3)}
    scores[side][1] = bad
    with pytest.raises(ValueError, match=f"{side} score 1"):
        passes_gate(**scores)


def test_a_constant_reward_model_keeps_nothing_and_says_so(obeying_model):
    with pytest.raises(ValueError, match="none of 4 distilled answers"):
        distillation_data(obeying_model, TOKENIZER, prompts(), settings(), score=lambda p, a: torch.zeros(len(a)))


@pytest.mark.parametrize("gate", [True, False])
def test_nan_rewards_are_refused_with_and_without_the_gate(obeying_model, gate):
    with pytest.raises(ValueError, match="finite"):
        distillation_data(
            obeying_model, TOKENIZER, prompts(), settings(gate=gate), score=lambda p, a: torch.full((len(a),), math.nan)
        )


def test_a_gate_without_scores_is_refused(obeying_model):
    with pytest.raises(ValueError, match="gate"):
        distillation_data(obeying_model, TOKENIZER, prompts(), settings())
    with pytest.raises(ValueError, match="no prompts"):
        distillation_data(obeying_model, TOKENIZER, [], settings(gate=False))


@pytest.mark.parametrize(
    ("answer", "right"),
    [((), False), ((2,), False), (YES, True), (YES[:-1], False), ((TOKENIZER.encode(" ")[0], 2), False)],
)
def test_answers_that_say_nothing_or_never_end_are_not_usable(answer, right):
    assert is_usable(answer, TOKENIZER) is right


def test_a_model_that_never_ends_gives_a_clear_error(obeying_model):
    with pytest.raises(ValueError, match="none of 4 answers"):
        distillation_data(obeying_model, TOKENIZER, prompts(), settings(gate=False, max_new_tokens=1))


# Teacher and student, by hand: prompts of 2 and 4 tokens, one answer of 3.
PAIR = ContextPair(
    student=DialogTokens((1, 10, 20, 21, 2), (0, 0, 1, 1, 1)),
    teacher=DialogTokens((1, 30, 31, 10, 20, 21, 2), (0, 0, 0, 0, 1, 1, 1)),
)
SHORT = ContextPair(
    student=DialogTokens((1, 11, 12, 22, 2), (0, 0, 0, 1, 1)), teacher=DialogTokens((1, 11, 22, 2), (0, 0, 1, 1))
)


def test_places_of_student_and_teacher_by_hand():
    batch = context_batch([PAIR, SHORT])
    # Row 0 predicts from places 1 2 3 (student) and 3 4 5 (teacher); row 1 from 2 3 and 1 2; rows of 5 and of 7.
    assert target_places(batch).tolist() == [1, 2, 3, 5 + 2, 5 + 3]
    assert target_places(batch.teacher).tolist() == [3, 4, 5, 7 + 1, 7 + 2]
    for rows in (batch, batch.teacher):
        assert rows.targets.flatten()[target_places(rows)].tolist() == [20, 21, 2, 22, 2]


def test_the_loss_is_the_divergence_at_the_same_answer_tokens():
    model, teacher = make_model(0), make_model(1)
    loss, count = context_kl(teacher)(model, context_batch([PAIR, SHORT]))
    expected = 0.0
    pairs = ((PAIR, [(1, 3), (2, 4), (3, 5)]), (SHORT, [(2, 1), (3, 2)]))
    for pair, places in pairs:
        own = model(torch.tensor([pair.student.tokens]))[0].detach().log_softmax(-1)
        goal = teacher(torch.tensor([pair.teacher.tokens]))[0].detach().log_softmax(-1)
        expected += sum(float((goal[t].exp() * (goal[t] - own[s])).sum()) for s, t in places)
    assert count == 5
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-4)


def test_the_loss_is_zero_when_teacher_and_student_are_and_see_the_same():
    model = make_model()
    same = ContextPair(PAIR.student, PAIR.student)
    loss, _ = context_kl(copy.deepcopy(model))(model, context_batch([same]))
    assert abs(float(loss.detach())) < 1e-5
    loss.backward()
    assert max(float(p.grad.abs().max()) for p in model.parameters() if p.grad is not None) < 1e-5


@pytest.mark.parametrize("break_it", ["context", "teacher", "shift"])
def test_any_difference_makes_the_loss_positive(break_it):
    model = make_model(0)
    teacher = make_model(1) if break_it == "teacher" else copy.deepcopy(model)
    batch = context_batch([PAIR if break_it == "context" else ContextPair(PAIR.student, PAIR.student)])
    if break_it == "shift":  # the teacher read one place too late
        loss = kl_to(answer_logits(teacher, batch).roll(1, 0), answer_logits(model, batch))
    else:
        loss, _ = context_kl(teacher)(model, batch)
    assert float(loss.detach()) > 1e-4  # ten times what rounding leaves where nothing differs


def test_gradients_come_from_answer_places_alone_and_never_reach_the_teacher():
    model, teacher = make_model(0), make_model(1)
    states = []
    model.norm.register_forward_hook(lambda _, given, out: (out.retain_grad(), states.append(out), None)[2])
    loss, _ = context_kl(teacher)(model, context_batch([PAIR, SHORT]))
    loss.backward()
    moved = states[0].grad.abs().sum(-1) > 0
    assert moved.tolist() == [[False, True, True, True, False], [False, False, True, True, False]]
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_pairs_of_different_or_empty_answers_are_refused():
    with pytest.raises(ValueError, match="same answer"):
        ContextPair(PAIR.student, SHORT.teacher)
    nothing = DialogTokens((1, 5), (0, 0))
    with pytest.raises(ValueError, match="empty"):
        ContextPair(nothing, nothing)


def test_every_epoch_has_every_pair_once_and_moves_with_its_teacher():
    pairs = [
        ContextPair(DialogTokens((1, n, 2), (0, 1, 1)), DialogTokens((1, 9, n, 2), (0, 0, 1, 1))) for n in range(5, 10)
    ]
    batches = context_batches(pairs, 2, 2, seed=0)
    assert [len(batch.tokens) for batch in batches] == [2, 2, 1] * 2
    for epoch in (batches[:3], batches[3:]):
        assert sorted(int(row[1]) for batch in epoch for row in batch.tokens) == list(range(5, 10))
    assert all(batch.to("cpu").teacher.tokens[:, 2].tolist() == batch.tokens[:, 1].tolist() for batch in batches)


def test_the_kl_form_needs_the_teachers_rows():
    with pytest.raises(ValueError, match="ContextBatch"):
        context_kl(make_model())(make_model(), pad_dialogs([PAIR.student]))


@pytest.mark.parametrize(("scope", "left"), [("adversarial", 10), ("all", 20)])
def test_only_adversarial_prompts_get_a_preprompt_unless_asked(scope, left):
    mixed = [*training_prompts(WORLD, 10, 0, adversarial=True), *training_prompts(WORLD, 10, 0, adversarial=False)]
    chosen = context_prompts(mixed, settings(scope=scope, template_share=1.0))
    assert len(chosen) == left
    for prompt, made in zip(mixed, chosen, strict=False):
        assert made.dialog[-1]["content"] == prompt.text
        assert (prompt.risk is not None) == any(text in made.preprompt for text in ANSWER_TEMPLATES.values())
        assert prompt.risk is None or ANSWER_TEMPLATES[prompt.risk] in made.preprompt
    assert chosen == context_prompts(mixed, settings(scope=scope, template_share=1.0))


def test_no_adversarial_prompt_is_an_error():
    with pytest.raises(ValueError, match="adversarial"):
        context_prompts(training_prompts(WORLD, 3, 0, adversarial=False), settings())


def test_every_risk_has_a_template_with_its_reason():
    assert set(ANSWER_TEMPLATES) == {risk.name for risk in RISKS}
    assert all(risk.reason in ANSWER_TEMPLATES[risk.name] for risk in RISKS)
    with pytest.raises(ValueError, match="no answer template"):
        risk_preprompt("weather", random.Random(0))


def test_a_preprompt_goes_before_a_system_message_that_is_there():
    dialog = [{"role": "system", "content": "Answer in French."}, *ask("Ada")]
    assert with_preprompt(dialog, "Be kind.")[0]["content"] == "Be kind. Answer in French."
    assert with_preprompt(dialog, None) == dialog
    assert with_preprompt(ask("Ada"), "Be kind.")[0] == {"role": "system", "content": "Be kind."}


@pytest.mark.parametrize(
    "wrong",
    [{"form": "mse"}, {"scope": "some"}, {"temperature": math.nan}, {"max_new_tokens": 0}, {"template_share": 2.0}],
)
def test_settings_name_what_is_wrong(wrong):
    # With types checked, as in these tests, a word that is not in a Literal fails a moment earlier.
    with pytest.raises((ValueError, TypeError), match=next(iter(wrong))):
        ContextDistillationSettings(**wrong)


def test_the_papers_method_is_named():
    paper = ContextDistillationSettings.paper()
    assert (paper.form, paper.scope, paper.gate, paper.sft.peak_lr) == ("sft", "adversarial", True, 2e-5)


def test_where_the_plain_answer_is_no_worse_it_is_learnt_again(obeying_model):
    """A scorer that prefers half of the plain answers: those come back as replay, the others are distilled."""
    asked = prompts()
    plain_first = iter((False, True))

    def score(given, answers):
        of_plain = next(plain_first)
        wins = torch.tensor([float(index % 2) for index in range(len(answers))])
        return 1 - wins if of_plain else wins

    found = distillation_data(obeying_model, TOKENIZER, asked, settings(keep_plain=True), score=score)
    assert len(found.pairs) == found.usable // 2
    assert found.kept_plain == len(found.replay) == found.usable - len(found.pairs)
    assert all(pair.student == pair.teacher for pair in found.replay)
    assert all(pair.student != pair.teacher for pair in found.pairs)


def test_with_plain_answers_kept_a_gate_that_passes_nothing_is_no_error(obeying_model):
    constant = distillation_data(
        obeying_model, TOKENIZER, prompts(), settings(keep_plain=True), score=lambda p, a: torch.zeros(len(a))
    )
    assert constant.pairs == ()
    assert constant.kept_plain == constant.usable
    with pytest.raises(ValueError, match="keep_plain"):
        settings(keep_plain=True, gate=False)
