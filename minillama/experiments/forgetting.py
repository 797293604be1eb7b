"""Section 3.2.3: trained on its last round alone, a model loses abilities that only earlier rounds showed.

Up to V3 the paper used the last round's samples only, and its model forgot, for instance, how to rhyme. In the
pipeline's rounds all kinds of prompts come every time, so nothing can be missing from the last one. Here two small
rounds are sampled from V2: an earlier one with prompts of all core kinds, and a last one with facts, sums and
refusals. Which kinds the last round lacks is by construction; whether the model forgets them is not. All arms start
from V2 and train for as many steps on as many examples: the last round's winners, the winners of both, and, as the
control, winners of a last round that lacks nothing. The learning rate is that of the pipeline's rounds; tried at half
of it, V2 moved too little to forget anything. No document of the pretraining text is mixed in, which the pipeline
does against forgetting. The extended kinds, rhymes among them, which neither round asks for, are reported.
"""

from collections.abc import Sequence
from copy import deepcopy

from minillama.alignment.rejection_sampling import sample_round
from minillama.alignment.rejection_settings import RejectionSamplingSettings
from minillama.alignment.sft import SFTSettings, train_sft
from minillama.alignment.winners import Winner, winner_examples
from minillama.experiments._chat_samples import (
    MODULES,
    Scorers,
    difference,
    encode,
    fell,
    heldout,
    interval,
    mean_of,
    sample,
    training_side,
)
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.model import Transformer
from minillama.pipeline import load
from minillama.pipeline.artifact import Artifact
from minillama.valley.tasks.base import Prompt

PRESENT, ABSENT = ("facts", "sums"), ("lists", "descriptions", "reading")
START, LAST, ALL, COMPLETE = "V2", "last round only", "best of all rounds", "last round only, all kinds in it"
LEAST_LOSS = 0.05  # what the absent abilities must lose to the last round, against the best of all
KEPT = 0.03  # what the control may lose against the best of all
SIZES = {True: (160, 2, 100), False: (500, 3, 300)}  # prompts a round, epochs, held-out prompts of either sort


def run(seed: int, quick: bool) -> list[Row]:
    """Sample the rounds, train the three arms, and measure both sorts of abilities."""
    n_prompts, epochs, n_heldout = SIZES[quick]
    start, scorers = load("rlhf-v2", seed=seed), Scorers.at("rlhf-v2", seed)
    narrow = training_side(n_prompts, seed, kinds=PRESENT) + training_side(n_prompts // 8, seed, adversarial=True)
    broad = training_side(n_prompts, seed) + training_side(n_prompts // 8, seed, adversarial=True)
    fresh = training_side(n_prompts, seed + 500) + training_side(n_prompts // 8, seed + 500, adversarial=True)
    last, earlier, complete = (winners_of(start, part, scorers, seed) for part in (narrow, broad, fresh))
    count = min(len(last), len(earlier), len(complete))
    half = [*last[::2], *earlier[1::2]]
    asked = {
        "absent": heldout(n_heldout, kinds=ABSENT),
        "present": heldout(n_heldout, kinds=PRESENT),
        "extended": heldout(n_heldout, extended=True),
    }
    arms = {LAST: last, ALL: half, COMPLETE: complete}
    rows = [measured(START, seed, start.model, start, asked)]
    for arm, winners in arms.items():
        model = deepcopy(start.model)
        settings = SFTSettings(epochs=epochs, seed=seed)
        train_sft(model, winner_examples(winners[:count]), settings, description=f"forgetting, {arm}")
        rows.append(measured(arm, seed, model.eval(), start, asked, control=arm == COMPLETE))
    return rows


def winners_of(start: Artifact, prompts: Sequence[Prompt], scorers: Scorers, seed: int) -> list[Winner]:
    """The best of four answers to each prompt, as the pipeline's rounds sample them, in mixed order."""
    settings = RejectionSamplingSettings(samples=4, temperatures=(0.8,), seed=seed)
    found = sample_round(
        start.model,
        encode(prompts, start.tokenizer),
        scorers.reward,
        settings,
        is_safety=[prompt.risk is not None for prompt in prompts],
    )
    return sorted((winner for winner in found.winners if winner.usable), key=lambda winner: hash_of(winner.prompt))


def hash_of(prompt: Sequence[int]) -> int:
    """A number that puts prompts into the same mixed order everywhere."""
    value = 0
    for token in prompt:
        value = (value * 1_000_003 + token) % 2_147_483_647
    return value


def measured(
    arm: str,
    seed: int,
    model: Transformer,
    start: Artifact,
    asked: dict[str, list[Prompt]],
    control: bool = False,
) -> Row:
    """The judge's helpfulness on each sort of held-out prompts."""
    curve = {
        sort: sample(model, start.tokenizer, prompts, seed=seed).helpfulness().flatten().tolist()
        for sort, prompts in asked.items()
    }
    numbers = {sort: sum(values) / len(values) for sort, values in curve.items()}
    return Row(arm=arm, seed=seed, numbers=numbers, control=control, curve=curve)


def judge(rows: Sequence[Row]) -> Verdict:
    """Absent abilities must suffer under the last round against the best of all rounds, and not in the control."""
    lost, kept = difference(rows, LAST, ALL, "absent"), difference(rows, COMPLETE, ALL, "absent")
    present = difference(rows, LAST, ALL, "present")
    told = "; ".join(
        f"{arm} {mean_of(rows, arm, 'absent'):.3f} and {mean_of(rows, arm, 'present'):.3f}"
        for arm in (START, LAST, ALL, COMPLETE)
    )
    seen = (
        f"kinds that the last round lacks, and kinds that it has: {told}; the last round only against the best of all: "
        f"{interval(lost)} and {interval(present)}; with all kinds in the last round {interval(kept)}; extended kinds "
        f"{mean_of(rows, START, 'extended'):.3f} before, {mean_of(rows, LAST, 'extended'):.3f} and "
        f"{mean_of(rows, ALL, 'extended'):.3f} after"
    )
    if fell(kept, KEPT):
        return Verdict("cannot be seen at this scale", f"the control forgets, too: {seen}")
    forgot = lost.high < 0 and lost.mean <= -LEAST_LOSS
    return Verdict("reproduced" if forgot else "not reproduced", seen)


CLAIM = Claim(
    name="forgetting",
    paper="section 3.2.3",
    chapter=15,
    statement="A model trained on its last round's samples alone loses abilities that the samples of all rounds keep.",
    paper_numbers={"last round only": "up to V3"},
    counts_as_reproduced=(
        f"on held-out prompts of the kinds that the last round lacks the judge's helpfulness is at least {LEAST_LOSS} "
        "lower after training on the last round only than on the best of all rounds (95 % interval, seeds pooled)"
    ),
    control=f"a last round that lacks no kind: on the same prompts at most {KEPT} lower",
    seeds=3,
    minutes=1,
    run=run,
    judge=judge,
    modules=(*MODULES, "minillama.alignment.rejection_sampling", "minillama.alignment.sft"),
)
