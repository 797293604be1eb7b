"""Does alignment cost ability? Table 3's columns, in the Valley's small form, before and after it.

The paper gives these columns for base models only. Here every stage takes them in the same way, as plain text without
the chat format: choices by log-likelihood, programs by what they print. So what is asked is whether a model that was
aligned still has what it had, not whether it answers well in a chat. Two things are put in by construction: the
demonstrations name most of the facts that the world knowledge column asks for, and fine-tuning replays some pretraining
text (as InstructGPT does) against forgetting. Columns in which the base model is no better than an untrained one hold
nothing that could be lost; they are shown, and do not count.
"""

from collections.abc import Mapping, Sequence

import torch

from minillama.evaluation.benchmarks import continuation_logprobs, continued, right_choices, with_shots
from minillama.experiments._safety_arms import by_seed, difference, mean, the_world
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.model import Transformer
from minillama.pipeline import load
from minillama.tokenizer import Tokenizer
from minillama.valley.benchmarks import COLUMNS, Question, make_benchmark

BEFORE, AFTER = "base", "rlhf-v5"
STAGES = (BEFORE, "sft", AFTER, "chat")
QUICK_STAGES = (BEFORE, "sft", AFTER)
CONTROL = "untrained"
SHOTS = {"code": 3, "maths": 2}  # the other columns are asked without examples
MOST_PROGRAM_TOKENS = 48
AVERAGE, LOST = "average of the columns", "lost since the base model"
MOST_LOST = 0.03
MOST_LOST_IN_A_COLUMN = 0.1
LEAST_ABILITY = 0.1  # over an untrained model, for a column to count
LEAST_COLUMNS = 2


def run(seed: int, quick: bool) -> list[Row]:
    """All columns for every stage, on the same questions."""
    world = the_world()
    count = 60 if quick else 240
    asked = {column: make_benchmark(column, world, seed=seed, count=count) for column in COLUMNS}
    base = load(BEFORE, seed=seed)
    torch.manual_seed(seed)
    before = solved(base.model, base.tokenizer, asked)
    rows = [row(BEFORE, seed, before, before)]
    for stage in (QUICK_STAGES if quick else STAGES)[1:]:
        artifact = load(stage, seed=seed)
        rows.append(row(stage, seed, solved(artifact.model, artifact.tokenizer, asked), before))
    untrained = Transformer(base.model.args).to(base.model.device).eval()
    rows.append(row(CONTROL, seed, solved(untrained, base.tokenizer, asked), before))
    return rows


def solved(model: Transformer, tokenizer: Tokenizer, asked: Mapping[str, Sequence[Question]]) -> dict[str, list[float]]:
    """1.0 or 0.0 for every question of every column; the first questions of a column are its solved examples."""
    found: dict[str, list[float]] = {}
    for column, questions in asked.items():
        n_shots = SHOTS.get(column, 0)
        shots, rest = questions[:n_shots], questions[n_shots:]
        if column == "code":
            prompts = [with_shots(question, shots) for question in rest]
            texts = continued(model, tokenizer, prompts, max_new_tokens=MOST_PROGRAM_TOKENS, temperature=0.0)
            found[column] = [float(question.is_solved_by(text)) for question, text in zip(rest, texts)]
        else:
            found[column] = right_choices(rest, lambda pairs: continuation_logprobs(model, tokenizer, pairs), shots)
    return found


def row(arm: str, seed: int, right: Mapping[str, Sequence[float]], before: Mapping[str, Sequence[float]]) -> Row:
    """Accuracy by column and on average, and what was lost since the base model over all questions."""
    numbers = {column: mean(values) for column, values in right.items()}
    numbers[AVERAGE] = mean(list(numbers.values()))
    earlier, now = ([value for values in each.values() for value in values] for each in (before, right))
    return Row(arm=arm, seed=seed, numbers=numbers | difference(LOST, earlier, now), control=arm == CONTROL)


def judge(rows: Sequence[Row]) -> Verdict:
    """The columns of the aligned model must not lie below the base model's; those of an untrained one must."""
    seeds = by_seed(rows)
    for arms in seeds.values():
        if not {BEFORE, AFTER, CONTROL} <= set(arms):
            raise ValueError(f"the rows lack an arm; each seed needs {BEFORE!r}, {AFTER!r} and {CONTROL!r}")

    def lost(arm: str, column: str) -> float:
        return mean([float(arms[BEFORE].numbers[column] - arms[arm].numbers[column]) for arms in seeds.values()])

    able = [column for column in COLUMNS if lost(CONTROL, column) >= LEAST_ABILITY]
    if len(able) < LEAST_COLUMNS:
        why = f"the base model does better than an untrained one only in {', '.join(able) or 'no column'}"
        return Verdict("cannot be seen at this scale", why)
    losses = {column: lost(AFTER, column) for column in able}
    average, worst = mean(list(losses.values())), max(able, key=lambda column: losses[column])
    seen = (
        f"of the columns that the base model has ({', '.join(able)}) {AFTER} loses {average:+.3f} on average, most in "
        f"{worst} ({losses[worst]:+.3f})"
    )
    if average > MOST_LOST or losses[worst] > MOST_LOST_IN_A_COLUMN:
        return Verdict("not reproduced", f"alignment costs ability: {seen}")
    return Verdict("reproduced", seen)


CLAIM = Claim(
    name="ability-before-after",
    paper="columns of Table 3",
    chapter=19,
    statement="Alignment costs a model little of the ability that it had before.",
    paper_numbers={},
    counts_as_reproduced=(
        f"from {BEFORE} to {AFTER} the average of those of Table 3's columns that the base model has falls by at most "
        f"{MOST_LOST} and none of them by more than {MOST_LOST_IN_A_COLUMN}, means over seeds"
    ),
    control=(
        f"an untrained model of the same shape: a column counts where it lies at least {LEAST_ABILITY} below the base "
        f"model, so that a loss could be seen; at least {LEAST_COLUMNS} columns must"
    ),
    seeds=3,
    minutes=1,
    run=run,
    judge=judge,
    modules=(
        "minillama.evaluation.benchmarks",
        "minillama.evaluation.intervals",
        "minillama.experiments._safety_arms",
        "minillama.generation",
        "minillama.valley.benchmarks",
    ),
)
