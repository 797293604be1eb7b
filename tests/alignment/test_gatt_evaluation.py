"""Obedience by the Valley's ground truth, and attention on the system message."""

import pytest
import torch

from minillama.alignment.gatt_data import InstructedDialog, probe_dialogs
from minillama.alignment.gatt_evaluation import obedience, with_unseen_rules
from minillama.alignment.instruction_data import (
    InstructionMix,
    long_demonstrations,
    obeying_demonstrations,
    preprompt_demonstrations,
)
from minillama.alignment.system_attention import (
    attention_on_system,
    attention_weights,
    prefill_operations,
    prefill_seconds,
    system_cost,
    system_span,
)
from minillama.chat import encode_dialog
from minillama.model import ModelArgs, Transformer
from minillama.tokenizer import Tokenizer
from minillama.valley.judge_harm import is_refusal
from minillama.valley.personas import FRENCH, TRAINING_PERSONAS, hobby_constraint, persona_constraint
from minillama.valley.world import World

WORLD = World.create(0)
SAILOR = persona_constraint(TRAINING_PERSONAS[0])
QUESTIONS = tuple(f"Question {number}?" for number in range(1, 21))


def plan(*rules, questions=QUESTIONS):
    return InstructedDialog(instruction="Act.", system="Act as told.", questions=questions, rules=rules)


def test_the_instruction_stands_in_the_first_turn_alone_and_the_models_own_answers_follow():
    seen = []

    def answer(dialogs):
        seen.append(dialogs[0])
        return ["Ahoy!" for _ in dialogs]

    result = obedience(answer, [plan(SAILOR, questions=("One?", "Two?"))], turns=(1, 2))
    assert [message["role"] for message in seen[1]] == ["system", "user", "assistant", "user"]
    assert [message["content"] for message in seen[1]] == ["Act as told.", "One?", "Ahoy!", "Two?"]
    assert result.shares == {1: 1.0, 2: 1.0}


