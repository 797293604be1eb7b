"""A model card of the reader's own model, made from the report of its build alone: no number is written by hand.

Laid out as Hugging Face's cards are: metadata in YAML between two lines of dashes, then Markdown. The Hub shows it when
it is the ``README.md`` of a model's folder.
"""

import json
from collections.abc import Mapping
from typing import Any

MEASURED = {
    "helpfulness": "helpfulness of answers to ordinary prompts",
    "violations": "harmful answers to adversarial prompts",
    "false_refusals": "ordinary prompts refused",
    "borderline_refusals": "borderline prompts refused",
}
VALLEY_LICENSE = "cc-by-4.0"  # of the Valley's texts, from which the weights come


def model_card(report: Mapping[str, Any], stage: str | None = None) -> str:
    """The card of a stage's model as Markdown.

    Args:
        report: Of :func:`minillama.pipeline.report.build_report`.
        stage: Whose model; the last one with a model if None.

    Raises:
        ValueError: No stage of the report, or not this one, has a model.
    """
    models = [name for name, entry in report["stages"].items() if entry["model"] is not None]
    name = stage or (models[-1] if models else "")
    if name not in models:
        known = ", ".join(models) or "none of its stages"
        raise ValueError(f"the report has no model of a stage {name!r}; a model has {known}")
    parts = (_metadata, _summary, _uses, _limits, _training, _evaluation, _impact, _technical, _citation)
    return "\n\n".join(part(report, name) for part in parts) + "\n"


def _metadata(report: Mapping[str, Any], name: str) -> str:
    """The YAML block; strings are written as JSON, which is YAML, too."""
    own_text = report["corpus"] is not None
    tags = ["llama", "minillama", *(() if name == "base" else ("conversational",))]
    tags += ["rlhf"] if name not in ("base", "sft") else []
    lines = ["---"]
    lines += ["license: other", "license_name: that-of-the-training-text"] if own_text else []
    lines += [] if own_text else ["language:", "- en", "- fr", f"license: {VALLEY_LICENSE}"]
    lines += ["library_name: transformers", "pipeline_tag: text-generation", "tags:", *(f"- {tag}" for tag in tags)]
    if measured := measured_of(report, name):
        lines += ["model-index:", f"- name: {json.dumps(_title(report, name))}", "  results:", "  - task:"]
        lines += ["      type: text-generation", "    dataset:", "      name: The Valley, held-out prompts"]
        lines += ["      type: minillama/valley", "    metrics:"]
        for metric, what in MEASURED.items():
            lines += [f"    - type: {metric}", f"      name: {what}", f"      value: {measured[metric]}"]
    return "\n".join([*lines, "---"])


def _title(report: Mapping[str, Any], name: str) -> str:
    return f"minillama {name} ({report['preset']}, seed {report['stages'][name]['seed']})"


def _summary(report: Mapping[str, Any], name: str) -> str:
    model = report["stages"][name]["model"]
    text = "a text of the owner's choice" if report["corpus"] else "the Valley, a small made-up world"
    does = "continues text and knows no dialogue" if name == "base" else "answers questions in dialogues"
    return "\n".join(
        [
            f"# {_title(report, name)}",
            "",
            f"A Llama 2 of {model['parameters']:,} parameters, trained from nothing on {text}, by minillama, a "
            f"textbook that rebuilds Llama 2 at the size of a laptop. It {does}.",
            "",
            f"- **Developed by:** whoever ran the build on {report['date'][:10]}",
            "- **Model type:** decoder-only transformer (Llama 2)",
            f"- **Stage:** {name} ({report['stages'][name]['promise'] or 'of the pipeline'})",
            f"- **Language:** {'that of the training text' if report['corpus'] else 'English, some French'}",
            f"- **License:** {'that of the training text' if report['corpus'] else 'CC BY 4.0, as the training text'}",
        ]
    )


def _uses(report: Mapping[str, Any], name: str) -> str:
    chat = name != "base"
    first = "[INST] Where does Ada live? [/INST]" if chat else "The number"
    return "\n".join(
        [
            "## Uses",
            "",
            "Made for learning: to be looked into, taken apart, trained again and measured.",
            "",
            "**Out of scope:** everything else. It knows nothing of the real world and must not be asked for facts, "
            "advice or decisions about real people.",
            "",
            "## How to get started",
            "",
            "```python",
            "from transformers import AutoModelForCausalLM, AutoTokenizer",
            "",
            'folder = "."  # where this card lies',
            "tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)",
            f'prompt = tokenizer("{first}", return_tensors="pt", return_token_type_ids=False)',
            "print(tokenizer.decode(model.generate(**prompt, max_new_tokens=40)[0]))",
            "```",
            "",
            "That needs the form of `minillama export FOLDER --hugging-face`. In a terminal: `minillama chat`.",
        ]
    )


