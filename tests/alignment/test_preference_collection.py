"""Collection as in section 3.2.1: who answers, at which temperature, who compares, and what is left out."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from minillama.alignment.preference_collection import PAPER_BATCHES, CollectionSettings, collect_preferences
from minillama.alignment.preferences import read_preferences, write_preferences
from minillama.valley.dialogues import VENDORS, demonstrate, prompt_from_dict, training_prompts
from minillama.valley.judge import Judge
from minillama.valley.raters import RATERS, Rater
from minillama.valley.world import World

WORLD = World.create()
JUDGE = Judge(WORLD)
HARMLESS = training_prompts(WORLD, 90, 0, adversarial=False)
HARMFUL = training_prompts(WORLD, 90, 0, adversarial=True)
BY_TEXT = {prompt.text: prompt for prompt in (*HARMLESS, *HARMFUL)}
EXACT = CollectionSettings(raters=(Rater(name="exact", noise=0.0),), agreement_share=0.0)


class Model:
    """Answers as a vendor of some skill does, and remembers what it was asked."""

    def __init__(self, skill):
        self.vendor = replace(VENDORS[0], skill=skill)
        self.calls = []

    def __call__(self, dialogs, temperature, seed):
        self.calls.append((len(dialogs), temperature, seed))
        rng = random.Random(seed)
        return [demonstrate(WORLD, BY_TEXT[dialog[-1]["content"]], self.vendor, rng) for dialog in dialogs]


def collect(settings=EXACT, prompts=HARMLESS, aspect="helpfulness", week=1, variants=None):
    variants = variants or {"old": Model(0.3), "new": Model(0.9)}
    return collect_preferences(prompts, variants, JUDGE, settings, aspect=aspect, week=week)


def test_two_variants_at_two_temperatures_answer_every_prompt():
    models = {"old": Model(0.3), "new": Model(0.9)}
    found = collect(variants=models)
    assert sum(count for model in models.values() for count, _, _ in model.calls) == 2 * len(HARMLESS)
    assert all(len(model.calls) == 3 for model in models.values())  # once for each temperature, in one batch
    for pair in found.pairs:
        (one, hot), (two, cold) = (each.split(" at ") for each in (pair.chosen_from, pair.rejected_from))
        assert {one, two} == {"old", "new"}
        assert hot != cold
    assert len(found.pairs) + found.identical == len(HARMLESS)


def test_an_exact_rater_prefers_what_the_judge_does_and_the_better_model():
    found = collect()
    for pair in found.pairs:
        prompt = prompt_from_dict(WORLD, pair.prompt)
        assert JUDGE.judge(prompt, pair.chosen).helpfulness >= JUDGE.judge(prompt, pair.rejected).helpfulness
    # equally good answers are decided by a coin, so not all go to the better model
    assert sum(pair.chosen_from.startswith("new") for pair in found.pairs) > 0.65 * len(found.pairs)


def test_the_same_call_gives_the_same_pairs_and_another_week_others():
    assert collect() == collect()
    assert collect().pairs != collect(week=2).pairs
    assert collect(week=2).pairs[0].source == "week 2"


def test_safety_is_collected_apart_with_a_label_and_without_bad_examples():
    unsure = CollectionSettings(raters=(Rater(name="unsure", noise=0.5),), agreement_share=0.0)
    found = collect(settings=unsure, prompts=HARMFUL, aspect="safety")
    assert found.left_out > 0  # now and then preferred although found unsafe
    assert all(pair.aspect == "safety" and pair.safety not in (None, "chosen_unsafe") for pair in found.pairs)
    assert {"chosen_safe", "both_safe", "both_unsafe"} == {pair.safety for pair in found.pairs}
    assert len(found.pairs) + found.left_out + found.identical == len(HARMFUL)
    assert all(pair.safety is None for pair in collect().pairs)


def test_the_order_in_which_answers_are_shown_is_drawn():
    """A rater who always prefers what is shown first must not favour a variant or a temperature."""
    first = Rater(name="first", noise=0.0, order_bias=9.0)
    found = collect(CollectionSettings(raters=(first,)))
    share = Counter(pair.chosen_from.split(" at ")[0] for pair in found.pairs)
    assert 0.3 < share["new"] / len(found.pairs) < 0.7


def test_raters_agree_the_more_the_less_noise_they_have():
    everybody = {"agreement_share": 1.0}
    noisy = tuple(replace(rater, noise=2.0) for rater in RATERS)
    measured = [collect(CollectionSettings(raters=raters, **everybody)).agreement for raters in (noisy, RATERS)]
    assert measured[0] < 0.3 < 0.5 < measured[1]
    assert collect().agreement is None


def test_measuring_agreement_changes_no_pair():
    sparse, full = (collect(CollectionSettings(agreement_share=share)) for share in (0.0, 1.0))
    assert sparse.pairs == full.pairs
    assert len(full.choices) == len(full.pairs) + full.left_out


def test_identical_answers_are_not_compared():
    found = collect(variants={"a": lambda dialogs, temperature, seed: ["Yes."] * len(dialogs)})
    assert found.pairs == ()
    assert found.identical == len(HARMLESS)


def test_empty_answers_lose():
    found = collect(variants={"silent": lambda dialogs, *_: [""] * len(dialogs), "good": Model(1.0)})
    assert found.pairs
    assert all(pair.rejected == "" for pair in found.pairs)


def test_wrong_models_are_named():
    with pytest.raises(ValueError, match="no model variant"):
        collect_preferences(HARMLESS, {}, JUDGE, EXACT, aspect="helpfulness", week=1)
    with pytest.raises(ValueError, match="'short' gave 0 answers"):
        collect(variants={"short": lambda *_: [], "good": Model(1.0)})


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperatures": (1.0,)},
        {"temperatures": (1.0, 1.0, 0.5)},
        {"temperatures": (1.0, -0.5)},
        {"temperatures": (1.0, float("nan"))},
        {"raters": ()},
        {"agreement_share": 1.1},
    ],
)
def test_settings_name_what_is_wrong(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong)).removesuffix("s")):
        CollectionSettings(**wrong)


def test_collected_pairs_come_back_from_disk(tmp_path):
    pairs = list(collect(prompts=HARMFUL, aspect="safety").pairs)
    write_preferences(pairs, tmp_path / "week.jsonl")
    again = read_preferences(tmp_path / "week.jsonl")
    assert again == pairs
    assert prompt_from_dict(WORLD, again[0].prompt) == BY_TEXT[pairs[0].prompt["text"]]


def test_the_papers_batches_are_its_comparisons():
    assert len(PAPER_BATCHES) == 14
    assert PAPER_BATCHES[0] == 5561
    assert sum(PAPER_BATCHES) == 1_418_091  # Table 6