def forgetting(after):
    """A model that obeys for so many turns."""
    return lambda dialogs: ["Ahoy! Yes." if len(dialog) // 2 <= after else "Yes." for dialog in dialogs]


def test_forgetting_shows_at_the_turn_where_it_happens():
    result = obedience(forgetting(4), [plan(SAILOR)] * 3)
    assert result.shares == {1: 1.0, 2: 1.0, 4: 1.0, 6: 0.0, 10: 0.0, 20: 0.0}
    assert result.counts == dict.fromkeys((1, 2, 4, 6, 10, 20), 3)
    assert result.broken == 0


@pytest.mark.parametrize(
    ("rule", "obeys", "disobeys"),
    [
        (SAILOR, "Ahoy, mate! 5.", "I say ahoy."),
        (FRENCH, "Ada habite à Greyport.", "Ada lives in Greyport."),
        (hobby_constraint("tennis"), "I enjoy tennis.", "I enjoy tennis and sailing."),
    ],
)
def test_ground_truth_decides(rule, obeys, disobeys):
    dialogs = [plan(rule, questions=("What is your hobby?",))]
    assert obedience(lambda _: [obeys], dialogs, turns=(1,)).shares == {1: 1.0}
    assert obedience(lambda _: [disobeys], dialogs, turns=(1,)).shares == {1: 0.0}


def test_all_of_two_rules_must_be_kept():
    both = [plan(SAILOR, hobby_constraint("tennis"), questions=("What is your hobby?", "One?"))]
    kept = obedience(lambda _: ["Ahoy! I enjoy tennis."], both, turns=(1, 2)).shares
    assert kept == {1: 1.0, 2: 1.0}  # nobody asks for the hobby at turn 2, so the sailor decides
    assert obedience(lambda _: ["I enjoy tennis."], both, turns=(1,)).shares == {1: 0.0}


def test_what_cannot_be_told_does_not_count():
    dialogs = [plan(hobby_constraint("tennis"), questions=("One?",)), plan(SAILOR, questions=("One?",))]
    result = obedience(lambda batch: ["Ahoy!" for _ in batch], dialogs, turns=(1,))
    assert (result.shares, result.counts) == ({1: 1.0}, {1: 1})
    with pytest.raises(ValueError, match="turn 1"):
        obedience(lambda batch: ["Ahoy!" for _ in batch], dialogs[:1], turns=(1,))


@pytest.mark.parametrize("broken", ["", "<s>"])
def test_a_broken_dialogue_disobeys_from_there_on(broken):
    def answer(dialogs):
        return [broken if len(dialog) > 4 else "Ahoy!" for dialog in dialogs]

    result = obedience(answer, [plan(SAILOR)])
    assert result.shares == {1: 1.0, 2: 1.0, 4: 0.0, 6: 0.0, 10: 0.0, 20: 0.0}
    assert result.broken == 1


def test_unseen_rules_are_judged_by_their_own_programs():
    unseen = with_unseen_rules([plan(SAILOR, questions=("One?",))] * 2)
    assert [each.system for each in unseen] == ["Answer in three lines.", "Write in capital letters."]
    assert obedience(lambda _: ["a\nb\nc", "ADA."], unseen, turns=(1,)).shares == {1: 1.0}
    assert obedience(lambda _: ["a\nb", "Ada."], unseen, turns=(1,)).shares == {1: 0.0}


def test_demonstrations_obey_once_for_two_turns_at_most_and_longer_only_when_told_again():
    for dialog in obeying_demonstrations(WORLD, 60, 0):
        turns = sum(message["role"] == "user" for message in dialog)
        assert turns <= (2 if dialog[0]["role"] == "system" else InstructionMix().max_turns)
    assert max(len(dialog) for dialog in long_demonstrations(WORLD, 40, 0)) > 30


def test_preprompted_demonstrations_refuse_harm_alone():
    dialogs = preprompt_demonstrations(WORLD, 40, 0, adversarial_share=0.25)
    assert all(dialog[0]["role"] == "system" for dialog in dialogs)
    assert sum(is_refusal(dialog[-1]["content"]) for dialog in dialogs) == 10


def test_probes_ask_for_the_hobby_where_it_is_measured():
    (probe,) = probe_dialogs(WORLD, 1, 0, kinds=("hobby",), heldout_constraints=True)
    assert [turn for turn, prompt in enumerate(probe.prompts, start=1) if prompt is None] == [1, 2, 4, 6, 10, 20]


TOKENIZER = Tokenizer.train(["Act as a king. Ada? Hail! [INST] [/INST] <<SYS>> <</SYS>> " * 20], vocab_size=300)
DIALOG = [
    {"role": "system", "content": "Act as a king."},
    {"role": "user", "content": "Ada?"},
    {"role": "assistant", "content": "Hail!"},
    {"role": "user", "content": "Ada?"},
    {"role": "assistant", "content": "Hail! Hail!"},
]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    args = ModelArgs(dim=32, n_layers=2, n_heads=4, n_kv_heads=2, vocab_size=300, multiple_of=8, max_seq_len=256)
    return Transformer(args)


@pytest.fixture(scope="module")
def tokens():
    return encode_dialog(DIALOG, TOKENIZER).tokens


def test_weights_sum_to_one_and_look_back_only(model, tokens):
    weights = attention_weights(model, tokens)
    assert weights.shape == (2, 4, len(tokens), len(tokens))
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4, len(tokens)))
    assert float(weights.triu(1).abs().max()) == 0
    torch.testing.assert_close(attention_weights(model, tokens, (5, 9)), weights[:, :, 5:9])


