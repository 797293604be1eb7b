"""From the fine-tuned model to PPO with a tiny preset: what each stage leaves, how it goes on, what checks say."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from minillama.alignment.ppo import PPOSettings
from minillama.alignment.ppo import checkpoints as ppo_checkpoints
from minillama.alignment.ppo import trainer as ppo_trainer
from minillama.alignment.preferences import read_preferences
from minillama.alignment.rejection_settings import RejectionSamplingSettings
from minillama.alignment.reward_training import RewardSettings
from minillama.alignment.sft import SFTSettings
from minillama.model import ModelArgs
from minillama.pipeline import StageCheckError, load, newest_model
from minillama.pipeline.alignment_presets import MeasureSettings, PreferenceSettings, PromptCounts, RenewalSettings
from minillama.pipeline.alignment_prompts import alignment_prompts
from minillama.pipeline.chat_presets import LongDialogSettings
from minillama.pipeline.measuring import measure_chat
from minillama.pipeline.presets import CPU, Phase, TokenizerSettings
from minillama.pipeline.stages import DEFAULT_STAGE, STAGES, ppo, rejection_rounds, reward_models
from minillama.valley.corpus import make_corpus

FEW = PreferenceSettings(prompts=PromptCounts(helpful=6, adversarial=6, borderline=2))
FAST = RewardSettings(batch_size=8)
RENEWAL = RenewalSettings(helpfulness=FEW, safety=FEW, train_helpfulness=FAST, train_safety=FAST)
MEASURE = MeasureSettings(helpful=5, adversarial=5, borderline=5, max_new_tokens=8)
SAMPLING = RejectionSamplingSettings(
    samples=8,
    temperatures=(3.0,),  # a model that learnt nothing ends few answers, and more of them when all tokens are as likely
    tuning_prompts=2,
    max_new_tokens=100,
    sft=SFTSettings(epochs=1, batch_size=4, seq_len=256, peak_lr=1e-3),
)
LOOSE = {"measure": MEASURE, "lowest_helpfulness": 0, "highest_violations": 1}
FIRST = {"preferences": FEW, "train": FAST, "open_source": 12, "held_out": 12, "lowest_accuracy": 0}
TINY = replace(
    CPU,
    name="tiny",
    tokenizer=TokenizerSettings(vocab_size=700, dialogues=60),
    base=replace(
        CPU.base,
        model=ModelArgs(dim=16, n_layers=1, n_heads=2, vocab_size=700, multiple_of=8, max_seq_len=512),
        phases=(Phase(steps=6, batch_size=4, seq_len=32),),
        warmup_steps=2,
        highest_loss=100,
    ),
    sft=replace(
        CPU.sft,
        sft=SFTSettings(epochs=1, batch_size=4, seq_len=256),
        dialogues=60,
        obeying=6,
        preprompts=4,
        replay=5,
        long=LongDialogSettings(plain=3, repeated=3, demonstrations=2, documents=4),
        highest_loss=100,
    ),
    reward_helpfulness=replace(CPU.reward_helpfulness, **FIRST),
    reward_safety=replace(CPU.reward_safety, **FIRST),
    rlhf_round=replace(CPU.rlhf_round, renewal=RENEWAL, prompts=FEW.prompts, sampling=SAMPLING, replay=5, **LOOSE),
    rlhf_ppo=replace(
        CPU.rlhf_ppo,
        renewal=RENEWAL,
        prompts=FEW.prompts,
        ppo=PPOSettings(iterations=2, batch_size=8, minibatch_size=4, max_new_tokens=8),
        **LOOSE,
    ),
)


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """The tiny preset in a cache of its own, where a reward model that ranks nothing is no problem."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINILLAMA_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("MINILLAMA_MODELS", raising=False)
        patch.setattr("minillama.pipeline.stages.corpus.make_corpus", lambda world, seed: make_corpus(world, 0, 60_000))
        patch.setattr("minillama.pipeline.stages.corpus.valley_scorers", lambda: None)
        for name in ("reward-helpfulness", "reward-safety"):
            patch.setitem(STAGES, name, replace(STAGES[name], check=lambda settings, report: []))
        # An untrained model's answers are all equally bad, and its held-out pairs none.
        patch.setattr("minillama.pipeline.stages.reward_models._held_out", lambda *arguments: {"accuracy": 0.5})
        yield TINY


