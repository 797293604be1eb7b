"""Section 2.2: the model has rotary positions. What can it not do without any?

The same small causal model learns two tasks on the same rows of random numbers: to name the number three places back,
which needs order, and the largest number so far, which does not (the control). One arm has rotary positions, the other
none. That attention alone is blind to order is a theorem; but a causal mask shows each token a different number of
others, and from two layers on that is a trace of its place. So it is a measurement how far a model gets without. What
knowing the numbers but nothing of their order would give, the best bet, is kept beside it.

The limits of the verdict were chosen after a look at seed 0, so the claim is judged on other draws (``FRESH``).
"""

from collections.abc import Sequence
from statistics import fmean as mean

from minillama.experiments._position_schemes import FRESH, Scheme, Settings, Task, best_bet, share_right, train_model
from minillama.experiments.claim import Claim, Row, Verdict

ARMS: dict[str, Scheme] = {"rotary": "rotary", "no positions": "none"}
TASKS: dict[str, Task] = {"three back": "back", "largest so far": "largest"}
LEAST_EFFECT = 0.5
MOST_IN_CONTROL = 0.1


def arm_name(arm: str, task: str) -> str:
    """What a row calls an arm on a task.

    >>> arm_name("rotary", "three back")
    'rotary: three back'
    """
    return f"{arm}: {task}"


def run(seed: int, quick: bool) -> list[Row]:
    """Train both arms on both tasks with one seed; quick takes fewer steps."""
    settings = Settings(steps=150) if quick else Settings()
    bet = best_bet(settings.length, settings)
    rows = []
    for task_name, task in TASKS.items():
        for arm, scheme in ARMS.items():
            model, losses = train_model(scheme, task, seed + FRESH, settings)
            shares = share_right(model, task, settings.length, settings)
            rows.append(
                Row(
                    arm=arm_name(arm, task_name),
                    seed=seed,
                    numbers={"right": mean(shares)} | ({"best bet": mean(bet)} if task == "back" else {}),
                    control=task == "largest",
                    curve={"loss": losses, "right by place": shares} | ({"best bet": bet} if task == "back" else {}),
                )
            )
    return rows


def judge(rows: Sequence[Row]) -> Verdict:
    """Look for the effect on the task that needs order, in every seed, and for its absence on the other."""
    right: dict[str, dict[int, float]] = {}
    for row in rows:
        right.setdefault(row.arm, {})[row.seed] = row.numbers["right"]
    gaps = {
        task: [
            right[arm_name("rotary", task)][seed] - right[arm_name("no positions", task)][seed]
            for seed in right[arm_name("rotary", task)]
        ]
        for task in TASKS
    }
    effect, control = min(gaps["three back"]), max(abs(gap) for gap in gaps["largest so far"])
    blind, bet = (
        [row.numbers[name] for row in rows if row.arm == arm_name("no positions", "three back")]
        for name in ("right", "best bet")
    )
    seen = (
        f"the gap is at least {effect:.2f} where order counts and at most {control:.2f} where it does not; without "
        f"positions {mean(blind):.2f} are right, the best bet without any order is {mean(bet):.2f}"
    )
    if control > MOST_IN_CONTROL:
        return Verdict("cannot be seen at this scale", f"{seen}: the control does not remove the gap")
    if effect < LEAST_EFFECT:
        return Verdict("not reproduced", seen)
    return Verdict("reproduced", f"{seen}; the paper gives no number to compare with")


CLAIM = Claim(
    name="order-needs-positions",
    paper="section 2.2",
    chapter=5,
    statement="Without positions a model cannot tell the order of its tokens.",
    paper_numbers={},
    counts_as_reproduced=f"on the task of order rotary beats no positions by {LEAST_EFFECT} in every seed",
    control=f"the largest number so far, the same in every order: the gap is at most {MOST_IN_CONTROL}",
    seeds=3,
    minutes=1,
    run=run,
    judge=judge,
    modules=("minillama.experiments._position_schemes", "minillama.model"),
)
