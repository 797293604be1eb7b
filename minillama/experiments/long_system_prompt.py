"""What does a long system prompt cost? (A question that the paper leaves open.)

A persona is asked for in a system message that also holds none to many house rules, neutral sentences, with the persona
last, first or in the middle in turn. As the message grows, the claim goes, the model obeys less or answers worse, and
every prompt costs more: tokens, and seconds until the first token. Obedience and helpfulness are the Valley's own
measures, and the seconds are measured. House rules are sentences from the Valley's training dialogues and others in
their manner, said over and over in new orders; no training has seen so many of them together. That is put in by
construction. In the control the same short system message is measured again with other random numbers.
"""

import random
from collections.abc import Sequence

from minillama.alignment.gatt_data import InstructedDialog
from minillama.alignment.system_attention import prefill_seconds, system_cost
from minillama.chat import Message, encode_dialog
from minillama.experiments._instruction_arms import answering, by_seed, probes, the_world
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.model import Transformer
from minillama.pipeline import load
from minillama.tokenizer import Tokenizer
from minillama.valley.dialogues import SYSTEM_MESSAGES
from minillama.valley.judge import Judge

RULES = (
    *SYSTEM_MESSAGES,
    "Say what you know about the people.",
    "Speak about the towns of the Valley.",
    "Be nice to everybody who asks.",
    "Give an answer to every question.",
)
LENGTHS = (0, 2, 8, 32)
CONTROL = "0 house rules, asked again"
OBEDIENCE, HELPFULNESS, SECONDS, TOKENS = "obedience", "helpfulness", "prefill seconds", "prompt tokens"
LEAST_LOSS, MOST_IN_CONTROL = 0.1, 0.1


def arm(rules: int) -> str:
    """The name of a length."""
    return f"{rules} house rules"


def run(seed: int, quick: bool) -> list[Row]:
    """Ask the final model the same questions under system messages of rising length."""
    artifact = load("chat", seed=seed)
    plans = probes(96 if quick else 192, (1,), kinds=("persona",))
    rows = []
    for rules, name, draw in (*((rules, arm(rules), seed) for rules in LENGTHS), (0, CONTROL, seed + 500)):
        dialogs = [lengthened(plan, rules, number) for number, plan in enumerate(plans)]
        numbers = measured(artifact.model, artifact.tokenizer, plans, dialogs, draw)
        rows.append(Row(arm=name, seed=seed, numbers=numbers, control=name == CONTROL))
    return rows


def lengthened(plan: InstructedDialog, rules: int, number: int) -> list[Message]:
    """The first question under its instruction and some house rules around it."""
    rng = random.Random(f"house rules {number}")
    chosen: list[str] = []
    while len(chosen) < rules:
        chosen += rng.sample(RULES, min(len(RULES), rules - len(chosen)))
    chosen.insert((rules, 0, rules // 2)[number % 3], plan.instruction)
    return [{"role": "system", "content": " ".join(chosen)}, {"role": "user", "content": plan.questions[0]}]


def measured(
    model: Transformer,
    tokenizer: Tokenizer,
    plans: Sequence[InstructedDialog],
    dialogs: Sequence[Sequence[Message]],
    seed: int,
) -> dict[str, float]:
    """Obedience and helpfulness at temperature 1, and what reading such a prompt costs on average."""
    answers = answering(model, tokenizer)([list(dialog) for dialog in dialogs], 1.0, 1000 + seed)
    judge_ = Judge(the_world())
    obeys = [plan.obeyed(plan.questions[0], answer) for plan, answer in zip(plans, answers, strict=True)]
    helps = [
        judge_.judge(plan.prompts[0], unvoiced(plan, answer)).helpfulness
        for plan, answer in zip(plans, answers, strict=True)
        if plan.prompts[0] is not None
    ]
    tokens = sum(len(encode_dialog(dialog, tokenizer)) for dialog in dialogs) / len(dialogs)
    costs = [system_cost(dialog, tokenizer, model.args) for dialog in dialogs]
    return {
        OBEDIENCE: sum(map(bool, obeys)) / len(obeys),
        HELPFULNESS: sum(helps) / len(helps),
        TOKENS: tokens,
        "share of the reading": sum(cost.prefill_share for cost in costs) / len(costs),
        "cache bytes": sum(cost.cache_bytes for cost in costs) / len(costs),
        SECONDS: prefill_seconds(model, round(tokens)),
    }


def unvoiced(plan: InstructedDialog, answer: str) -> str:
    """The answer without the persona's opening, which the judge of facts has nothing to do with."""
    persona = getattr(plan.rules[0], "persona", None)
    for opening in sorted(getattr(persona, "openings", ()), key=len, reverse=True):
        if answer.startswith(opening) and answer[len(opening) :].strip():
            return answer[len(opening) :].strip()
    return answer


def judge(rows: Sequence[Row]) -> Verdict:
    """The longest message must cost obedience or helpfulness, and time; the control must cost nothing."""
    short, long = arm(LENGTHS[0]), arm(LENGTHS[-1])
    seeds = by_seed(rows, [*map(arm, LENGTHS), CONTROL])
    names = (OBEDIENCE, HELPFULNESS)
    lost = {name: [float(each[short][name]) - float(each[long][name]) for each in seeds] for name in names}
    again = max(abs(float(each[short][name]) - float(each[CONTROL][name])) for each in seeds for name in names)
    slower = min(float(each[long][SECONDS]) / float(each[short][SECONDS]) for each in seeds)
    tokens = [sum(float(each[name][TOKENS]) for each in seeds) / len(seeds) for name in (short, long)]
    seen = (
        f"from {tokens[0]:.0f} to {tokens[1]:.0f} tokens obedience falls by {min(lost[OBEDIENCE]):.2f} or more, "
        f"helpfulness by {min(lost[HELPFULNESS]):.2f} or more, and reading takes {slower:.1f} times as long or more; "
        f"asked again the two differ by {again:.2f} at most"
    )
    if again > MOST_IN_CONTROL:
        return Verdict("cannot be seen at this scale", f"asking again differs as much: {seen}")
    costs = min(lost[OBEDIENCE]) >= LEAST_LOSS or min(lost[HELPFULNESS]) >= LEAST_LOSS
    return Verdict("reproduced" if costs and slower > 1 else "not reproduced", seen)


CLAIM = Claim(
    name="long-system-prompt",
    paper="section 3.3 (open question)",
    chapter=18,
    statement="A long system prompt costs obedience or helpfulness, and time for every prompt.",
    paper_numbers={},
    counts_as_reproduced=(
        f"with {LENGTHS[-1]} house rules beside the instruction, obedience or helpfulness at the first turn falls by "
        f"at least {LEAST_LOSS} in every seed, and reading the prompt takes longer"
    ),
    control=f"the short system message asked again with other random numbers: it differs by at most {MOST_IN_CONTROL}",
    seeds=3,
    minutes=0.5,
    run=run,
    judge=judge,
    modules=(
        "minillama.alignment.gatt_data",
        "minillama.alignment.system_attention",
        "minillama.experiments._instruction_arms",
        "minillama.generation",
        "minillama.valley.judge",
        "minillama.valley.personas",
    ),
)
