"""Figure 10: Ghost Attention keeps attention on the system message over the turns.

The model with which the stage begins to sample and the one that it ends with read the same dialogues: held-out
questions under a persona, with right answers in that persona's voice, so that no difference comes from what they said
themselves. For each turn the attention of the tokens of that turn on the system message is taken, as the mean over
tokens of the strongest head's share (the paper shows maxima). More attention could also mean that the whole beginning
is looked at more. So the same is measured for as many tokens of the first question, which stand right
behind the system message and instruct nothing: what GAtt adds must be more on the system
message than there.
"""

import random
import statistics
from collections.abc import Sequence

from minillama.alignment.gatt_data import InstructedDialog
from minillama.alignment.gatt_rollout import Dialog, alternate
from minillama.alignment.system_attention import attention_weights, system_span
from minillama.chat import encode_dialog
from minillama.experiments._instruction_arms import by_seed, probes, reminded_model, the_world
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.model import Transformer
from minillama.pipeline import load
from minillama.tokenizer import Tokenizer
from minillama.valley.personas import Constraint
from minillama.valley.tasks.registry import task

TURNS = (2, 4, 6, 10, 15, 20)
BASELINE, GATT = "without GAtt", "GAtt"
QUESTION = ", first question"
LATE = (10, 15, 20)
LEAST_RATIO = 1.5
SYSTEM = "system message"


def run(seed: int, quick: bool) -> list[Row]:
    """Measure both stages on the same dialogues."""
    after = load("gatt", seed=seed)
    dialogs = [
        spoken(plan, number) for number, plan in enumerate(probes(8 if quick else 32, TURNS, kinds=("persona",)))
    ]
    rows = []
    for arm, model in ((BASELINE, reminded_model(after)), (GATT, after.model)):
        on_system, on_question = looked_at(model, after.tokenizer, dialogs)
        rows.append(Row(arm=arm, seed=seed, numbers=on_system))
        rows.append(Row(arm=arm + QUESTION, seed=seed, numbers=on_question, control=True))
    return rows


def spoken(plan: InstructedDialog, number: int) -> Dialog:
    """The dialogue with right answers in the persona's voice, the instruction as its system message."""
    rng = random.Random(f"spoken {number}")
    rule = plan.rules[0]
    if not isinstance(rule, Constraint) or rule.persona is None:
        raise ValueError(f"the instruction {plan.instruction!r} names no persona; choose probes with one")
    answers = []
    for prompt in plan.prompts:
        if prompt is None:
            raise ValueError("a question about a hobby has no right answer here; choose probes without one")
        answers.append(rule.persona.say(task(prompt.task).good_answer(the_world(), prompt.case, rng), rng))
    return [{"role": "system", "content": plan.system}, *alternate(plan.questions, answers)]


def looked_at(
    model: Transformer, tokenizer: Tokenizer, dialogs: Sequence[Dialog]
) -> tuple[dict[str, float], dict[str, float]]:
    """Attention by turn on the system message, and on as many tokens behind it: mean over dialogues and tokens of the
    largest share that any head of any layer gives."""
    system: dict[int, list[float]] = {turn: [] for turn in TURNS}
    question: dict[int, list[float]] = {turn: [] for turn in TURNS}
    for dialog in dialogs:
        first, last = system_span(dialog, tokenizer)
        end = len(encode_dialog(dialog[:2], tokenizer))
        behind = (end - min(last - first, end - last), end)  # the end of the first question
        for turn in TURNS:
            begin = len(encode_dialog(dialog[: 2 * turn - 1], tokenizer))  # turns 1 to turn - 1
            part = encode_dialog(dialog[: 2 * turn + 1], tokenizer).tokens
            weights = attention_weights(model, part, (begin, len(part)))
            for place, found in (((first, last), system), (behind, question)):
                share = weights[..., place[0] : place[1]].sum(-1).amax(dim=(0, 1))
                found[turn].append(float(share.mean()))
    return (
        {f"turn {turn}": statistics.fmean(values) for turn, values in system.items()},
        {f"turn {turn}": statistics.fmean(values) for turn, values in question.items()},
    )


def judge(rows: Sequence[Row]) -> Verdict:
    """GAtt must raise the late turns' attention on the system message, and more than that on what stands behind it."""
    arms = [BASELINE, GATT, BASELINE + QUESTION, GATT + QUESTION]
    seeds = by_seed(rows, arms)

    def late(numbers: dict[str, dict[str, float]], arm: str) -> float:
        return statistics.fmean(float(numbers[arm][f"turn {turn}"]) for turn in LATE)

    plain = [{arm: dict(each[arm]) for arm in arms} for each in seeds]
    ratio = [late(each, GATT) / late(each, BASELINE) for each in plain]
    behind = [late(each, GATT + QUESTION) / late(each, BASELINE + QUESTION) for each in plain]
    shares = ", ".join(f"{late(each, BASELINE):.2f} to {late(each, GATT):.2f}" for each in plain)
    seen = (
        f"from turn {LATE[0]} on the strongest head's share on the system message goes from {shares} "
        f"({min(ratio):.2f} times or more); on as many tokens of the first question {max(behind):.2f} times at most"
    )
    if max(behind) >= min(ratio) and min(ratio) >= LEAST_RATIO:
        return Verdict("cannot be seen at this scale", f"the whole beginning is looked at more: {seen}")
    return Verdict("reproduced" if min(ratio) >= LEAST_RATIO else "not reproduced", seen)


CLAIM = Claim(
    name="figure-10",
    paper="Figure 10",
    chapter=18,
    statement="With Ghost Attention the model goes on attending to the system message in later turns.",
    paper_numbers={},
    counts_as_reproduced=(
        f"in every seed the attention on the system message from turn {LATE[0]} on is at least {LEAST_RATIO:g} times "
        "that of the model before, on the same text"
    ),
    control=(
        "as many tokens of the first question, right behind the system message: the attention on them grows by a "
        "smaller factor"
    ),
    seeds=3,
    minutes=0.5,
    run=run,
    judge=judge,
    modules=(
        "minillama.alignment.gatt_data",
        "minillama.alignment.system_attention",
        "minillama.experiments._instruction_arms",
        "minillama.valley.personas",
    ),
)
