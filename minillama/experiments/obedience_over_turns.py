"""Table 30: for how many turns an instruction is kept, with and without Ghost Attention.

The instruction is said once, as the system message of the first turn. The paper's instructions are public figures,
hobbies and a language; here personas and French, with held-out questions, and apart from them personas that no training
has seen. Two models stand for the baseline: the one that PPO left, and, since reinforcement learning may have worn off
obeying as such, the one with which the stage begins to sample, to which it was shown again in dialogues of few turns or
with the instruction on every turn. The stage's training also shows more and longer dialogues than PPO did, so the
control trains the latter model on as long ones in the same way, without any instruction: if length were what is learnt,
it would keep instructions, too.
"""

from collections.abc import Sequence

from minillama.alignment.gatt_data import InstructedDialog
from minillama.experiments._instruction_arms import (
    MODULES,
    PAPER_TURNS,
    by_seed,
    by_turn,
    highest,
    kind_of,
    lowest,
    probed,
    probes,
    reminded_model,
    tuned,
    uninstructed,
)
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.model import Transformer
from minillama.pipeline import load
from minillama.tokenizer import Tokenizer

BASELINE, REMINDED, GATT = "without GAtt", "shown again how to obey", "GAtt"
CONTROL = "trained on dialogues without instructions"
HELD_OUT = ", held-out personas"
FIRST, LAST = f"turn {PAPER_TURNS[0]}", f"turn {PAPER_TURNS[-1]}"
KEPT, FORGOTTEN = 0.8, 0.2
MOST_IN_CONTROL = 0.2  # over the baseline
SAMPLING_TEMPERATURE = 0.5


def run(seed: int, quick: bool) -> list[Row]:
    """Measure both stages and the control on the same dialogues."""
    before, after = load("rlhf-v5", seed=seed), load("gatt", seed=seed)
    known = probes(24 if quick else 48, PAPER_TURNS)
    unseen = probes(16 if quick else 24, PAPER_TURNS, kinds=("persona",), heldout=True)
    start = reminded_model(after)
    plain = uninstructed(start, before.tokenizer, 30 if quick else 120, seed, SAMPLING_TEMPERATURE)
    arms = {BASELINE: before.model, REMINDED: start, GATT: after.model, CONTROL: tuned(start, plain, seed)}
    return [_row(arm, model, before.tokenizer, (known, unseen), seed) for arm, model in arms.items()]


def _row(
    arm: str,
    model: Transformer,
    tokenizer: Tokenizer,
    dialogs: tuple[Sequence[InstructedDialog], Sequence[InstructedDialog]],
    seed: int,
) -> Row:
    """Obedience by turn: of all known constraints, of personas and French apart, and of held-out personas."""
    known, unseen = dialogs
    found = probed(model, tokenizer, known, PAPER_TURNS, seed)
    numbers = by_turn(found) | {"dialogues": len(known), "broken": found.broken}
    for kind in ("persona", "language"):
        kept = [row for row, dialog in zip(found.kept, known, strict=True) if kind_of(dialog) == kind]
        numbers |= {f"turn {turn}, {kind}": sum(bool(row[turn]) for row in kept) / len(kept) for turn in PAPER_TURNS}
    numbers |= by_turn(probed(model, tokenizer, unseen, PAPER_TURNS, seed), HELD_OUT)
    return Row(arm=arm, seed=seed, numbers=numbers, control=arm == CONTROL)


def judge(rows: Sequence[Row]) -> Verdict:
    """Kept to the end with GAtt, forgotten without, and forgotten after the same training without instructions."""
    seeds = by_seed(rows, (BASELINE, REMINDED, GATT, CONTROL))
    kept = min(lowest(seeds, GATT, f"turn {turn}") for turn in PAPER_TURNS)
    forgotten = max(highest(seeds, arm, LAST) for arm in (BASELINE, REMINDED))
    early = [f"{lowest(seeds, arm, FIRST):.0%}" for arm in (BASELINE, REMINDED)]
    idle = max(float(numbers[CONTROL][LAST]) - float(numbers[REMINDED][LAST]) for numbers in seeds)
    unseen = lowest(seeds, GATT, f"{LAST}{HELD_OUT}")
    seen = (
        f"with GAtt {kept:.0%} or more obey at each of the turns, without it {forgotten:.0%} or fewer at {LAST} "
        f"(at {FIRST} {early[0]} or more, and {early[1]} or more once shown again how to obey); "
        f"training on dialogues without instructions adds {idle:+.0%} there; held-out personas with GAtt at {LAST}: "
        f"{unseen:.0%} or more"
    )
    if idle > MOST_IN_CONTROL:
        return Verdict("cannot be seen at this scale", f"long dialogues alone teach it, too: {seen}")
    return Verdict("reproduced" if kept >= KEPT and forgotten <= FORGOTTEN else "not reproduced", seen)


CLAIM = Claim(
    name="table-30",
    paper="Table 30",
    chapter=18,
    statement="With Ghost Attention an instruction of the first turn is kept over 20 turns; without it, it fades.",
    paper_numbers={
        **{f"baseline, turn {turn}": share for turn, share in zip(PAPER_TURNS, (1.0, 0.1, 0.0, 0.0), strict=True)},
        **{f"GAtt, turn {turn}": 1.0 for turn in PAPER_TURNS},
    },
    counts_as_reproduced=(
        f"in every seed at least {KEPT:.0%} of the dialogues with personas and French from training obey at each of "
        f"the turns {', '.join(map(str, PAPER_TURNS))} with GAtt, and at most {FORGOTTEN:.0%} at turn 20 without it, "
        "before and after the demonstrations that the stage begins with"
    ),
    control=(
        "the same training on dialogues as long without instructions: at turn 20 it adds at most "
        f"{MOST_IN_CONTROL:.0%} to the baseline"
    ),
    seeds=3,
    minutes=1.2,
    run=run,
    judge=judge,
    modules=MODULES,
)
