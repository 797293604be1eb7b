"""Table 7: the helpfulness model is the better one on helpfulness, the safety model on safety.

Both reward models come from the pipeline. They differ in more than their pairs: the helpfulness model reads whole
answers and has more pairs, the safety model reads the last token and has the auxiliary loss. So in the control the same
two recipes are trained on the same pairs, pooled and dealt out to them at random: whatever then is left of one model's
lead on a domain is the recipe's, not the pairs'. The likelihood that the fine-tuned model gives an answer stands beside
them, a score that never saw a preference.

By construction of the Valley's raters, safety pairs among two safe answers are decided by helpfulness, and helpfulness
pairs of the first stage have no harmful prompts. The held-out pairs are compared without noise.

Source: section 3.2.2, Table 7.
"""

from collections.abc import Mapping, Sequence

from minillama.alignment.preferences import PreferencePair
from minillama.alignment.reward_model import Scorer
from minillama.experiments._reward_pairs import (
    ASPECTS,
    TRAINING_MODULES,
    Scored,
    held_out_pairs,
    likelihood_scorer,
    pooled,
    scored,
    shuffled,
    trained,
    training_pairs,
    with_error,
)
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.pipeline import load
from minillama.pipeline.alignment_presets import FIRST_HELPFULNESS, FIRST_SAFETY
from minillama.pipeline.artifact import Artifact
from minillama.valley.raters import Aspect

OWN, POOLED, LIKELIHOOD = "own pairs", "pooled pairs", "likelihood"
PROMPTS, QUICK_PROMPTS = 700, 250  # held-out prompts of each domain
DRAWS = 2  # times that each is answered
PAIRS, QUICK_PAIRS = 3000, 600  # pooled training pairs, half for each model of the control
LEAST_LEAD = 0.03
SETTINGS = {"helpfulness": FIRST_HELPFULNESS, "safety": FIRST_SAFETY}


def run(seed: int, quick: bool) -> list[Row]:
    """Compare the pipeline's two models on both domains, then two that were trained on pooled pairs."""
    sft = load("sft", seed=seed)
    prompts, draws = (QUICK_PROMPTS, 1) if quick else (PROMPTS, DRAWS)
    held_out = {domain: held_out_pairs(sft, domain, prompts, seed, draws=draws) for domain in ASPECTS}
    own = {aspect: load(f"reward-{aspect}", seed=seed).reward_model.score for aspect in ASPECTS}
    mixed = mixed_models(sft, seed, QUICK_PAIRS if quick else PAIRS)
    likelihood = likelihood_scorer(sft.model)
    rows = [
        Row(arm=OWN, seed=seed, numbers=leads(measured(own, held_out, sft))),
        Row(arm=POOLED, seed=seed, numbers=leads(measured(mixed, held_out, sft)), control=True),
    ]
    numbers = {
        f"on {domain}": float(scored(likelihood, held_out[domain], sft).clear.right.mean()) for domain in ASPECTS
    }
    return [*rows, Row(arm=LIKELIHOOD, seed=seed, numbers=numbers, control=True)]


def mixed_models(sft: Artifact, seed: int, most: int) -> dict[Aspect, Scorer]:
    """The two recipes, each trained on a random half of as many pairs of either sort."""
    both = [pair for aspect in ASPECTS for pair in training_pairs(seed, aspect, most=most // 2)]
    found: dict[Aspect, Scorer] = {}
    for aspect, pairs in zip(ASPECTS, halves(both, seed), strict=True):
        recipe = SETTINGS[aspect]
        model = trained(
            sft.model, pairs, sft, recipe.train, seed, reads=recipe.reads, description=f"table-7, {aspect} recipe"
        )
        found[aspect] = model.score
    return found


def halves(pairs: Sequence[PreferencePair], seed: int) -> tuple[list[PreferencePair], list[PreferencePair]]:
    """Two random halves."""
    mixed = shuffled(pairs, seed)
    middle = len(mixed) // 2
    return mixed[:middle], mixed[middle:]


def measured(
    models: Mapping[Aspect, Scorer], held_out: Mapping[Aspect, Sequence[PreferencePair]], sft: Artifact
) -> dict[tuple[Aspect, Aspect], Scored]:
    """The scores of every model (first) on every domain (second), of the pairs that are not negligible."""
    return {
        (aspect, domain): scored(model, held_out[domain], sft).clear
        for aspect, model in models.items()
        for domain in ASPECTS
    }


def leads(found: Mapping[tuple[Aspect, Aspect], Scored]) -> dict[str, float]:
    """All four accuracies, and on each domain by how much its own model leads over the other, pair by pair."""
    numbers = {f"{aspect} model on {domain}": float(each.right.mean()) for (aspect, domain), each in found.items()}
    for domain, other in (ASPECTS, ASPECTS[::-1]):
        lead = found[domain, domain].right - found[other, domain].right
        numbers |= with_error(f"lead on {domain}", lead)
        numbers[f"pairs of {domain}"] = float(len(lead))
    return numbers


def judge(rows: Sequence[Row]) -> Verdict:
    """Both models must lead on their own domain, and both together no longer where the pairs were pooled."""
    own = {domain: pooled(rows, OWN, f"lead on {domain}") for domain in ASPECTS}
    control = {domain: pooled(rows, POOLED, f"lead on {domain}") for domain in ASPECTS}
    seen = "; ".join(
        f"on {domain} its own model leads by {own[domain]}, with pooled pairs by {control[domain]}"
        for domain in ASPECTS
    )
    if all(each.mean >= LEAST_LEAD and each.low > 0 for each in control.values()):
        return Verdict("cannot be seen at this scale", f"the recipes alone give both leads: {seen}")
    missing = [domain for domain in ASPECTS if own[domain].mean < LEAST_LEAD or not own[domain].above_zero]
    if missing:
        return Verdict("not reproduced", f"no clear lead on {' and '.join(missing)}: {seen}")
    return Verdict("reproduced", seen)


CLAIM = Claim(
    name="table-7",
    paper="Table 7",
    chapter=14,
    statement="Each of the two reward models is the better one on its own domain.",
    paper_numbers={
        "helpfulness model on helpfulness": 63.2,
        "safety model on helpfulness": 56.2,
        "helpfulness model on safety": 62.8,
        "safety model on safety": 64.5,
    },
    counts_as_reproduced=(
        f"on held-out helpfulness and safety pairs alike, the domain's own model is right at least {LEAST_LEAD} more "
        "often than the other on the same pairs, more often in every seed, and the 95 % interval excludes 0"
    ),
    control=(
        "the same two recipes trained on the same pairs pooled and dealt out at random: there must not be a lead of "
        f"{LEAST_LEAD} beyond chance on both domains"
    ),
    seeds=3,
    minutes=0.8,
    run=run,
    judge=judge,
    modules=TRAINING_MODULES,
)
