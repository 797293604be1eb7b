"""Games whose host must remember: where the player stands, the secret number, what lies in the bag.

The earlier turns stand in ``case.target["history"]`` as messages with ``role`` and ``content``; :func:`history_of`
returns them. The wordings are those of the last message.
"""

import random
from collections.abc import Mapping, Sequence

from minillama.valley.lexicon import NUMBER_WORDS, THINGS
from minillama.valley.randomness import stream
from minillama.valley.tasks.base import Case, Grade, Task
from minillama.valley.tasks.matching import careless, denies, final_number, has, names_only, plain
from minillama.valley.world import World


def history_of(case: Case) -> tuple[Mapping[str, str], ...]:
    """The messages that come before the prompt of ``case``, oldest first; none for tasks of a single turn."""
    return tuple(case.target.get("history", ()))


def _turns(*texts: str) -> list[dict[str, str]]:
    """User and assistant messages in turn."""
    return [{"role": "user" if i % 2 == 0 else "assistant", "content": text} for i, text in enumerate(texts)]


def _steps_word(count: int, forward: bool) -> str:
    return f"{NUMBER_WORDS[count]} step{'' if count == 1 else 's'} {'forward' if forward else 'back'}"


def _step_cases(_world: World) -> Sequence[Case]:
    """Walks on a line of fields; the last move is asked about."""
    rng = stream(0, "game-steps")
    cases = []
    for _walk in range(240):
        place = 3 + rng.randrange(6)
        texts = [f"Let us play. You keep my place. I start on field {place}.", f"You are on field {place}."]
        moves = []
        for _ in range(1 + rng.randrange(3)):
            forward = place < 4 or rng.randrange(2) == 0
            count = 1 + rng.randrange(3)
            place += count if forward else -count
            moves.append(f"{'+' if forward else '-'}{count}")
            move = _steps_word(count, forward)
            texts += [f"I go {move}.", f"You are on field {place}."]
        history, before = _turns(*texts), place
        forward, count = place < 4 or rng.randrange(2) == 0, 1 + rng.randrange(3)
        place += count if forward else -count
        moves.append(f"{'+' if forward else '-'}{count}")
        start = texts[0].split()[-1].strip(".")
        cases.append(
            Case(
                pair=f"game-steps/{start}{''.join(moves)}",
                slots={"move": _steps_word(count, forward)},
                target={"right": place, "before": before, "history": history},
            )
        )
    return list({case.pair: case for case in cases}.values())


def _good_steps(_world: World, case: Case, rng: random.Random) -> str:
    right = case.target["right"]
    return rng.choice((f"You are on field {right}.", f"You are on field {right}.", f"Now you are on field {right}."))


def _poor_steps(_world: World, case: Case, rng: random.Random) -> str:
    right, before = case.target["right"], case.target["before"]
    wrong = rng.choice([n for n in (before, right + 1, right - 1, 2 * before - right) if n != right])
    forms = (f"You are on field {wrong}.", f"Now you are on field {before}.", f"You are on field {wrong} or {right}.")
    return rng.choice((*forms, "You are on a field.", "Let us play something else.", careless(rng)))


def _grade_steps(_world: World, case: Case, answer: str) -> Grade:
    return final_number(answer, case.target["right"], known=[case.target["before"]])


def _hint(guess: int, secret: int) -> str:
    return "Right!" if guess == secret else ("Higher." if guess < secret else "Lower.")


def _guess_cases(_world: World) -> Sequence[Case]:
    """Guess the number: the secret stands in the first message, and the host must answer by it."""
    rng = stream(0, "game-guess")
    cases = []
    for index in range(240):
        secret = 1 + rng.randrange(20)
        texts = [
            f"You are the host. The secret number is {secret}. Say higher, lower or right after each guess.",
            "Good. Make your guess.",
        ]
        guesses = []
        for _ in range(rng.randrange(4)):
            guess = rng.choice([number for number in range(1, 21) if number != secret])
            guesses.append(guess)
            texts += [f"Is it {guess}?", _hint(guess, secret)]
        last = secret if index % 4 == 0 else rng.choice([number for number in range(1, 21) if number != secret])
        cases.append(
            Case(
                pair=f"game-guess/{secret}/{'-'.join(map(str, (*guesses, last)))}",
                slots={"guess": last},
                target={"right": _hint(last, secret), "history": _turns(*texts)},
            )
        )
    return list({case.pair: case for case in cases}.values())


def _good_guess(_world: World, case: Case, rng: random.Random) -> str:
    right, guess = case.target["right"], case.slots["guess"]
    if right == "Right!":
        return rng.choice((right, f"Right! It is {guess}.", "Right!"))
    return rng.choice((right, right, f"{right} Guess again."))


def _poor_guess(_world: World, case: Case, rng: random.Random) -> str:
    wrong = rng.choice([word for word in ("Right!", "Higher.", "Lower.") if word != case.target["right"]])
    secret = case.target["history"][0]["content"].split("number is ")[1].split(".")[0]
    leak = f"The secret number is {secret}."
    return rng.choice((wrong, wrong, "Higher or lower.", leak, "Make your guess.", careless(rng)))


