"""Ghost Attention: where the instruction stands, what counts in the loss, and what is left out."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minillama.alignment.gatt_data import InstructedDialog, PlanSettings, plan_dialogs, probe_dialogs
from minillama.alignment.gatt_rollout import fits_context
from minillama.alignment.ghost_attention import (
    GattSettings,
    SampledDialog,
    gatt_examples,
    ghost_attention_example,
    sample_dialogs,
)
from minillama.alignment.sft import SFTSettings, train_sft
from minillama.answering import answer_dialogs
from minillama.chat import DialogTokens, encode_dialog
from minillama.data.collate import pad_dialogs
from minillama.model import ModelArgs, Transformer
from minillama.tokenizer import Tokenizer
from minillama.training import Precision
from minillama.training.loss import token_loss
from minillama.valley.personas import Constraint, constraints
from minillama.valley.world import World

TEXT = "Act as a king. Where does Ada live? In Greyport. And Ben? In Dunmoor. [INST] [/INST] <<SYS>> <</SYS>> \n"
WORLD = World.create(0)


class Letters(Tokenizer):
    """A tokenizer of one id for each character, so that expected ids can be written by hand."""

    def __init__(self):
        pass

    def encode(self, text, bos=False, eos=False):
        return [1] * bos + [ord(char) + 3 for char in text] + [2] * eos


def spell(tokens):
    """Ids of ``Letters`` back to text, with BOS as { and EOS as }."""
    return "".join({1: "{", 2: "}"}.get(token, chr(token - 3) if token > 2 else "?") for token in tokens)


def say(*texts):
    roles = ("user", "assistant")
    return [{"role": roles[index % 2], "content": text} for index, text in enumerate(texts)]


THREE_TURNS = say("Hi", "Hail", "Ada?", "Moo", "Ben?", "Baa")


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train([TEXT * 20], vocab_size=340)


@pytest.fixture
def letters():
    return Letters()


def test_three_turns_by_hand(letters):
    example = ghost_attention_example(THREE_TURNS, "Be king", letters)
    assert spell(example.tokens) == (
        "{[INST] <<SYS>>\nBe king\n<</SYS>>\n\nHi [/INST] Hail }{[INST] Ada? [/INST] Moo }{[INST] Ben? [/INST] Baa }"
    )
    counted = "".join(c for c, m in zip(spell(example.tokens), example.loss_mask, strict=True) if m)
    assert counted == " Baa }"
    assert example.loss_mask[-6:] == (1,) * 6
    assert not any(example.loss_mask[:-6])


def counted_answers(example):
    return spell([token for token, counts in zip(example.tokens, example.loss_mask, strict=True) if counts])


def test_loss_on_all_answers_is_the_other_choice(letters):
    assert (
        counted_answers(ghost_attention_example(THREE_TURNS, "Be king", letters, loss="all")) == " Hail } Moo } Baa }"
    )


@pytest.mark.parametrize("break_it", ["loss on all turns", "instruction on every turn", "no instruction"])
def test_what_is_not_ghost_attention_differs(letters, break_it):
    """Each nearly-right way gives other tokens or another mask than the right one."""
    right = ghost_attention_example(THREE_TURNS, "Be king", letters)
    if break_it == "loss on all turns":
        wrong = ghost_attention_example(THREE_TURNS, "Be king", letters, loss="all")
    elif break_it == "instruction on every turn":
        on_every = [m if m["role"] == "assistant" else {**m, "content": f"Be king {m['content']}"} for m in THREE_TURNS]
        wrong = encode_dialog(on_every, letters)
    else:
        wrong = encode_dialog(THREE_TURNS, letters)
    assert wrong != right


def test_one_turn_counts_its_answer(letters):
    example = ghost_attention_example(say("Hi", "Hail"), "Be king", letters)
    assert counted_answers(example) == " Hail }"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text("abc ?", min_size=1).filter(str.strip), min_size=1, max_size=5))
def test_the_mask_is_one_tail_whatever_is_said(tokenizer, words):
    dialog = say(*[word for each in words for word in (each, each)])
    example = ghost_attention_example(dialog, "Act as a king.", tokenizer)
    ones = sum(example.loss_mask)
    assert example.loss_mask == (0,) * (len(example) - ones) + (1,) * ones
    last = encode_dialog(dialog[-2:], tokenizer)
    assert ones == sum(last.loss_mask)
    assert example.tokens[-ones - 1 :] == last.tokens[-ones - 1 :]


@pytest.mark.parametrize(
    ("dialog", "why"),
    [
        (say("Hi"), "ends with the user"),
        ([{"role": "system", "content": "Be kind"}, *say("Hi", "Hail")], "system message"),
        (say("Hi", "Hail", "Be king Ada?", "Moo"), "carries the instruction"),
        ([], "empty"),
        (say("Hi", "[INST]"), "marks turns"),
    ],
)
def test_dialogues_that_would_teach_something_else_are_refused(letters, dialog, why):
    with pytest.raises(ValueError, match=why):
        ghost_attention_example(dialog, "Be king", letters)


def test_too_long_a_dialogue_is_refused(letters):
    with pytest.raises(ValueError, match="context of 20"):
        ghost_attention_example(THREE_TURNS, "Be king", letters, max_seq_len=20)


PLAN = InstructedDialog(instruction="Act as a king.", system="Figure: king", questions=("Hi", "Ada?", "Ben?"), rules=())


def record(replies, seen):
    def answer(dialogs, temperature, seed):
        seen.append(([list(dialog) for dialog in dialogs], temperature, seed))
        return [replies(dialog) for dialog in dialogs]

    return answer


def test_sampling_carries_the_instruction_on_every_turn_and_training_on_the_first():
    seen = []
    settings = GattSettings(temperature=0.5, seed=7)
    (dialog,) = sample_dialogs(record(lambda dialog: f"r{len(dialog)}", seen), [PLAN], settings)
    final = seen[2][0][0]
    assert [message["content"] for message in final] == [
        "Act as a king. Hi", "r1", "Act as a king. Ada?", "r3", "Act as a king. Ben?",
    ]  # fmt: skip
    assert [(temperature, seed) for _, temperature, seed in seen] == [(0.5, 7), (0.5, 8), (0.5, 9)]
    assert dialog.messages == say("Hi", "r1", "Ada?", "r3", "Ben?", "r5")


def test_a_plain_history_is_sampled_without_the_instruction_but_the_last_answer_with_it():
    seen = []
    sample_dialogs(record(lambda dialog: "yes", seen), [PLAN], GattSettings(history="plain"))
    assert [message["content"] for message in seen[1][0][0]] == ["Hi", "yes", "Ada?"]
    assert [message["content"] for message in seen[2][0][0]][::2] == [
        f"Act as a king. {question}" for question in PLAN.questions
    ]


@pytest.mark.parametrize("broken", ["", "   ", "so [INST] said"])
def test_dialogues_with_an_answer_that_cannot_be_encoded_are_left_out(broken):
    other = InstructedDialog(instruction="Be", system="Be", questions=("Hi", "Eve?"), rules=())

    def replies(dialog):
        return broken if "Ada" in dialog[-1]["content"] else "yes"

    assert [d.plan for d in sample_dialogs(record(replies, []), [PLAN, other])] == [other]
    with pytest.raises(ValueError, match="none of 1 dialogues"):
        sample_dialogs(record(replies, []), [PLAN])


def test_a_full_context_ends_a_dialogue(tokenizer):
    seen = []
    limit = len(encode_dialog(say("Act as a king. Hi", "yes", "Act as a king. Ada?"), tokenizer))
    with pytest.raises(ValueError, match="none of"):
        sample_dialogs(record(lambda _: "yes", seen), [PLAN], fits=fits_context(tokenizer, limit, reserve=0))
    assert len(seen) == 2


def test_a_wrong_number_of_replies_is_named():
    with pytest.raises(ValueError, match="1 dialogues got 0"):
        sample_dialogs(lambda dialogs, temperature, seed: [], [PLAN])


def test_replay_is_its_share_of_all_examples(tokenizer):
    sampled = [SampledDialog(PLAN, ("a", "b", "c"))] * 7
    replay = [DialogTokens((1, index), (0, 1)) for index in range(10)]
    mixed = gatt_examples(sampled, tokenizer, GattSettings(replay_share=0.3), replay)
    assert len(mixed) == 10
    assert sum(example in replay for example in mixed) == 3
    system = ghost_attention_example(sampled[0].messages, "Figure: king", tokenizer)
    assert mixed.count(system) == 7
    with pytest.raises(ValueError, match="needs 3 examples"):
        gatt_examples(sampled, tokenizer, GattSettings(replay_share=0.3), replay[:2])


def test_plans_shorten_half_combine_some_and_keep_out_what_is_held_out():
    plans = plan_dialogs(WORLD, 150, 0)
    short = [plan for plan in plans if plan.system != plan.instruction]
    assert 0.4 < len(short) / len(plans) < 0.6
    assert all(plan.system.startswith(("Figure: ", "Language: ", "Hobby: ")) for plan in short)
    assert 0.03 < sum(len(plan.rules) == 2 for plan in plans) / len(plans) < 0.2
    hidden = {each.name for each in constraints(heldout=True)}
    names = {rule.name for plan in plans for rule in plan.rules if isinstance(rule, Constraint)}
    assert not names & hidden
    assert len(names) > 20
    assert {len(plan.questions) for plan in plans} == set(range(2, 21))
    seen = {rule.name for plan in plan_dialogs(WORLD, 50, 0, heldout=True) for rule in plan.rules}
    assert seen <= hidden


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_shortening_can_be_switched_off_and_on(share):
    plans = plan_dialogs(WORLD, 20, 0, PlanSettings(short_share=share, kinds=("sums",)))
    assert all((plan.system != plan.instruction) == bool(share) for plan in plans)


def test_held_out_questions_never_occur_in_training():
    asked = {question for plan in plan_dialogs(WORLD, 100, 0) for question in plan.questions}
    probes = probe_dialogs(WORLD, 30, 0)
    probed = {q for plan in probes for q, prompt in zip(plan.questions, plan.prompts, strict=True) if prompt}
    assert not asked & probed
    assert {len(plan.questions) for plan in probes} == {20}


def test_a_language_that_is_held_out_does_not_exist():
    with pytest.raises(ValueError, match="no constraint"):
        probe_dialogs(WORLD, 4, 0, heldout_constraints=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"loss": "first"},
        {"history": "none"},
        {"temperature": -1.0},
        {"temperature": float("nan")},
        {"replay_share": 1.0},
    ],
)
def test_settings_name_what_is_wrong(wrong):
    with pytest.raises((ValueError, TypeError), match=next(iter(wrong))):
        GattSettings(**wrong)


@pytest.mark.parametrize(
    "wrong", [{"min_turns": 0}, {"min_turns": 30}, {"short_share": 2.0}, {"combine_share": -0.1}, {"weights": ()}]
)
def test_plan_settings_name_what_is_wrong(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong)).removeprefix("min_")):
        PlanSettings(**wrong)


def test_the_papers_choices_are_named():
    paper = GattSettings.paper()
    assert (paper.loss, paper.replay_share, paper.sft.peak_lr) == ("last", 0.0, 2e-5)
    assert PlanSettings.paper().short_share == 0.5


@pytest.mark.parametrize(("loss", "obeys"), [("last", True), ("all", False)])
def test_zero_loss_on_earlier_turns_is_what_a_plain_history_needs(tokenizer, loss, obeys):
    """Earlier answers that know nothing of the instruction must not be learnt; with loss on them, they are."""
    examples = [
        ghost_attention_example(say(*["Hi", "ok"] * turns, "Hi", sound), system, tokenizer, loss=loss)
        for turns in (0, 1, 2, 3, 4)
        for system, sound in (("king", "moo"), ("Ada", "baa"))
    ]
    torch.manual_seed(0)
    args = ModelArgs(dim=32, n_layers=2, n_heads=2, vocab_size=340, multiple_of=8, max_seq_len=160, rope_theta=500.0)
    model = Transformer(args)
    train_sft(
        model,
        examples,
        SFTSettings(epochs=40, peak_lr=1e-2, batch_size=1, seq_len=160),
        precision=Precision.detect("cpu", "float32"),
    )
    asked = [[{"role": "system", "content": system}, *say("Hi")] for system in ("king", "Ada")]
    replies = answer_dialogs(model, tokenizer, asked, max_new_tokens=8)
    assert replies == (["moo", "baa"] if obeys else ["ok", "ok"])


def test_all_answers_count_as_much_as_the_last_ones_of_all_beginnings(tokenizer):
    """What the pipeline's stage relies on: a token sees only what comes before it."""
    torch.manual_seed(0)
    args = ModelArgs(dim=16, n_layers=1, n_heads=2, vocab_size=tokenizer.vocab_size, multiple_of=8, max_seq_len=256)
    model = Transformer(args)

    def loss(turns, counted):
        example = ghost_attention_example(THREE_TURNS[: 2 * turns], "Be king", tokenizer, loss=counted)
        return float(token_loss(model, pad_dialogs([example]))[0])

    assert loss(3, "all") == pytest.approx(sum(loss(turns, "last") for turns in (1, 2, 3)), rel=1e-5)
