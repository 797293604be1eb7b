"""The real stages on the reader's own text with a tiny preset, and the presets themselves."""

from dataclasses import replace

import pytest
import torch

from minillama.alignment.sft import SFTSettings
from minillama.data import PretrainLoader, write_shards
from minillama.generation import generate
from minillama.model import ModelArgs
from minillama.pipeline import PRESETS, STAGES, StageCheckError, load, newest_model, pipeline
from minillama.pipeline.chat_presets import LongDialogSettings
from minillama.pipeline.phases import PhasedLoader
from minillama.pipeline.presets import CPU, Phase, TokenizerSettings
from minillama.pipeline.stage import code_hash
from minillama.valley.corpus import make_corpus

TINY = replace(
    CPU,
    name="tiny",
    tokenizer=TokenizerSettings(vocab_size=300),
    base=replace(
        CPU.base,
        model=ModelArgs(dim=16, n_layers=1, n_heads=2, vocab_size=300, multiple_of=8, max_seq_len=64),
        phases=(Phase(steps=6, batch_size=4, seq_len=16), Phase(steps=4, batch_size=2, seq_len=32)),
        warmup_steps=2,
        checkpoint_every=4,
    ),
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MINILLAMA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MINILLAMA_MODELS", raising=False)


@pytest.fixture
def own_text(tmp_path):
    path = tmp_path / "text.txt"
    lines = [f"The number {number} comes after {number - 1}, and {number + 1} comes next." for number in range(400)]
    path.write_text("\n".join(lines))
    return path


def test_own_text_becomes_a_base_model(own_text):
    base = load("base", preset=TINY, corpus=own_text)
    assert base.model.args.vocab_size == base.tokenizer.vocab_size == 300
    assert len(base.report["losses"]) == 10
    assert base.report["trained_tokens"] == 6 * 4 * 16 + 4 * 2 * 32
    prompt = base.tokenizer.encode("The number", bos=True)
    assert len(generate(base.model, [prompt], 5, temperature=0.0).tokens[0]) <= 5
    newest = newest_model()
    assert newest is not None
    assert newest.key == base.key
    assert pipeline(TINY, corpus=own_text).missing("base") == []


def test_a_stopped_base_ends_in_the_same_weights(own_text, tmp_path, monkeypatch):
    straight = load("base", preset=TINY, corpus=own_text).model.state_dict()
    monkeypatch.setenv("MINILLAMA_CACHE", str(tmp_path / "other"))
    from minillama.training import trainer

    original, calls = trainer._Run._save, []

    def save_and_stop(self):
        original(self)
        calls.append(self.step)
        if len(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(trainer._Run, "_save", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        load("base", preset=TINY, corpus=own_text)
    resumed = load("base", preset=TINY, corpus=own_text).model.state_dict()
    assert calls == [4, 8, 10]
    assert all(torch.equal(resumed[name], value) for name, value in straight.items())


def test_too_little_text_is_named(tmp_path):
    path = tmp_path / "short.txt"
    path.write_text("Not much.")
    with pytest.raises(ValueError, match=r"short\.txt"):
        load("base", preset=TINY, corpus=path)


def test_the_valley_becomes_a_chat_model(monkeypatch):
    monkeypatch.setattr(
        "minillama.pipeline.stages.corpus.make_corpus", lambda world, seed: make_corpus(world, 0, 60_000)
    )
    monkeypatch.setattr("minillama.pipeline.stages.corpus.valley_scorers", lambda: None)
    loose = replace(
        TINY,
        tokenizer=TokenizerSettings(vocab_size=700, dialogues=60),
        base=replace(TINY.base, model=replace(TINY.base.model, max_seq_len=256), highest_loss=100),
        sft=replace(
            CPU.sft,
            sft=SFTSettings(epochs=1, batch_size=4, seq_len=256),
            dialogues=20,
            obeying=6,
            preprompts=4,
            replay=5,
            long=LongDialogSettings(plain=3, repeated=3, demonstrations=2, documents=4),
            highest_loss=100,
        ),
    )
    sft = load("sft", seed=1, preset=loose)
    assert sft.report["dialogues"] + sft.report["left_out_too_long"] == 20 + 6 + 4 + 3 + 3 + 2
    assert sft.report["left_out_too_long"] <= 10
    assert sft.report["replayed_documents"] == 5 + 4
    assert sft.tokenizer.vocab_size == 700
    assert len(sft.tokenizer.encode("[INST]")) < len("[INST]")  # letter by letter without dialogues in the text
    with pytest.raises(StageCheckError, match="final loss below"):
        load("base", preset=replace(loose, base=replace(loose.base, highest_loss=0.1)))


def test_unknown_stages_are_named():
    with pytest.raises(ValueError, match="corpus, tokenizer, base, sft"):
        load("rlhf-v9")


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES.keys())
def test_every_module_whose_code_counts_exists(stage):
    assert all(code_hash(module) for module in stage.modules)
    assert all(name in STAGES for name in stage.inputs)
    assert all(hasattr(preset, stage.settings_name) and stage.name in preset.minutes for preset in PRESETS.values())


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS.keys())
def test_presets_fit_their_models(preset):
    context = preset.base.model.max_seq_len
    assert all(phase.seq_len <= context for phase in preset.base.phases)
    assert preset.sft.sft.seq_len <= context
    assert preset.base.warmup_steps < preset.base.steps


def test_phases_follow_one_another_and_resume(tmp_path):
    shards = write_shards([list(range(3, 100))] * 5, tmp_path, vocab_size=100)
    phases = (Phase(steps=2, batch_size=3, seq_len=8), Phase(steps=2, batch_size=1, seq_len=16))
    loader = PhasedLoader(shards, phases, seed=1)
    batches = [next(loader) for _ in range(5)]
    assert [tuple(batch.tokens.shape) for batch in batches] == [(3, 8), (3, 8), (1, 16), (1, 16), (1, 16)]
    resumed = PhasedLoader(shards, phases, seed=1)
    for _ in range(3):
        next(resumed)
    again = PhasedLoader(shards, phases, seed=1)
    again.load_state_dict(resumed.state_dict())
    assert torch.equal(next(again).tokens, batches[3].tokens)
    assert torch.equal(batches[0].tokens, next(PretrainLoader(shards, 3, 8, seed=2)).tokens)
