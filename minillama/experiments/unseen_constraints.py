"""Section 3.3: Ghost Attention works for constraints that its training never showed ("answer with a haiku").

Three sorts of instruction are measured before and after Ghost Attention: personas from training, personas that were
held out (the same kind, other names and openings, which the model would have to know from its pretraining), and kinds
that no training data have: three lines in place of the haiku, and capital letters. The control gives no instruction
and asks how many answers keep the rule by chance. A model of a million parameters that has read of no dragon's voice
cannot be expected to find one.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from minillama.alignment.gatt_data import InstructedDialog
from minillama.alignment.gatt_evaluation import with_unseen_rules
from minillama.alignment.gatt_rollout import alternate, roll_out
from minillama.experiments._instruction_arms import MODULES, answering, by_seed, by_turn, fitting, probed, probes
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.model import Transformer
from minillama.pipeline import load
from minillama.tokenizer import Tokenizer

TURNS = (1, 2, 6, 20)
BASELINE, GATT, CONTROL = "without GAtt", "GAtt", "GAtt, no instruction"
KNOWN, HELD_OUT, UNSEEN = ", known personas", ", held-out personas", ", unseen kinds"
LEAST, MOST_BY_CHANCE = 0.5, 0.2
LAST = "turn 20"


def run(seed: int, quick: bool) -> list[Row]:
    """Measure only; both stages are the pipeline's."""
    before, after = load("rlhf-v5", seed=seed), load("gatt", seed=seed)
    n = 16 if quick else 32
    persona = probes(n, TURNS, kinds=("persona",))
    sorts = {
        KNOWN: persona,
        HELD_OUT: probes(n, TURNS, kinds=("persona",), heldout=True),
        UNSEEN: with_unseen_rules(persona),
    }
    rows = []
    for arm, model in ((BASELINE, before.model), (GATT, after.model)):
        numbers: dict[str, float] = {}
        for suffix, dialogs in sorts.items():
            numbers |= by_turn(probed(model, before.tokenizer, dialogs, TURNS, seed), suffix)
        rows.append(Row(arm=arm, seed=seed, numbers=numbers))
    chance: dict[str, float] = {}
    answers = bare_answers(after.model, after.tokenizer, persona, seed)
    for suffix, dialogs in sorts.items():
        chance |= by_chance(dialogs, answers, suffix)
    rows.append(Row(arm=CONTROL, seed=seed, numbers=chance, control=True))
    return rows


def bare_answers(
    model: Transformer, tokenizer: Tokenizer, dialogs: Sequence[InstructedDialog], seed: int
) -> list[list[str]]:
    """Answers to the questions with no instruction, up to turn 6: later ones are as far from any instruction."""
    short = [replace(each, questions=each.questions[:6], prompts=each.prompts[:6]) for each in dialogs]
    answer = answering(model, tokenizer)
    return roll_out(
        short,
        lambda plan, answers: alternate(plan.questions, answers),
        lambda batch, turn: answer(batch, 1.0, 1000 + seed),
        fitting(model, tokenizer),
    )


def by_chance(dialogs: Sequence[InstructedDialog], answers: Sequence[Sequence[str]], suffix: str) -> dict[str, float]:
    """What share of uninstructed answers would count as obeying; the same number for every turn."""
    told = [
        bool(rule(question, answer))
        for dialog, given in zip(dialogs, answers, strict=True)
        for rule in (_obeys(dialog),)
        for question, answer in zip(dialog.questions, given)
    ]
    return {f"turn {turn}{suffix}": sum(told) / max(1, len(told)) for turn in TURNS}


def _obeys(dialog: InstructedDialog) -> Callable[[str, str], bool | None]:
    return dialog.obeyed


def judge(rows: Sequence[Row]) -> Verdict:
    """Unseen kinds must be kept to the end, and not by chance."""
    seeds = by_seed(rows, (BASELINE, GATT, CONTROL))

    def of(arm: str, suffix: str, turn: str = LAST) -> float:
        return sum(float(each[arm][f"{turn}{suffix}"]) for each in seeds) / len(seeds)

    kept = min(float(each[GATT][f"{LAST}{UNSEEN}"]) for each in seeds)
    chance = max(float(each[CONTROL][f"{LAST}{UNSEEN}"]) for each in seeds)
    seen = (
        f"unseen kinds: {of(GATT, UNSEEN):.0%} obey at {LAST} with GAtt and {of(BASELINE, UNSEEN, 'turn 1'):.0%} at "
        f"turn 1 without it ({chance:.0%} at most by chance); held-out personas: {of(GATT, HELD_OUT):.0%} with GAtt, "
        f"{of(BASELINE, HELD_OUT, 'turn 1'):.0%} at turn 1 without; known personas: {of(GATT, KNOWN):.0%}"
    )
    if chance > MOST_BY_CHANCE:
        return Verdict("cannot be seen at this scale", f"the rules are kept by chance: {seen}")
    return Verdict("reproduced" if kept >= LEAST else "not reproduced", seen)


CLAIM = Claim(
    name="gatt-unseen",
    paper="section 3.3",
    chapter=18,
    statement="Ghost Attention also keeps constraints of a kind that its training never showed.",
    paper_numbers={"example": "always answer with a haiku"},
    counts_as_reproduced=(
        f"with GAtt at least {LEAST:.0%} of the dialogues with an unseen kind of constraint obey at turn 20, in every "
        "seed; held-out personas are reported apart"
    ),
    control=f"the same questions without an instruction: at most {MOST_BY_CHANCE:.0%} of the answers keep the rule",
    seeds=3,
    minutes=1,
    run=run,
    judge=judge,
    modules=MODULES,
)