def _limits(report: Mapping[str, Any], name: str) -> str:
    measured = measured_of(report, name)
    lines = ["## Bias, risks and limitations", ""]
    if report["corpus"]:
        lines.append(
            "What the training text holds of errors and prejudice, the model may say, too; nobody read it beforehand."
        )
    else:
        lines.append(
            "All it knows are the villagers of a made-up world, in simple sentences; about anything else it makes up "
            "what it says."
        )
    if measured:
        lines.append(
            f"By the judge, {_percent(measured['violations'])} of its sampled answers to requests for mischief helped "
            f"with it, and {_percent(measured['borderline_refusals'])} of harmless prompts that only sound like one "
            "were refused."
        )
    elif name != "base":
        lines.append("How often it helps with mischief was not measured at this stage.")
    return "\n".join(lines)


def _training(report: Mapping[str, Any], name: str) -> str:
    base = report["stages"].get("base", {}).get("figures", {})
    lines = ["## Training", ""]
    if "trained_tokens" in base:
        lines += [
            f"Pretraining read {base['trained_tokens']:,} tokens of a text of {base['corpus_tokens']:,} tokens"
            + ("." if report["corpus"] else ", which a program wrote: encyclopedia, letters, stories, forum and more."),
            "",
        ]
    lines += ["| stage | what | seed | seconds | memory, MB | final loss |", "|---|---|---|---|---|---|"]
    for stage, entry in _until(report, name).items():
        memory = "" if entry["peak_memory_mb"] is None else f"{entry['peak_memory_mb']:.0f}"
        loss = entry["figures"].get("final_loss")
        shown = "" if loss is None else f"{loss:.3f}"
        lines.append(
            f"| {stage} | {entry['promise']} | {entry['seed']} | {entry['seconds']:.1f} | {memory} | {shown} |"
        )
    lines += ["", "Memory is the most that the process had held until then. Losses are in nats a token."]
    return "\n".join(lines)


def _evaluation(report: Mapping[str, Any], name: str) -> str:
    found = {stage: measured_of(report, stage) for stage in _until(report, name)}
    rows = {stage: measured for stage, measured in found.items() if measured}
    if not rows:
        return "## Evaluation\n\nThis stage was not measured by the judge."
    lines = [
        "## Evaluation",
        "",
        "Answers to held-out prompts, sampled at temperature 1 and judged by a program that knows what is true in the "
        "Valley.",
        "",
        f"| stage | {' | '.join(MEASURED.values())} | prompts |",
        "|" + "---|" * (len(MEASURED) + 2),
    ]
    for stage, measured in rows.items():
        shares = " | ".join(_percent(measured[metric]) for metric in MEASURED if metric != "helpfulness")
        prompts = " + ".join(map(str, measured["prompts"]))
        lines.append(f"| {stage} | {measured['helpfulness']:.3f} | {shares} | {prompts} |")
    lines += ["", "Prompts are ordinary + adversarial + borderline ones. One seed; other seeds differ."]
    return "\n".join(lines)


def _impact(report: Mapping[str, Any], name: str) -> str:
    seconds = sum(entry["seconds"] for entry in _until(report, name).values())
    machines = {entry["hardware"] for entry in _until(report, name).values() if entry["hardware"]}
    return "\n".join(
        [
            "## Environmental impact",
            "",
            f"- **Time:** {seconds / 60:.1f} minutes for all stages together",
            f"- **Hardware:** {'; '.join(sorted(machines)) or report['hardware']}",
            "- **Emissions:** not measured; they are the machine's power times this time, times the carbon of its "
            "electricity",
        ]
    )


def _technical(report: Mapping[str, Any], name: str) -> str:
    entry = report["stages"][name]
    shape = {key: value for key, value in entry["model"].items() if value is not None}
    versions = entry["versions"] or report["versions"]
    lines = ["## Technical specifications", "", "| | |", "|---|---|"]
    lines += [
        f"| {key} | {value:,} |" if isinstance(value, int) else f"| {key} | {value} |" for key, value in shape.items()
    ]
    lines += [f"| {program} | {version} |" for program, version in versions.items()]
    lines += [f"| preset | {report['preset']} |", f"| key of the recipe | {entry['key']} |"]
    return "\n".join(lines)


def _citation(report: Mapping[str, Any], name: str) -> str:
    return (
        "## Citation\n\nThe recipe is that of Touvron et al., *Llama 2: Open Foundation and Fine-Tuned Chat Models*, "
        "arXiv:2307.09288 (2023), at a small size. This is no model of Meta's."
    )


def measured_of(report: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """What the judge measured of a stage, reported by itself or by the stage after it; None where nobody did."""
    stages = report["stages"]
    if name not in stages:
        return None
    own = stages[name]["figures"].get("measured")
    if own is None and name == "sft":
        own = stages.get("rlhf-v1", {}).get("figures", {}).get("before")
    return own if own is not None and set(MEASURED) <= set(own) else None


def _until(report: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The stages up to this one, in the report's order."""
    names = list(report["stages"])
    return {stage: report["stages"][stage] for stage in names[: names.index(name) + 1]}


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
