"""Values of every prompt by the judge, from answers that are known to be good, bad, refusing or harmful."""

import random

import pytest
import torch

from minillama.alignment.gatt_data import probe_dialogs
from minillama.evaluation.judged import dialog_of
from minillama.model import ModelArgs, Transformer
from minillama.pipeline import Artifact
from minillama.pipeline.artifact import save_model, seal
from minillama.results.measuring import (
    HeldOut,
    ResultSettings,
    divergence,
    judged_values,
    measure_stage,
    obedience_values,
)
from minillama.tokenizer import Tokenizer
from minillama.valley.judge import Judge
from minillama.valley.tasks.registry import task
from minillama.valley.world import World

SMALL = ResultSettings(helpful=12, adversarial=6, borderline=6, extended=6, dialogs=4, divergence=4, max_new_tokens=6)
REFUSAL = "I am sorry, but I can not help with that."


@pytest.fixture(scope="module")
def world():
    return World.create(0)


@pytest.fixture(scope="module")
def held_out():
    return HeldOut.draw(SMALL)


@pytest.fixture(scope="module")
def answers(held_out, world):
    """A good and a poor answer to every prompt, by the text of its last message."""
    rng = random.Random(0)
    prompts = [*held_out.ordinary, *held_out.adversarial, *held_out.borderline, *held_out.extended]
    return {
        str(dialog_of(prompt)): tuple(
            write(world, prompt.case, rng) for write in (task(prompt.task).good_answer, task(prompt.task).poor_answer)
        )
        for prompt in prompts
    }


def speaker(answers, which):
    return lambda dialogs: [answers[str(dialog)][which] for dialog in dialogs]


def test_the_prompts_are_held_out_different_and_of_their_sorts(held_out):
    assert [len(part) for part in (held_out.ordinary, held_out.adversarial, held_out.borderline)] == [12, 6, 6]
    assert all(prompt.risk is None and not prompt.borderline for prompt in held_out.ordinary)
    assert all(prompt.risk is not None for prompt in held_out.adversarial)
    assert all(prompt.borderline for prompt in held_out.borderline)
    assert {prompt.tier for prompt in held_out.extended} == {"extended"}
    assert len({prompt.text for prompt in held_out.borderline}) == 6
    assert {len(dialog.questions) for dialog in held_out.dialogs} == {20}
    assert held_out.ordinary == HeldOut.draw(SMALL).ordinary


def test_full_size_has_the_prompts_that_are_asked_for():
    full = HeldOut.draw(ResultSettings())
    assert [len(part) for part in (full.ordinary, full.adversarial, full.borderline)] == [500, 300, 100]


def mean(values):
    return sum(values) / len(values)


def test_good_answers_help_and_poor_ones_harm(held_out, answers, world):
    good = judged_values(speaker(answers, 0), held_out, Judge(world))
    poor = judged_values(speaker(answers, 1), held_out, Judge(world))
    assert mean(good["helpfulness"]) > 0.9
    assert mean(good["extended_helpfulness"]) > 0.8
    assert good["violations"] == [0.0] * 6
    assert sum(good["false_refusals"]) == 0
    assert mean(poor["helpfulness"]) < 0.5
    assert mean(poor["violations"]) > 0.5


def test_refusing_everything_is_safe_and_no_help(held_out, world):
    found = judged_values(lambda dialogs: [REFUSAL] * len(dialogs), held_out, Judge(world))
    assert sum(found["violations"]) == 0
    assert found["false_refusals"] == [1.0] * 12
    assert found["borderline_refusals"] == [1.0] * 6
    assert sum(found["helpfulness"]) == 0


def test_obedience_is_seen_turn_by_turn(world):
    """Who speaks in character for three turns and then forgets it obeys at turn 2 and at no later one."""
    dialogs = [
        dialog for dialog in probe_dialogs(world, 8, 5, turns=(20,)) if getattr(dialog.rules[0], "persona", None)
    ]
    plan = dialogs[0]
    rng = random.Random(0)
    persona = plan.rules[0].persona

    def forgetful(asked):
        in_character = len(asked[0]) // 2 < 3
        return [persona.say("In Dale.", rng) if in_character else "In Dale." for _ in asked]

    held_out = HeldOut((), (), (), (), [plan])
    found = obedience_values(forgetful, held_out, lambda dialog: True)
    assert found["kept"]["2"] == [1.0]
    assert [found["kept"][turn] for turn in ("4", "6", "10", "20")] == [[0.0]] * 4
    assert found["broken"] == 0
    silent = obedience_values(lambda asked: [""] * len(asked), held_out, lambda dialog: True)
    assert silent["broken"] == 1
    assert silent["kept"]["20"] == [0.0]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Two tiny models of one tokenizer, as finished stages."""
    tokenizer = Tokenizer.train(["[INST] Where does the weaver live? [/INST] In Dale, near the old mill."] * 20, 300)
    args = ModelArgs(dim=16, n_layers=1, n_heads=2, vocab_size=300, multiple_of=8, max_seq_len=1024)
    folder = tmp_path_factory.mktemp("stages")
    artifacts = {}
    for number, stage in enumerate(("rlhf-v4", "rlhf-v5")):
        torch.manual_seed(number)
        save_model(Transformer(args), tokenizer, folder / stage)
        facts = {"seed": 3, "preset": "cpu", "corpus": None, "report": {}, "finished": 1.0}
        seal(folder / stage, stage=stage, key="k", **facts)
        artifacts[stage] = Artifact.open(folder / stage)
    return artifacts


def test_a_stage_is_measured_alike_each_time(tiny, held_out):
    references = {"rlhf-v4": tiny["rlhf-v4"]}
    few = HeldOut(held_out.ordinary[:4], held_out.adversarial[:3], held_out.borderline[:3], held_out.extended[:3], [])
    first, second = (measure_stage(tiny["rlhf-v5"], few, SMALL, greedy=True, references=references) for _ in range(2))
    assert {**first, "seconds": 0} == {**second, "seconds": 0}
    assert set(first) == {"values", "greedy", "divergence", "seconds"}
    assert [len(first["values"][name]) for name in ("helpfulness", "violations", "borderline_refusals")] == [4, 3, 3]


def test_divergence_is_none_from_oneself_and_positive_from_another(tiny, held_out):
    model, other, tokenizer = tiny["rlhf-v5"].model, tiny["rlhf-v4"].model, tiny["rlhf-v5"].tokenizer
    own = divergence(model, model, tokenizer, held_out.ordinary[:4], 6, 0)
    assert own == {"k1": [0.0] * 4, "k3": [0.0] * 4}
    found = divergence(model, other, tokenizer, held_out.ordinary[:4], 6, 0)
    assert min(found["k3"]) > 0
    assert len(found["k1"]) == 4


def test_too_few_prompts_are_refused():
    with pytest.raises(ValueError, match="dialogs is 1"):
        ResultSettings(dialogs=1)
