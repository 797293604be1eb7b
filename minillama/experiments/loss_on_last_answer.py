"""Section 3.3: Ghost Attention gives earlier turns no loss. What for?

The paper sets the loss of all tokens of earlier turns to zero "to avoid a mismatch": their answers were sampled while
the instruction stood before every question, and in training it stands before the first alone. Both ways to read that
are tried. With an *instructed* history all earlier answers obey, and with a *plain* one only the last answer was
sampled under the instruction, so earlier ones contradict the system message; there a loss on all answers teaches to
disobey. All arms start from the model with which the stage begins to sample, and both losses are trained on the same
dialogues; the second has about ten times as many answers to learn from, which can only speak for it. That earlier
answers of a plain history disobey is put in by construction.
"""

from collections.abc import Sequence
from typing import Literal

from minillama.alignment.ghost_attention import GattSettings, SampledDialog, ghost_attention_example
from minillama.experiments._instruction_arms import (
    MODULES,
    TRAIN,
    by_seed,
    by_turn,
    instructed,
    probed,
    probes,
    reminded_model,
    tuned,
)
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.pipeline import load

TURNS = (2, 6, 20)
LAST = f"turn {TURNS[-1]}"
History = Literal["instructed", "plain"]
Loss = Literal["last", "all"]
HISTORIES: tuple[History, History] = ("plain", "instructed")
LOSSES: tuple[Loss, Loss] = ("last", "all")
LEAST = 0.2
TEMPERATURE = 0.5


def arm(history: History, loss: Loss) -> str:
    """The name of a variant."""
    return f"{history} history, loss on {'the last answer' if loss == 'last' else 'all answers'}"


BASELINE = "without GAtt"


def run(seed: int, quick: bool) -> list[Row]:
    """Sample both histories once, and train with each loss on each."""
    gatt = load("gatt", seed=seed)
    start, tokenizer = reminded_model(gatt), gatt.tokenizer
    dialogs = probes(16 if quick else 32, TURNS)
    found = probed(start, tokenizer, dialogs, TURNS, seed)
    rows = [Row(arm=BASELINE, seed=seed, numbers=by_turn(found))]
    for history in HISTORIES:
        settings = GattSettings(history=history, temperature=TEMPERATURE, sft=TRAIN)
        sampled = instructed(start, tokenizer, 40 if quick else 150, seed, settings)
        for loss in LOSSES:
            examples = [
                ghost_attention_example(each.messages, each.plan.system, tokenizer, loss=loss) for each in sampled
            ]
            model = tuned(start, examples, seed)
            numbers = by_turn(probed(model, tokenizer, dialogs, TURNS, seed)) | earlier_obey(sampled)
            rows.append(Row(arm=arm(history, loss), seed=seed, numbers=numbers, control=history == "instructed"))
    return rows


def earlier_obey(sampled: Sequence[SampledDialog]) -> dict[str, float]:
    """What share of the training dialogues' answers obeys, before the last one and as the last one."""
    earlier, last = [], []
    for each in sampled:
        told = [each.plan.obeyed(q, a) for q, a in zip(each.plan.questions, each.answers, strict=True)]
        earlier += [bool(obeys) for obeys in told[:-1] if obeys is not None]
        last += [bool(told[-1])] if told[-1] is not None else []
    return {
        "earlier answers that obey": sum(earlier) / max(1, len(earlier)),
        "last answers that obey": sum(last) / max(1, len(last)),
    }


def judge(rows: Sequence[Row]) -> Verdict:
    """The paper's zeroing must help where the history contradicts the instruction, and not where it does not."""
    seeds = by_seed(rows, [arm(history, loss) for history in HISTORIES for loss in LOSSES])
    gains = {
        history: [float(each[arm(history, "last")][LAST]) - float(each[arm(history, "all")][LAST]) for each in seeds]
        for history in HISTORIES
    }
    plain, same = min(gains["plain"]), max(gains["instructed"])
    best = min(float(each[arm("plain", "last")][LAST]) for each in seeds)
    seen = (
        f"after a plain history the loss on the last answer alone keeps {plain:+.0%} or more of the instructions at "
        f"{LAST} than a loss on all answers ({best:.0%} or more are kept); after an instructed one "
        f"{same:+.0%} at most"
    )
    if same > LEAST:
        return Verdict("cannot be seen at this scale", f"it helps without a mismatch, too: {seen}")
    return Verdict("reproduced" if plain >= LEAST else "not reproduced", seen)


CLAIM = Claim(
    name="gatt-loss",
    paper="section 3.3",
    chapter=18,
    statement="Zero loss on earlier turns avoids a mismatch between the system message and what they say.",
    paper_numbers={},
    counts_as_reproduced=(
        "where earlier answers were sampled without the instruction, the loss on the last answer alone keeps at least "
        f"{LEAST:.0%} more instructions at turn 20 than a loss on all answers, in every seed"
    ),
    control=(
        "the same with earlier answers that obey, so that nothing contradicts the system message: the loss "
        f"on the last answer alone keeps at most {LEAST:.0%} more"
    ),
    seeds=3,
    minutes=1.5,
    run=run,
    judge=judge,
    modules=MODULES,
)
