"""Ghost Attention and context distillation on models that learnt nothing: what they leave, and how they go on."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from safetensors.torch import load_file

from minillama.alignment.context_data import ContextDistillationSettings
from minillama.alignment.gatt_data import PlanSettings
from minillama.alignment.ghost_attention import GattSettings
from minillama.alignment.reward_model import RewardModel
from minillama.alignment.sft import SFTSettings
from minillama.alignment.winners import Winner
from minillama.chat import DialogTokens, encode_dialog
from minillama.model import ModelArgs, Transformer
from minillama.pipeline import PRESETS, Artifact
from minillama.pipeline.alignment_presets import MeasureSettings, PromptCounts
from minillama.pipeline.artifact import load_model, save_model, seal
from minillama.pipeline.examples import read_examples, write_examples
from minillama.pipeline.final_presets import (
    DistillationStageSettings,
    GattStageSettings,
    ObedienceSettings,
    ReminderSettings,
)
from minillama.pipeline.obedience import measure_obedience, obedience_kept
from minillama.pipeline.stage import BuildContext
from minillama.pipeline.stages import STAGES, context_distillation, ghost_attention
from minillama.pipeline.stages.rejection_rounds import ROUNDS, write_winners
from minillama.tokenizer import Tokenizer

TEXT = "Act as a king. Where does Ada live? In Greyport. And Ben? In Dunmoor. [INST] [/INST] <<SYS>> <</SYS>> \n"
MEASURE = MeasureSettings(helpful=3, adversarial=3, borderline=3, max_new_tokens=4)
OBEDIENCE = ObedienceSettings(dialogues=2, turns=(1, 2), max_new_tokens=4)
TRAIN = SFTSettings(epochs=1, peak_lr=1e-3, batch_size=2, seq_len=1024)
GATT = GattStageSettings(
    reminder=ReminderSettings(dialogues=2, sft=TRAIN),
    dialogues=4,
    plans=PlanSettings(min_turns=2, max_turns=3, kinds=("facts", "sums")),
    gatt=GattSettings(loss="all", temperature=1.0, replay_share=0.2, sft=TRAIN),
    replay=PromptCounts(helpful=3),
    replay_temperature=3.0,
    winners=2,
    measure=MEASURE,
    obedience=OBEDIENCE,
)
CHAT = DistillationStageSettings(
    prompts=PromptCounts(helpful=4, adversarial=60),
    distillation=ContextDistillationSettings(temperature=3.0, sft=TRAIN),
    measure=MEASURE,
    obedience=OBEDIENCE,
)
FACTS = {"key": "k", "seed": 0, "preset": "tiny", "corpus": None, "finished": 0.0}
MEASURED = {"helpfulness": 0.5, "violations": 0.5}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """What the stages build on, with random weights."""
    torch.manual_seed(0)
    tokenizer = Tokenizer.train([TEXT * 20], 330)
    args = ModelArgs(dim=16, n_layers=1, n_heads=2, vocab_size=tokenizer.vocab_size, multiple_of=8, max_seq_len=1024)
    model = Transformer(args)
    found = {}
    for name in (*(stage.name for stage in ROUNDS), "rlhf-v5"):
        folder = tmp_path_factory.mktemp(name)
        save_model(model, tokenizer, folder)
        RewardModel.from_transformer(model, seed=1).save(folder / "safety")
        write_winners([Winner(prompt=(1, 5), answer=(6, 7, 2), score=1.0)], folder)
        seal(folder, stage=name, report={"measured": MEASURED}, **FACTS)
        found[name] = Artifact.open(folder)
    return found


def built(module, settings, inputs, folder, name):
    """Build a stage by hand, into a folder that may hold what a killed build left."""
    out, work = folder / "out", folder / "work"
    for each in (out, work):
        each.mkdir(exist_ok=True)
    report = module.build(BuildContext(settings=settings, seed=0, corpus=None, inputs=inputs, out=out, work=work))
    seal(out, stage=name, report=report, **FACTS)
    return Artifact.open(out)


@pytest.fixture(scope="module")
def gatt(inputs, tmp_path_factory):
    return built(ghost_attention, GATT, inputs, tmp_path_factory.mktemp("gatt"), "gatt")


@pytest.fixture(scope="module")
def chat(inputs, gatt, tmp_path_factory):
    return built(context_distillation, CHAT, {**inputs, "gatt": gatt}, tmp_path_factory.mktemp("chat"), "chat")


def weights(artifact):
    return load_file(artifact.folder / "model.safetensors")


def differ(one, other):
    return any(not torch.equal(tensor, weights(other)[name]) for name, tensor in weights(one).items())


def test_gatt_learns_all_answers_of_dialogues_that_name_the_instruction_once(inputs, gatt):
    instructed = read_examples(gatt.folder / "instructed.jsonl")
    assert len(instructed) == gatt.report["instructed_examples"] == gatt.report["dialogues"]
    assert gatt.report["examples"] == round(len(instructed) / (1 - GATT.gatt.replay_share))
    for example in instructed:
        turns = example.tokens.count(gatt.tokenizer.bos_id)
        assert turns >= 2
        assert sum(b > a for a, b in pairwise(example.loss_mask)) == turns
        assert example.loss_mask[-1] == 1
        assert gatt.tokenizer.decode(list(example.tokens)).count("<<SYS>>") == 1
    assert differ(inputs["rlhf-v5"], gatt)
    reminded = load_model(gatt.folder / ghost_attention.REMINDED_FOLDER).state_dict()
    assert any(not torch.equal(tensor, reminded[name]) for name, tensor in weights(gatt).items())
    assert any(not torch.equal(tensor, reminded[name]) for name, tensor in weights(inputs["rlhf-v5"]).items())


def test_reports_hold_before_and_after(gatt, chat):
    assert gatt.report["before"] == MEASURED
    assert chat.report["before"] == gatt.report["measured"]
    assert chat.report["obedience_before"] == gatt.report["obedience"]
    assert gatt.report["obedience"]["turns"] == [1, 2]
    assert gatt.report["measured"]["prompts"] == [3, 3, 3]


def test_chat_learns_what_passed_the_gate_beside_what_it_could(gatt, chat):
    report = chat.report
    assert 0 < report["passed_gate"] < report["usable"] <= report["distilled"]
    assert report["instructed_examples"] == round(CHAT.instructed * report["passed_gate"])
    assert report["examples"] == report["passed_gate"] + report["replayed"] + report["instructed_examples"]
    assert differ(gatt, chat)


STEPS = ("write_examples", "train_sft", "save_model", "measure_chat", "measure_obedience")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", ["gatt", "chat"])
def test_a_stage_killed_after_any_step_ends_as_if_it_had_not_been(
    inputs, gatt, request, tmp_path, monkeypatch, name, step
):
    module, settings = (ghost_attention, GATT) if name == "gatt" else (context_distillation, CHAT)
    given = inputs if name == "gatt" else {**inputs, "gatt": gatt}
    whole = request.getfixturevalue(name)
    real = getattr(module, step)

    def deadly(*arguments, **options):
        real(*arguments, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, step, deadly)
        with pytest.raises(KeyboardInterrupt):
            built(module, settings, given, tmp_path, name)
    # A reminder is what Ghost Attention trains first, and writes, before it samples.
    if step != "write_examples" and (name, step) not in (("gatt", "train_sft"), ("gatt", "save_model")):

        def again(*arguments, **options):
            pytest.fail("sampled anew")

        monkeypatch.setattr(ghost_attention, "sample_dialogs", again)
        monkeypatch.setattr(context_distillation, "distillation_data", again)
    assert not differ(built(module, settings, given, tmp_path, name), whole)


def test_checks_name_what_failed():
    report = {"measured": {"helpfulness": 0.2, "violations": 0.9}, "obedience": {"turns": [1, 20], "shares": [1, 0.0]}}
    for stage, settings in (("gatt", GATT), ("chat", CHAT)):
        problems = STAGES[stage].check(settings, report)
        words = ("helpfulness", "violations", "obey at turn 20")
        assert [word in problem for word, problem in zip(words, problems, strict=True)] == [True] * 3
    assert obedience_kept(0.0, report["obedience"]) == []
    assert obedience_kept(0.1, {"turns": [20], "shares": [float("nan")]})


def test_both_presets_have_the_last_stages():
    for preset in PRESETS.values():
        assert {"gatt", "chat"} <= preset.minutes.keys()
    assert list(STAGES)[-2:] == ["gatt", "chat"]


def test_measuring_obedience_twice_gives_the_same(inputs):
    model, tokenizer = inputs["rlhf-v5"].model, inputs["rlhf-v5"].tokenizer
    first, second = (measure_obedience(model, tokenizer, OBEDIENCE) for _ in range(2))
    assert first == second
    assert first["dialogues"] == 2


def test_examples_come_back_from_disk(tmp_path, inputs):
    dialog = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hail"}]
    examples = [encode_dialog(dialog, inputs["rlhf-v5"].tokenizer), DialogTokens((1, 5), (0, 1))]
    write_examples(examples, tmp_path / "examples.jsonl")
    assert read_examples(tmp_path / "examples.jsonl") == examples


@pytest.mark.parametrize("wrong", [{"dialogues": 0}, {"turns": ()}, {"turns": (0, 2)}])
def test_settings_of_obedience_are_checked(wrong):
    with pytest.raises(ValueError, match="dialogues is"):
        replace(OBEDIENCE, **wrong)