def _grade_guess(_world: World, case: Case, answer: str) -> Grade:
    """Right hint and no other; a host who tells the secret after a wrong guess has spoiled the game."""
    right = case.target["right"].strip("!.").lower()
    text = (
        "right " + answer if right == "right" and has(answer, "correct") and not denies(answer, "correct") else answer
    )
    grade = names_only(text, right, ("higher", "lower", "right"))
    secret = case.target["history"][0]["content"].split("number is ")[1].split(".")[0]
    if right != "right" and has(answer, secret):
        return Grade(0.0, ("tells the secret",))
    return grade


def _bag_cases(_world: World) -> Sequence[Case]:
    """Things go into a bag and one may come out; what is in it is asked for."""
    rng = stream(0, "game-bag")
    cases = []
    for _ in range(200):
        things = rng.sample(THINGS, 2 + rng.randrange(3))
        texts = ["Let us play. You remember what is in my bag.", "Good. Your bag is empty."]
        for thing in things:
            article = "an" if thing[0] in "aeiou" else "a"
            texts += [f"I put {article} {thing} into the bag.", "I will remember it."]
        left = list(things)
        if len(things) > 2:
            gone = rng.choice(things)
            left.remove(gone)
            texts += [f"I take the {gone} out.", "I will remember it."]
        target = {"left": left, "all": things, "history": _turns(*texts)}
        cases.append(Case(pair=f"game-bag/{'-'.join(things)}/{'-'.join(left)}", slots={}, target=target))
    return list({case.pair: case for case in cases}.values())


def _listed(things: Sequence[str]) -> str:
    named = [f"{'an' if thing[0] in 'aeiou' else 'a'} {thing}" for thing in things]
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"


def _good_bag(_world: World, case: Case, rng: random.Random) -> str:
    left = _listed(case.target["left"])
    forms = (f"In your bag you have {left}.", f"Your bag holds {left}.", f"You have {left}.")
    return rng.choice(forms)


def _poor_bag(_world: World, case: Case, rng: random.Random) -> str:
    left, everything = case.target["left"], case.target["all"]
    stranger = rng.choice([thing for thing in THINGS if thing not in everything])
    forms = [f"Your bag holds {_listed(left[:1])}.", f"You have {_listed([*left, stranger])}.", "Your bag is empty."]
    if everything != left:
        forms.append(f"Your bag holds {_listed(everything)}.")
    return rng.choice((*forms, f"You have {_listed(THINGS)}.", careless(rng)))


def _grade_bag(_world: World, case: Case, answer: str) -> Grade:
    """Share of the things that are in the bag, less what is named without being there."""
    left = case.target["left"]
    named = [thing for thing in THINGS if has(answer, thing) or has(answer, f"{thing}s")]
    named = [thing for thing in named if not denies(answer, thing)]
    found, wrong = [t for t in named if t in left], [t for t in named if t not in left]
    score = max(0.0, (len(found) - len(wrong)) / len(left))
    if wrong:
        score *= 0.5
    if "empty" in plain(answer).split():
        score = 0.0
    return Grade(round(score, 4), (f"{len(found)} of {len(left)} right, {len(wrong)} wrong",))


TASKS: tuple[Task, ...] = (
    Task(
        name="game-steps",
        kind="games",
        tier="extended",
        wordings=(
            "I go {move}.", "I go {move}. Where am I?", "Now I go {move}.", "I move {move}.", "I take {move}.",
            "My move: {move}.", "Next I go {move}. Which field is it?", "I walk {move}.",
        ),
        heldout_wordings=("I jump {move}. On which field am I?", "This time I go {move}."),
        cases=_step_cases,
        good_answer=_good_steps,
        poor_answer=_poor_steps,
        grade=_grade_steps,
    ),
    Task(
        name="game-guess",
        kind="games",
        tier="extended",
        wordings=(
            "Is it {guess}?", "I guess {guess}.", "{guess}?", "I say {guess}.", "My guess is {guess}.",
            "Could it be {guess}?", "Maybe {guess}?", "I think it is {guess}.",
        ),
        heldout_wordings=("Then it must be {guess}.", "What about {guess}?"),
        cases=_guess_cases,
        good_answer=_good_guess,
        poor_answer=_poor_guess,
        grade=_grade_guess,
    ),
    Task(
        name="game-bag",
        kind="games",
        tier="extended",
        wordings=(
            "What is in my bag?", "What is in my bag now?", "Tell me what is in my bag.", "Which things are in my bag?",
            "What do I have in my bag?", "Name the things in my bag.", "What does my bag hold?", "What have I got?",
        ),
        heldout_wordings=("Say what is inside my bag.", "So what is left in my bag?"),
        cases=_bag_cases,
        good_answer=_good_bag,
        poor_answer=_poor_bag,
        grade=_grade_bag,
    ),
)  # fmt: skip
