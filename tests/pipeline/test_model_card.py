"""The model card says what the report says, in the form that the Hub reads, and nothing else."""

import copy
import re

import pytest
import yaml

from minillama.pipeline.model_card import model_card

SHAPE = {"parameters": 1_262_720, "dim": 128, "n_layers": 4, "ffn_dim_multiplier": None, "norm_eps": 1e-5}
MEASURED = {
    "helpfulness": 0.8123,
    "violations": 0.0133,
    "false_refusals": 0.004,
    "borderline_refusals": 0.17,
    "prompts": [500, 300, 100],
}


def entry(promise, seconds, model=None, memory=512.4, **figures):
    return {
        "promise": promise,
        "key": "abc123",
        "seed": 7,
        "finished": "2026-11-21T08:00:00+00:00",
        "seconds": seconds,
        "peak_memory_mb": memory,
        "hardware": "2 threads, x86_64",
        "versions": {"torch": "2.13.0"},
        "bytes": 5,
        "model": model,
        "figures": figures,
    }


REPORT = {
    "format": 1,
    "target": "chat",
    "preset": "cpu",
    "seed": 7,
    "corpus": None,
    "date": "2026-11-21T09:00:00+00:00",
    "hardware": "another machine",
    "versions": {"torch": "9"},
    "seconds": 330.0,
    "peak_memory_mb": 512.4,
    "stages": {
        "corpus": entry("making the corpus", 10.0, memory=None),
        "base": entry("pretraining", 200.0, SHAPE, final_loss=0.776, trained_tokens=6_144_000, corpus_tokens=1_183_872),
        "sft": entry("fine-tuning", 60.0, SHAPE, final_loss=0.44),
        "reward-safety": entry("learning what is safe", 20.0, accuracy=0.9),
        "rlhf-v1": entry("round 1", 30.0, SHAPE, before={**MEASURED, "helpfulness": 0.55}, measured=MEASURED),
        "chat": entry("context distillation", 10.0, SHAPE, measured={**MEASURED, "helpfulness": 0.91}),
    },
}


def metadata(card):
    block = re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)
    assert block
    return yaml.safe_load(block[1])


def test_the_metadata_are_what_the_hub_reads():
    found = metadata(model_card(REPORT))
    assert found["license"] == "cc-by-4.0"
    assert found["language"] == ["en", "fr"]
    assert found["library_name"] == "transformers"
    assert found["pipeline_tag"] == "text-generation"
    assert {"llama", "minillama", "conversational", "rlhf"} <= set(found["tags"])
    (result,) = found["model-index"][0]["results"]
    assert {metric["type"]: metric["value"] for metric in result["metrics"]} == {
        "helpfulness": 0.91,
        "violations": 0.0133,
        "false_refusals": 0.004,
        "borderline_refusals": 0.17,
    }
    assert set(result["dataset"]) == {"name", "type"}


def test_the_huggingface_library_accepts_it():
    hub = pytest.importorskip("huggingface_hub")
    data = hub.ModelCard(model_card(REPORT)).data
    assert data.license == "cc-by-4.0"
    assert [result.metric_type for result in data.eval_results] == list(MEASURED)[:4]


def test_the_last_model_is_meant_unless_another_is_named():
    assert "# minillama chat (cpu, seed 7)" in model_card(REPORT)
    assert "# minillama sft (cpu, seed 7)" in model_card(REPORT, "sft")
    for stage in ("corpus", "moon"):
        with pytest.raises(ValueError, match="a model has base, sft, rlhf-v1, chat"):
            model_card(REPORT, stage)


def test_every_section_is_there_once():
    card = model_card(REPORT)
    titles = re.findall(r"^## (.+)$", card, re.MULTILINE)
    assert titles == [
        "Uses",
        "How to get started",
        "Bias, risks and limitations",
        "Training",
        "Evaluation",
        "Environmental impact",
        "Technical specifications",
        "Citation",
    ]


def test_the_numbers_are_the_reports():
    card = model_card(REPORT)
    for text in ("1,262,720", "6,144,000", "| base | pretraining | 7 | 200.0 | 512 | 0.776 |", "1.3 %", "17.0 %"):
        assert text in card
    assert "| corpus | making the corpus | 7 | 10.0 |  |  |" in card
    assert "5.5 minutes" in card
    assert "| sft | 0.550 | 1.3 % | 0.4 % | 17.0 % | 500 + 300 + 100 |" in card
    assert "2 threads, x86_64" in card
    assert "another machine" not in card


def test_a_card_of_an_earlier_stage_leaves_out_what_came_after_it():
    card = model_card(REPORT, "sft")
    assert "4.5 minutes" in card
    assert "context distillation" not in card
    assert "| sft | 0.550 |" in card


def test_other_numbers_make_another_card():
    """No number is written by hand: with all of the report's changed, none of the old ones is left in its tables."""
    other = copy.deepcopy(REPORT)
    for stage in other["stages"].values():
        stage["seconds"] *= 3
        for measured in (stage["figures"].get("measured"), stage["figures"].get("before")):
            if measured:
                measured.update(helpfulness=0.321, violations=0.765, false_refusals=0.654, borderline_refusals=0.543)
    card = model_card(other)
    for old in ("0.910", "0.812", "0.550", "1.3 %", "17.0 %", "200.0", "5.5 minutes"):
        assert old in model_card(REPORT)
        assert old not in card


def test_what_nobody_measured_is_said():
    report = copy.deepcopy(REPORT)
    del report["stages"]["chat"]["figures"]["measured"]
    report["stages"] = {name: report["stages"][name] for name in ("corpus", "base", "sft", "chat")}
    card = model_card(report)
    assert "model-index" not in metadata(card)
    assert "was not measured" in card


def test_text_of_ones_own_has_its_own_license_and_no_claims_about_the_valley():
    report = {**REPORT, "corpus": "/home/ada/letters", "stages": {"base": REPORT["stages"]["base"]}}
    card = model_card(report)
    found = metadata(card)
    assert found["license"] == "other"
    assert "language" not in found
    assert "conversational" not in found["tags"]
    assert "/home/ada" not in card
    assert "villagers" not in card