def test_reward_models_leave_their_pairs_and_are_nothing_to_chat_with(preset):
    helpfulness, safety = (load(name, preset=preset) for name in ("reward-helpfulness", "reward-safety"))
    assert helpfulness.reward_model.reads == "likelihood"
    assert safety.reward_model.reads == "last"
    assert {pair.aspect for pair in read_preferences(safety.folder / "preferences.jsonl")} == {"safety"}
    assert helpfulness.report["pairs"] > helpfulness.report["own_pairs"]
    newest = newest_model()
    assert newest is not None
    assert newest.stage == "sft"


def test_rounds_learn_from_all_winners_and_renew_the_reward_models(preset):
    second = load("rlhf-v2", preset=preset)
    first = load("rlhf-v1", preset=preset)
    assert first.report["rewards"]["helpfulness"] == {}
    assert second.report["rewards"]["safety"]["fresh_pairs"] > 0
    assert second.report["pooled_winners"] == sum(each.report["prompts"] for each in (first, second))
    assert second.report["before"] == first.report["measured"]
    origins = {pair.chosen_from.split()[0] for pair in read_preferences(second.folder / "safety.jsonl")}
    assert origins <= {"sft", "rlhf-v1"}
    old, new = first.model.state_dict(), second.model.state_dict()
    assert not all(torch.equal(old[name], new[name]) for name in old)


def test_ppo_follows_the_last_round(preset):
    final = load("rlhf-v5", preset=preset)
    assert final.report["iterations"] == 2
    assert len(final.report["records"]["kl_k3"]) == 2
    assert final.report["measured"]["prompts"] == [5, 5, 5]
    newest = newest_model()
    assert newest is not None
    assert newest.stage == "rlhf-v5"