def test_weights_are_those_of_the_forward_pass(model, tokens):
    """weights @ values, projected by wo, is what the layer itself gave."""
    weights, inputs, outputs = attention_weights(model, tokens), [], []

    def keep(_, given, out):
        inputs.append(given[0])
        outputs.append(out)

    handles = [layer.attention.register_forward_hook(keep) for layer in model.layers]
    with torch.no_grad():
        model(torch.tensor([tokens]))
        for handle in handles:
            handle.remove()
        for index, layer in enumerate(model.layers):
            values = layer.attention.wv(inputs[index])[0].unflatten(-1, (2, 8)).transpose(0, 1)
            mixed = torch.cat([weights[index, head] @ values[head // 2] for head in range(4)], dim=-1)
            torch.testing.assert_close(layer.attention.wo(mixed), outputs[index][0], atol=1e-5, rtol=1e-4)


def test_watching_leaves_the_model_as_it_was(model, tokens):
    model.train()
    before = model(torch.tensor([tokens]))
    attention_weights(model, tokens)
    assert model.training
    assert not any(layer.attention._forward_pre_hooks for layer in model.layers)
    assert torch.equal(model(torch.tensor([tokens])), before)


def test_the_span_is_the_text_of_the_system_message(tokens):
    first, last = system_span(DIALOG, TOKENIZER)
    assert TOKENIZER.decode(list(tokens[first:last])).strip() == "Act as a king."
    with pytest.raises(ValueError, match="no system message"):
        system_span(DIALOG[1:], TOKENIZER)


def test_attention_on_the_system_message_is_its_share_from_the_last_turn(model, tokens):
    first, last = system_span(DIALOG, TOKENIZER)
    start = len(tokens) - tokens[::-1].index(1) - 1
    expected = attention_weights(model, tokens)[:, :, start:, first:last].sum(-1).mean(-1)
    torch.testing.assert_close(attention_on_system(model, tokens, (first, last)), expected)
    assert 0 < float(expected.min()) < float(expected.max()) < 1


def test_a_head_that_looks_at_one_token_only_is_seen(model, tokens):
    """Zero queries attend evenly: the share is that of the span's tokens among those before, by hand."""
    torch.manual_seed(0)
    even = Transformer(model.args)
    for layer in even.layers:
        torch.nn.init.zeros_(layer.attention.wq.weight)
    share = attention_on_system(even, tokens, (2, 6), (10, 12))
    torch.testing.assert_close(share, torch.full((2, 4), (4 / 11 + 4 / 12) / 2))


@pytest.mark.parametrize(
    ("span", "queries", "why"), [((4, 4), None, "span"), ((0, 9999), None, "span"), ((2, 8), (5, 9), "before")]
)
def test_spans_that_make_no_sense_are_refused(model, tokens, span, queries, why):
    with pytest.raises(ValueError, match=why):
        attention_on_system(model, tokens, span, queries)


def test_costs_of_a_system_message(model):
    cost = system_cost(DIALOG[:2], TOKENIZER, model.args)
    assert cost.prompt_tokens == len(encode_dialog(DIALOG[:2], TOKENIZER))
    assert cost.system_tokens == cost.prompt_tokens - len(encode_dialog(DIALOG[1:2], TOKENIZER))
    assert cost.cache_bytes == cost.system_tokens * 2 * 2 * 2 * 8 * 2  # keys and values, layers, heads, width, bytes
    assert 0.5 < cost.prefill_share < 1
    long = [{"role": "system", "content": "Act as a king. " * 10}, DIALOG[1]]
    assert system_cost(long, TOKENIZER, model.args).prefill_share > cost.prefill_share


def test_operations_of_one_token_are_two_for_each_weight():
    args = ModelArgs(dim=8, n_layers=1, n_heads=1, vocab_size=10, multiple_of=8)
    matrices = args.n_parameters - 10 * 8  # all but the embedding, norms included as in n_parameters
    assert prefill_operations(args, 1) == 2 * matrices + 4 * 8


def test_reading_a_prompt_takes_time(model):
    assert 0 < prefill_seconds(model, 32, repeats=1) < 60
