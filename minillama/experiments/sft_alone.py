"""Section 3.4 asked the other way round: would as many more demonstrations do what preferences do?

The paper holds that people are better at judging answers than at writing them, so that RLHF lifts a model above its
annotators. V1 cost comparisons of two answers; the same number of further demonstrations, written by the vendors who
wrote the first ones, is what SFT alone gets for them here (at most 3,000; a comparison is quicker made than an answer
written, so this favours SFT). That the vendors write worse than the raters judge is built into the Valley: the vendors'
skill is mixed, the rater is careful. So the control removes this cause: vendors who never write a poor answer. With
them SFT alone must do about as well. And since fine-tuning on the likeliest of a few answers needs neither writers nor
raters and gains a good deal, V1 is compared with that, too: only what it has beyond it is due to the preferences.
"""

from collections.abc import Sequence
from copy import deepcopy

from minillama.alignment.preferences import read_preferences
from minillama.alignment.sft import SFTSettings, train_sft
from minillama.chat import DialogTokens, encode_dialog
from minillama.experiments._chat_samples import (
    MODULES,
    answer_values,
    difference,
    heldout,
    interval,
    mean_of,
    valley,
)
from minillama.experiments._small_ppo import mixed_prompts
from minillama.experiments._small_rounds import MODULES as ROUND_MODULES
from minillama.experiments._small_rounds import by_breadth, likelihood_of
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.pipeline import load
from minillama.pipeline.artifact import Artifact
from minillama.valley.dialogues import VENDORS, Vendor, demonstrations

START, ALONE, RLHF, PERFECT = "SFT", "more demonstrations", "preferences, V1", "more demonstrations, none poor"
SHARPENED = "likeliest of four answers"
PERFECT_VENDORS = (Vendor("perfect", 1.0, 1.0),)
NEW = 900_000  # seeds of demonstrations that nobody has seen
LEAST = 0.05
# Demonstrations at most, prompts to sharpen on, held-out ordinary and harmful prompts.
SIZES = {True: (700, 120, 120, 80), False: (3000, 500, 400, 200)}


def run(seed: int, quick: bool) -> list[Row]:
    """Fine-tune SFT on more demonstrations of both sorts; V1 is the pipeline's."""
    most, n_prompts, n_ordinary, n_harmful = SIZES[quick]
    sft = load("sft", seed=seed)
    comparisons = sum(
        len(read_preferences(load(f"reward-{aspect}", seed=seed).folder / "preferences.jsonl"))
        for aspect in ("helpfulness", "safety")
    )
    count = min(most, comparisons)
    models = {START: sft.model, RLHF: load("rlhf-v1", seed=seed).model}
    for arm, vendors in ((ALONE, VENDORS), (PERFECT, PERFECT_VENDORS)):
        models[arm] = deepcopy(sft.model)
        examples = demonstrated(sft, count, vendors, seed)
        train_sft(models[arm], examples, SFTSettings(epochs=1, peak_lr=1e-3, seed=seed), description=arm)
    models[SHARPENED] = by_breadth(sft, mixed_prompts(n_prompts, seed), likelihood_of(sft.model), seed)
    asked = heldout(n_ordinary), heldout(n_harmful, adversarial=True)
    annotations = {START: 0, RLHF: comparisons, ALONE: count, PERFECT: count, SHARPENED: 0}
    rows = []
    for arm, model in models.items():
        helped, violated = answer_values(model.eval(), sft.tokenizer, *asked, seed=seed)
        numbers = {
            "helpfulness": sum(helped) / len(helped),
            "violations": sum(violated) / len(violated),
            "annotations": annotations[arm],
        }
        curve = {"helpfulness": helped, "violations": violated}
        rows.append(Row(arm=arm, seed=seed, numbers=numbers, control=arm == PERFECT, curve=curve))
    return rows


def demonstrated(sft: Artifact, n: int, vendors: Sequence[Vendor], seed: int) -> list[DialogTokens]:
    """New demonstrations of some vendors; prompts are the same whoever writes."""
    drawn = demonstrations(valley().world, n, NEW + seed, vendors=vendors)
    examples = [encode_dialog(each.dialog, sft.tokenizer) for each in drawn]
    return [example for example in examples if len(example) <= SFTSettings().seq_len]


def judge(rows: Sequence[Row]) -> Verdict:
    """V1 must help more than SFT with more demonstrations, and most of that must be the vendors' skill."""
    gap, left = difference(rows, RLHF, ALONE, "helpfulness"), difference(rows, RLHF, PERFECT, "helpfulness")
    harm = difference(rows, RLHF, ALONE, "violations")
    beyond, safer = (difference(rows, RLHF, SHARPENED, name) for name in ("helpfulness", "violations"))
    told = "; ".join(
        f"{arm} {mean_of(rows, arm, 'helpfulness'):.3f} and {mean_of(rows, arm, 'violations'):.3f} "
        f"({mean_of(rows, arm, 'annotations'):.0f} annotations)"
        for arm in (START, ALONE, RLHF, PERFECT, SHARPENED)
    )
    seen = (
        f"helpfulness and violations: {told}; V1 against more demonstrations {interval(gap)} and {interval(harm)}, "
        f"against demonstrations of which none is poor {interval(left)}, against the likeliest of four "
        f"{interval(beyond)} and {interval(safer)}"
    )
    if gap.low <= 0 or gap.mean < LEAST or harm.low > 0:
        return Verdict("not reproduced", seen)
    if left.mean > gap.mean / 2:
        return Verdict("cannot be seen at this scale", f"the writers' skill does not explain the gap: {seen}")
    if beyond.low <= 0 and safer.high >= 0:
        return Verdict("cannot be seen at this scale", f"sharpening without preferences does as well: {seen}")
    return Verdict("reproduced", seen)


CLAIM = Claim(
    name="sft-alone",
    paper="section 3.4",
    chapter=17,
    statement="Preferences and rejection sampling lift a model above its writers; as many demonstrations do not.",
    paper_numbers={},
    counts_as_reproduced=(
        f"by the judge V1 is at least {LEAST} more helpful than SFT after as many more demonstrations as V1 cost "
        "comparisons (95 % interval above 0, seeds pooled), does no more harm, and is more helpful or less harmful "
        "than SFT fine-tuned on the likeliest of four of its own answers"
    ),
    control="demonstrations of which none is poor: V1's lead is at most half as large, since the cause is who writes",
    seeds=3,
    minutes=1,
    run=run,
    judge=judge,
    modules=(*MODULES, *ROUND_MODULES),
)