def test_a_killed_round_keeps_what_it_had_sampled(preset, monkeypatch):
    load("rlhf-v1", preset=preset)
    other = replace(preset, rlhf_round=replace(preset.rlhf_round, replay=3))
    real, calls = rejection_rounds.sample_round, []
    monkeypatch.setattr(rejection_rounds, "sample_round", lambda *a, **k: calls.append(1) or real(*a, **k))
    with monkeypatch.context() as patch:
        patch.setattr(rejection_rounds, "train_on_winners", lambda *a, **k: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            load("rlhf-v1", preset=other)
    assert load("rlhf-v1", preset=other).report["prompts"] > 0
    assert len(calls) == 1


def test_pairs_are_collected_once(tmp_path):
    def repeat(dialogs, temperature, seed):
        return [f"{dialog[-1]['content']} {temperature}" for dialog in dialogs]

    path = tmp_path / "pairs.jsonl"
    pairs = reward_models.collected(FEW, {"echo": repeat}, "safety", 1, 0, path)
    assert pairs
    assert reward_models.collected(FEW, {}, "safety", 1, 0, path) == pairs


def test_checks_name_what_failed():
    measured = {"helpfulness": 0.2, "violations": float("nan")}
    problems = STAGES["rlhf-v1"].check(CPU.rlhf_round, {"measured": measured})
    assert [word in problem for word, problem in zip(("helpfulness", "violations"), problems)] == [True, True]
    report = {"problems": ["every answer scores 0"], "accuracy": 0.4}
    assert len(reward_models.check(CPU.reward_safety, report)) == 2


def test_prompts_are_of_the_wanted_sorts():
    prompts = alignment_prompts(PromptCounts(helpful=20, several_turns=10, adversarial=10, borderline=5), 1)
    assert sum(prompt.risk is not None for prompt in prompts) in range(5, 11)
    assert sum(bool(prompt.history) for prompt in prompts) >= 9
    assert any(prompt.borderline for prompt in prompts)
    assert len({(prompt.text, str(prompt.history)) for prompt in prompts}) == len(prompts)
    with pytest.raises(ValueError, match="numbers of prompts"):
        PromptCounts(helpful=-1)


def test_the_default_stage_is_there():
    assert DEFAULT_STAGE in STAGES


def test_measuring_twice_gives_the_same(preset):
    sft = load("sft", preset=preset)
    first, second = (measure_chat(sft.model, sft.tokenizer, MEASURE) for _ in range(2))
    assert {**first, "measuring_seconds": 0} == {**second, "measuring_seconds": 0}


STEPS_OF_A_ROUND = {
    "pairs collected": (rejection_rounds, "collected"),
    "reward model renewed": (rejection_rounds, "renew"),
    "answers sampled": (rejection_rounds, "sample_round"),
    "winners kept": (rejection_rounds, "write_winners"),
    "fine-tuned": (rejection_rounds, "train_on_winners"),
    "model written": (rejection_rounds, "save_model"),
    "measured": (rejection_rounds, "measure_chat"),
}
STEPS_OF_PPO = {
    "reward models renewed": (ppo, "renewed"),
    "optimised": (ppo, "train_ppo"),
    "model written": (ppo, "save_model"),
    "measured": (ppo, "measure_chat"),
}


def weights(artifact):
    names = [name for name in artifact.files if name.endswith(".safetensors")]
    return {f"{name}:{key}": value for name in names for key, value in load_file(artifact.folder / name).items()}


def killed_at(place, preset, stage, patch):
    """Build a stage whose process dies right after one of its steps; say which steps were called before and after."""
    module, name = place
    real = getattr(module, name)

    def deadly(*arguments, **options):
        real(*arguments, **options)
        raise KeyboardInterrupt

    with patch.context() as deadly_patch:
        deadly_patch.setattr(module, name, deadly)
        with pytest.raises(KeyboardInterrupt):
            load(stage, preset=preset)


@pytest.mark.parametrize(
    ("stage", "place"),
    [
        *(pytest.param("rlhf-v2", place, id=f"round: {what}") for what, place in STEPS_OF_A_ROUND.items()),
        *(pytest.param("rlhf-v5", place, id=f"PPO: {what}") for what, place in STEPS_OF_PPO.items()),
    ],
)
def test_a_stage_killed_after_any_step_ends_as_if_it_had_not_been(preset, monkeypatch, stage, place):
    whole = load(stage, preset=preset)
    wanted = weights(whole)
    shutil.rmtree(whole.folder)
    killed_at(place, preset, stage, monkeypatch)
    again = load(stage, preset=preset)
    found = weights(again)
    assert found.keys() == wanted.keys()
    assert [name for name in found if not torch.equal(found[name], wanted[name])] == []
    assert again.report["measured"]["helpfulness"] == whole.report["measured"]["helpfulness"]


def test_ppo_killed_between_iterations_goes_on(preset, monkeypatch):
    """The policy has moved by then, so a run that began anew from it, or forgot that it had, would differ."""
    whole = load("rlhf-v5", preset=preset)
    wanted = weights(whole)
    shutil.rmtree(whole.folder)
    monkeypatch.setattr(ppo_checkpoints, "CHECKPOINT_EVERY", 1)
    killed_at((ppo_checkpoints.PPOCheckpoints, "save"), preset, "rlhf-v5", monkeypatch)
    sampled, real = [], ppo_trainer.sample_rollouts
    monkeypatch.setattr(ppo_trainer, "sample_rollouts", lambda *a: sampled.append(1) or real(*a))
    again = weights(load("rlhf-v5", preset=preset))
    assert len(sampled) == 1
    assert all(torch.equal(again[name], tensor) for name, tensor in wanted.items())


def test_a_round_that_fails_its_check_names_it_and_keeps_what_was_built(preset):
    strict = replace(preset, rlhf_round=replace(preset.rlhf_round, lowest_helpfulness=0.99))
    with pytest.raises(StageCheckError, match=r"'rlhf-v1'.*check 'helpfulness of at least 0.99' failed") as caught:
        load("rlhf-v1", preset=strict)
    kept = Path(str(caught.value).rsplit(" ", 1)[1])
    assert (kept / "model.safetensors").exists()
    assert (kept / "winners.jsonl").exists()
