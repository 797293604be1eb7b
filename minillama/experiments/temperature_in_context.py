"""Figure 21: after RLHF factual answers stay the same as the temperature grows, while creative ones still vary.

Ten factual prompts (facts) and ten creative ones (free descriptions) get 25 answers each at every temperature;
Self-BLEU says how alike they are. RLHF sharpens every distribution, and a sharpened SFT model would look alike on
factual *and* on creative prompts. So the control is SFT at whatever lower temperature makes its creative answers as
varied as V5's: only if V5's factual answers are more alike than SFT's are there does the temperature hang on the
context.
"""

from collections.abc import Sequence
from itertools import pairwise

from minillama.evaluation import self_bleu
from minillama.experiments._chat_samples import MODULES, by_seed, heldout, mean_of, sample
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.model import Transformer
from minillama.pipeline import load
from minillama.tokenizer import Tokenizer
from minillama.valley.tasks.base import Prompt

BEFORE, AFTER, SHARPENED = "SFT", "V5", "SFT, as varied as V5 where creative"
KINDS = {"factual": "facts", "creative": "descriptions"}
TEMPERATURES = {True: (0.4, 1.0, 1.5), False: (0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5)}
SIZES = {True: (5, 12), False: (10, 25)}  # prompts of each sort, answers of each
HOT = 1.0  # from here on the arms are compared
LEAST = 0.05  # of Self-BLEU


def run(seed: int, quick: bool) -> list[Row]:
    """Self-BLEU by temperature for both models, and SFT's where its creative answers vary as V5's do."""
    n_prompts, answers = SIZES[quick]
    temperatures = TEMPERATURES[quick]
    asked = {sort: heldout(n_prompts, kinds=(kind,)) for sort, kind in KINDS.items()}
    found: dict[str, dict[str, list[float]]] = {}
    for arm, stage in ((BEFORE, "sft"), (AFTER, "rlhf-v5")):
        artifact = load(stage, seed=seed)
        found[arm] = {
            sort: [alike(artifact.model, artifact.tokenizer, prompts, answers, at, seed) for at in temperatures]
            for sort, prompts in asked.items()
        }
    found[SHARPENED] = {
        "creative": found[AFTER]["creative"],
        "factual": [at_same_variety(found[BEFORE], level) for level in found[AFTER]["creative"]],
    }
    return [row_of(arm, seed, temperatures, curves) for arm, curves in found.items()]


def alike(
    model: Transformer, tokenizer: Tokenizer, prompts: Sequence[Prompt], n: int, temperature: float, seed: int
) -> float:
    """Mean over the prompts of the Self-BLEU of ``n`` answers."""
    found = sample(model, tokenizer, prompts, n, temperature=temperature, seed=seed)
    each = [self_bleu(found.texts[start : start + n], smooth=True) for start in range(0, len(found.texts), n)]
    return sum(each) / len(each)


def at_same_variety(curves: dict[str, list[float]], level: float) -> float:
    """The factual Self-BLEU at the temperature where the creative one is ``level``, on straight lines between points.

    Beyond the ends of the curve it is the value at the end.
    """
    points = sorted(zip(curves["creative"], curves["factual"], strict=True))
    if level <= points[0][0]:
        return points[0][1]
    for (low, below), (high, above) in pairwise(points):
        if level <= high:
            return below + (above - below) * (level - low) / (high - low) if high > low else above
    return points[-1][1]


def row_of(arm: str, seed: int, temperatures: Sequence[float], curves: dict[str, list[float]]) -> Row:
    """A row of the two curves."""
    hot = [place for place, at in enumerate(temperatures) if at >= HOT]
    numbers = {f"{sort}, T {at:g}": value for sort in KINDS for at, value in zip(temperatures, curves[sort])}
    for sort in KINDS:
        numbers[f"{sort}, T from {HOT:g}"] = sum(curves[sort][place] for place in hot) / len(hot)
        numbers[f"{sort}, fall"] = curves[sort][0] - curves[sort][-1]
    curve = {"temperature": list(temperatures), **curves}
    return Row(arm=arm, seed=seed, numbers=numbers, control=arm == SHARPENED, curve=curve)


def judge(rows: Sequence[Row]) -> Verdict:
    """V5's factual answers must stay alike where its creative ones vary, more so than a sharpened SFT's."""
    factual, creative = (mean_of(rows, AFTER, f"{sort}, T from {HOT:g}") for sort in KINDS)
    before = [mean_of(rows, BEFORE, f"{sort}, T from {HOT:g}") for sort in KINDS]
    name = f"factual, T from {HOT:g}"
    ours, sharpened = ([row.numbers[name] for row in by_seed(rows, arm)] for arm in (AFTER, SHARPENED))
    beyond = [a - b for a, b in zip(ours, sharpened, strict=True)]
    seen = (
        f"Self-BLEU from T = {HOT:g} up, factual and creative: SFT {before[0]:.2f} and {before[1]:.2f}, V5 "
        f"{factual:.2f} and {creative:.2f}; SFT as varied as V5 where creative is {mean_of(rows, SHARPENED, name):.2f} "
        f"where factual, V5 beyond it by {', '.join(f'{value:+.2f}' for value in beyond)} (by seed)"
    )
    stays = factual - creative >= LEAST and factual - before[0] >= LEAST
    if stays and min(beyond) < LEAST:
        return Verdict("cannot be seen at this scale", f"sharpening alone explains it: {seen}")
    return Verdict("reproduced" if stays else "not reproduced", seen)


CLAIM = Claim(
    name="figure-21",
    paper="Figure 21",
    chapter=17,
    statement="After RLHF factual answers stay alike as the temperature grows, while creative answers still vary.",
    paper_numbers={"samples": 25, "factual prompts": 10, "creative prompts": 10, "temperatures": "0.1 to 1.5"},
    counts_as_reproduced=(
        f"from temperature {HOT:g} up V5's factual answers have a Self-BLEU at least {LEAST} above its creative ones "
        f"and above SFT's factual ones, and in every seed at least {LEAST} above the control's"
    ),
    control="SFT at the lower temperatures at which its creative answers are as varied as V5's: sharpening, no context",
    seeds=3,
    minutes=0.8,
    run=run,
    judge=judge,
    modules=(*MODULES, "minillama.evaluation.diversity"),
)
