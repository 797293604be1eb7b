"""What happens past the length a model was trained on (the reason why section 2.2 trains on the doubled context)?

Models with rotary positions, a learned and a sinusoidal table learn on rows of 32 to name the number three places
back, and are asked in rows of 64 and 128, at the places past the 32nd (the 64th). The task is the same there. In the
control the models are trained on rows of 64, and asked at the same places 33 to 64: what was missing was training.

That the learned table fails is put in by construction: its rows past the 32nd are as they were drawn. Sines and
rotation are known everywhere, so what becomes of them is a measurement. The limits of the verdict were chosen after a
look at seed 0, so the claim is judged on other draws (``FRESH``).
"""

from collections.abc import Sequence
from dataclasses import replace

from minillama.experiments._position_schemes import FRESH, Scheme, Settings, share_right, train_model
from minillama.experiments.claim import Claim, Row, Verdict

ARMS: dict[str, Scheme] = {"rotary": "rotary", "learned table": "learned", "sinusoidal table": "sinusoidal"}
TABLES = ("learned table", "sinusoidal table")
TRAINED_LONGER = ", trained to 64"
WITHIN, TWICE, FOUR_TIMES = "right in places 4-32", "right in places 33-64", "right in places 65-128"
LEAST_EFFECT = 0.4
LEAST_WITHIN = 0.9
MOST_IN_CONTROL = 0.1


def run(seed: int, quick: bool) -> list[Row]:
    """Train the three arms on rows of 32, and as a control on rows of 64; quick takes fewer steps."""
    short = Settings(steps=250) if quick else Settings()
    rows = []
    for settings in (short, replace(short, length=2 * short.length)):
        control = settings.length > short.length
        for arm, scheme in ARMS.items():
            model, _ = train_model(scheme, "back", seed + FRESH, settings)
            shares = share_right(model, "back", settings.longest, settings)
            by_place = dict(enumerate(shares, start=settings.back + 1))
            numbers = {
                WITHIN: mean_between(by_place, settings.back + 1, short.length),
                TWICE: mean_between(by_place, short.length + 1, 2 * short.length),
                FOUR_TIMES: mean_between(by_place, 2 * short.length + 1, 4 * short.length),
            }
            curve: dict[str, Sequence[float]] = {"place": list(by_place), "right": shares}
            rows.append(
                Row(arm=arm + TRAINED_LONGER * control, seed=seed, numbers=numbers, control=control, curve=curve)
            )
    return rows


def mean_between(by_place: dict[int, float], first: int, last: int) -> float:
    """The mean over places, both ends included.

    >>> mean_between({1: 0.0, 2: 0.5, 3: 1.0}, 2, 3)
    0.75
    """
    return sum(by_place[place] for place in range(first, last + 1)) / (last + 1 - first)


def judge(rows: Sequence[Row]) -> Verdict:
    """Past the trained length rotary must be ahead of both tables; trained there, all must be equal."""
    numbers = {(row.arm, row.seed): row.numbers for row in rows}
    seeds = sorted({row.seed for row in rows})
    within = min(numbers[arm, seed][WITHIN] for arm in ARMS for seed in seeds)
    ahead = min(numbers["rotary", s][TWICE] - numbers[table, s][TWICE] for table in TABLES for s in seeds)
    trained = [[numbers[arm + TRAINED_LONGER, seed][TWICE] for arm in ARMS] for seed in seeds]
    control = max(max(shares) - min(shares) for shares in trained)
    lost = max(numbers["rotary", s][WITHIN] - numbers["rotary", s][FOUR_TIMES] for s in seeds)
    seen = (
        f"past the trained length rotary is ahead by at least {ahead:.2f}, with training there by at most "
        f"{control:.2f}; at four times the length rotary itself has lost up to {lost:.2f}"
    )
    if within < LEAST_WITHIN:
        return Verdict("cannot be seen at this scale", f"{seen}; an arm knows only {within:.2f} of its own length")
    if control > MOST_IN_CONTROL:
        return Verdict("cannot be seen at this scale", f"{seen}: the arms differ with training there, too")
    if ahead < LEAST_EFFECT:
        return Verdict("not reproduced", seen)
    return Verdict("reproduced", f"{seen}; the paper gives no number to compare with")


CLAIM = Claim(
    name="beyond-trained-length",
    paper="section 2.2",
    chapter=5,
    statement="Past the trained length, position tables fail at once, and rotary positions later.",
    paper_numbers={"trained context of Llama 1": "2k", "trained context of Llama 2": "4k"},
    counts_as_reproduced=(
        f"at up to twice the trained length rotary is {LEAST_EFFECT} ahead of both tables in every seed, and all know "
        f"at least {LEAST_WITHIN} within it"
    ),
    control=f"trained on rows of twice the length, all three differ by at most {MOST_IN_CONTROL} in the same places",
    seeds=3,
    minutes=2,
    run=run,
    judge=judge,
    modules=("minillama.experiments._position_schemes", "minillama.model"),
)
