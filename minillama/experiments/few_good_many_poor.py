"""Section 3.1, "Quality Is All You Need": few good demonstrations against many poor ones, at equal tokens.

The paper set millions of third-party examples aside, used fewer but better ones of its own vendors, and says that the
results notably improved; it prints no numbers. Here the base model is fine-tuned on the work of two of the Valley's
vendors, the careful one and the hasty one, few dialogues or eight times as many. All arms take the same number of
steps on packed rows of the same size, so few dialogues come back eight times where many come once. One arm gets the
hasty vendor's many and the careful one's few together: what it costs not to set the poor ones aside.

What is put in by construction: a poor answer is poor because the Valley wrote it so, and a model at temperature 1
repeats the mistakes that it was shown. What is not: that few dialogues, read again and again, are enough for questions
that nobody demonstrated, and that eight times as many prompts do not make up for the answers. So in the control the
cause is removed: few against many of the *same* careless vendor. Fewness alone must bring nothing there.

The greedy answers stand beside and decide nothing: mistakes that differ from answer to answer may cancel where only the
likeliest token counts.
"""

import random
from collections.abc import Sequence
from copy import deepcopy

from minillama.alignment.sft import SFTSettings
from minillama.chat import DialogTokens, encode_dialog
from minillama.data import DialogLoader
from minillama.experiments._chat_samples import MODULES, difference, heldout, interval, mean_of, sample, valley
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.model import Transformer
from minillama.pipeline import load
from minillama.pipeline.artifact import Artifact
from minillama.training.trainer import train
from minillama.valley.dialogues import VENDORS, Vendor, demonstrations

FEW_GOOD, MANY_POOR, POOLED = "few good", "many poor", "many poor and few good"
FEW_POOR, MANY_GOOD = "few poor", "many good"
SKILLS = {vendor.name: vendor.skill for vendor in VENDORS}
GOOD, POOR = (Vendor(name, SKILLS[name], 1.0) for name in ("careful", "hasty"))
NEW = 910_000  # seeds of demonstrations that no stage of the pipeline has seen
LEAST = 0.05
SAMPLES = 4  # answers to each prompt at temperature 1, averaged: one answer differs from the next by a good deal
# Few dialogues, many dialogues, steps (which read the many about once), held-out prompts.
SIZES = {True: (60, 480, 14, 60), False: (225, 1800, 50, 300)}


def run(seed: int, quick: bool) -> list[Row]:
    """Fine-tune the base model once for each arm, and let each answer the same held-out prompts."""
    few, many, steps, n_prompts = SIZES[quick]
    base = load("base", seed=seed)
    good, poor = (written_by(vendor, base, many, seed) for vendor in (GOOD, POOR))
    arms = {
        FEW_GOOD: good[:few],
        MANY_POOR: poor,
        POOLED: [*poor, *good[:few]],
        FEW_POOR: poor[:few],
        MANY_GOOD: good,
    }
    prompts = heldout(n_prompts)
    rows = []
    for arm, examples in arms.items():
        model, loss, passes = tuned(base.model, examples, steps, seed, arm)
        helpful = sample(model, base.tokenizer, prompts, SAMPLES, seed=seed).helpfulness().mean(1).tolist()
        greedy = sample(model, base.tokenizer, prompts, temperature=0.0, seed=seed).helpfulness()
        numbers = {
            "helpfulness": sum(helpful) / len(helpful),
            "helpfulness, greedy": float(greedy.mean()),
            "dialogues": len(examples),
            "passes": passes,
            "final loss": loss,
        }
        rows.append(Row(arm=arm, seed=seed, numbers=numbers, control=arm == FEW_POOR, curve={"helpfulness": helpful}))
    return rows


def written_by(vendor: Vendor, base: Artifact, n: int, seed: int) -> list[DialogTokens]:
    """``n`` new demonstrations of one vendor that fit a row."""
    drawn = demonstrations(valley().world, n + n // 10, NEW + seed, vendors=(vendor,))
    examples = [encode_dialog(each.dialog, base.tokenizer) for each in drawn]
    fitting = [example for example in examples if len(example) <= SFTSettings().seq_len][:n]
    if len(fitting) < n:
        raise ValueError(f"only {len(fitting)} of {len(drawn)} demonstrations fit a row; {n} are needed")
    return fitting


def tuned(
    start: Transformer, examples: Sequence[DialogTokens], steps: int, seed: int, arm: str
) -> tuple[Transformer, float, float]:
    """A copy of a model after so many steps, its last mean loss, and about how often it read each example.

    Raises:
        ValueError: the examples do not fill one batch.
    """
    settings = SFTSettings(seed=seed)
    if sum(map(len, examples)) < settings.batch_size * settings.seq_len:
        raise ValueError(f"arm {arm!r}: {len(examples)} dialogues do not fill {settings.batch_size} rows; take more")
    mixed = list(examples)
    random.Random(f"{seed} {arm}").shuffle(mixed)
    endless = DialogLoader(mixed, settings.batch_size, seq_len=settings.seq_len, seed=seed)
    # An epoch's last batch may lack rows, and few dialogues have more epochs: only full batches make the arms equal.
    full = (batch for batch in endless if len(batch.tokens) == settings.batch_size)
    model = deepcopy(start)
    report = train(model, full, settings.of_run(steps, None), description=arm)
    last = report.losses[-10:]
    return model.eval(), sum(last) / len(last), report.tokens / sum(map(len, examples))


def judge(rows: Sequence[Row]) -> Verdict:
    """Few good ones must win against many poor ones, with the poor ones set aside; few poor ones must not."""
    lead = difference(rows, FEW_GOOD, MANY_POOR, "helpfulness")
    aside = difference(rows, FEW_GOOD, POOLED, "helpfulness")
    fewness = difference(rows, FEW_POOR, MANY_POOR, "helpfulness")
    number = difference(rows, MANY_GOOD, FEW_GOOD, "helpfulness")
    told = ", ".join(
        f"{arm} {mean_of(rows, arm, 'helpfulness'):.3f} (greedy {mean_of(rows, arm, 'helpfulness, greedy'):.3f})"
        for arm in (FEW_GOOD, MANY_POOR, POOLED, FEW_POOR, MANY_GOOD)
    )
    seen = (
        f"helpfulness: {told}; few good against many poor {interval(lead)}, against both together {interval(aside)}; "
        f"few poor against many poor {interval(fewness)}; many good against few good {interval(number)}"
    )
    if fewness.mean > max(lead.mean / 2, 0.0):
        return Verdict("cannot be seen at this scale", f"few poor ones beat many as well: {seen}")
    wins = lead.low > 0 and lead.mean >= LEAST and aside.low > 0
    return Verdict("reproduced" if wins else "not reproduced", seen)


CLAIM = Claim(
    name="few-good-many-poor",
    paper="section 3.1",
    chapter=11,
    statement="Few good demonstrations beat many poor ones, and it pays to set the poor ones aside.",
    paper_numbers={"annotations": 27_540},
    counts_as_reproduced=(
        f"by the judge the few good are at least {LEAST} more helpful than the many poor at equal tokens (95 % "
        "interval above 0, seeds pooled), and more helpful than few good and many poor together (interval above 0)"
    ),
    control="few poor against many poor: at most half of the lead is left, as the cause is the answers, not the number",
    seeds=3,
    minutes=2,
    run=run,
    judge=judge,
    modules=(
        *MODULES,
        "minillama.chat",
        "minillama.alignment.sft",
        "minillama.data.collate",
        "minillama.data.dialog_loader",
        "minillama.training.trainer",
        "minillama.training.update",
    ),
)
