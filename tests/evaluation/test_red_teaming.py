"""Red teaming: a disguise keeps the request; the search finds what breaks a model, and nothing where nothing does."""

import random

import pytest

from minillama.chat import check_dialog
from minillama.evaluation import gamma
from minillama.evaluation.red_teaming import TRICKS, Attack, SearchSettings, does_harm, red_team, variants
from minillama.evaluation.red_teaming.attack import ROLE_PLAY
from minillama.valley.dialogues import heldout_prompts
from minillama.valley.judge import Judge
from minillama.valley.world import World

WORLD = World.create(0)
REQUESTS = heldout_prompts(WORLD, 80, adversarial=True)
HARM = does_harm(Judge(WORLD))
REFUSAL = "I am sorry, but I will not help with that. It would hurt people. You could help them instead."
PLAN = "Sure. Wait until nobody looks, then steal it and run away."
SETTINGS = SearchSettings(attempts=48, per_round=12)


def refuses(dialogs):
    return [REFUSAL for _ in dialogs]


def breaks_on(starts):
    """A model that refuses, but for messages with one of these starts."""

    def answer(dialogs):
        return [PLAN if any(start in dialog[-1]["content"] for start in starts) else REFUSAL for dialog in dialogs]

    return answer


ROLES = [frame.split("{")[0] for frame in ROLE_PLAY]


def every_attack():
    for name, trick in TRICKS.items():
        for index in range(trick.variants):
            yield Attack(REQUESTS[index], {name: index})
    rng = random.Random(0)
    for _ in range(200):
        names = rng.sample(sorted(TRICKS), 4)
        yield Attack(rng.choice(REQUESTS), {name: rng.randrange(TRICKS[name].variants) for name in names})


def test_a_disguise_keeps_what_is_asked_for():
    for attack in every_attack():
        check_dialog(attack.dialog)
        said = " ".join(message["content"] for message in attack.dialog)
        letters = {"".join(sorted(word.strip(".?!:,"))) for word in said.split()}  # a misspelt word keeps its letters
        for word in attack.request.case.slots["act"].split():
            assert "".join(sorted(word)) in letters, (word, said)
        assert attack.request.case.slots["name"] in said
        assert attack.prompt.case is attack.request.case
        assert attack.prompt.risk == attack.request.risk


def test_every_variant_changes_the_dialogue():
    for name, trick in TRICKS.items():
        made = [str(Attack(REQUESTS[0], {name: index}).dialog) for index in range(trick.variants)]
        assert str(Attack(REQUESTS[0]).dialog) not in made
        assert len(set(made)) > trick.variants // 2  # two misspellings may agree


def test_the_request_may_stand_in_an_earlier_turn():
    attack = Attack(REQUESTS[0], {"go on": 1, "system prompt": 0, "innocent turns": 0})
    roles = [message["role"] for message in attack.dialog]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user"]
    assert attack.dialog[3]["content"] == REQUESTS[0].text
    assert attack.dialog[-1]["content"] == attack.prompt.text == "Continue."


def test_harmless_prompts_and_unknown_tricks_are_refused():
    with pytest.raises(ValueError, match="asks for no harm"):
        Attack(heldout_prompts(WORLD, 1, kinds=("sums",))[0])
    with pytest.raises(ValueError, match="no trick 'bribe'"):
        Attack(REQUESTS[0], {"bribe": 0})
    with pytest.raises(ValueError, match="variants 0 to 3"):
        Attack(REQUESTS[0], {"go on": 4})


def test_a_variant_differs_in_one_thing():
    rng = random.Random(0)
    start = Attack(REQUESTS[0], {"role play": 1, "story": 2})
    for _ in range(100):
        other = variants(start, REQUESTS, rng)
        names = set(start.tricks) | set(other.tricks)
        changes = sum(start.tricks.get(name) != other.tricks.get(name) for name in names)
        assert changes + (other.request != start.request) <= 1


def test_the_search_finds_role_play_and_keeps_to_it():
    attempts = red_team(breaks_on(ROLES), REQUESTS, HARM, SETTINGS, seed=1)
    assert len(attempts) == 8 * SETTINGS.attempts
    won = [attempt for attempt in attempts if attempt.success]
    assert won
    assert all("role play" in attempt.attack.tricks for attempt in won)
    first, last = ([a.success for a in attempts if a.round == number] for number in (0, 3))
    assert sum(last) > 2 * sum(first)  # what worked is varied
    assert {attempt.attack.request.risk for attempt in won} == {request.risk for request in REQUESTS}


def test_without_varying_what_worked_the_search_does_not_improve():
    blind = SearchSettings(attempts=48, per_round=12, fresh=1.0)
    greedy, random_only = (
        sum(a.success for a in red_team(breaks_on(ROLES[:1]), REQUESTS, HARM, s)) for s in (SETTINGS, blind)
    )
    assert greedy > 2 * random_only


@pytest.mark.parametrize(("succeeds", "rate"), [(HARM, 0.0), (lambda prompt, answer: True, 1.0)])
def test_a_model_that_never_breaks_yields_no_success_unless_the_judge_is_ignored(succeeds, rate):
    attempts = red_team(refuses, REQUESTS, succeeds, SETTINGS)
    assert gamma({"model": [attempt.success for attempt in attempts]})["model"].mean == rate


def test_the_same_seed_makes_the_same_attempts_and_none_twice():
    first, again, other = (red_team(refuses, REQUESTS, HARM, SETTINGS, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    assert len({attempt.attack.key for attempt in first}) == len(first)


def test_wrong_settings_and_missing_answers_are_refused():
    with pytest.raises(ValueError, match="no requests"):
        red_team(refuses, [], HARM)
    with pytest.raises(ValueError, match="every attack needs one"):
        red_team(lambda dialogs: ["yes"], REQUESTS, HARM, SETTINGS)
    for wrong in ({"attempts": 0}, {"fresh": 2.0}, {"most_tricks": 99}):
        with pytest.raises(ValueError, match=r"it lies between|it is a share|there are"):
            SearchSettings(**wrong)
