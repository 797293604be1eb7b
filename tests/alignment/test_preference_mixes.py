"""The fixed set to start from, the two data mixes, replay and the joint baseline."""

import pytest

from minillama.alignment.preference_mixes import (
    OPEN_SOURCE,
    helpfulness_mix,
    joint_mix,
    open_source_preferences,
    safety_mix,
    with_replay,
)
from minillama.alignment.preferences import PreferencePair
from minillama.valley.world import World

WORLD = World.create()


def pairs(count, aspect, source):
    return [
        PreferencePair(
            prompt={"text": f"{source} {number}"}, chosen="a", rejected="b", rating="better", aspect=aspect,
            source=source,
        )
        for number in range(count)
    ]  # fmt: skip


OWN_HELP, OWN_SAFE = pairs(40, "helpfulness", "week 1"), pairs(30, "safety", "week 1")
OPEN_HELP, OPEN_SAFE = pairs(50, "helpfulness", OPEN_SOURCE), pairs(20, "safety", OPEN_SOURCE)
ALL = [*OWN_HELP, *OPEN_HELP, *OWN_SAFE, *OPEN_SAFE]


def texts(found):
    return [(pair.prompt["text"], pair.aspect) for pair in found]


def test_the_helpfulness_model_gets_all_its_own_and_as_many_others():
    found = helpfulness_mix(ALL)
    assert len(found) == 80
    assert set(texts(OWN_HELP)) < set(texts(found))
    assert len(set(texts(found))) == 80  # none twice
    others = [pair for pair in found if pair not in OWN_HELP]
    assert {(pair.aspect, pair.source) for pair in others} == {
        ("helpfulness", OPEN_SOURCE), ("safety", OPEN_SOURCE), ("safety", "week 1"),
    }  # fmt: skip


def test_before_the_first_week_the_open_pairs_stand_in():
    assert len(helpfulness_mix([*OPEN_HELP, *OPEN_SAFE])) == 70
    assert sorted(texts(helpfulness_mix(OPEN_HELP))) == sorted(texts(OPEN_HELP))


def test_the_safety_model_gets_all_of_safety_and_a_tenth_of_helpfulness():
    found = safety_mix(ALL)
    safety = [pair for pair in found if pair.aspect == "safety"]
    assert sorted(texts(safety)) == sorted(texts([*OWN_SAFE, *OPEN_SAFE]))
    assert len(found) - len(safety) == 6  # 50 of 56 are 89 %: 50 / 9 rounded
    assert len(safety_mix(ALL, helpful_share=0.0)) == 50


@pytest.mark.parametrize("mix", [helpfulness_mix, safety_mix, joint_mix])
def test_mixes_are_shuffled_and_repeatable(mix):
    assert mix(ALL, 1) == mix(ALL, 1)
    assert mix(ALL, 1) != mix(ALL, 2)
    assert texts(mix(ALL, 1)) != sorted(texts(mix(ALL, 1)))


def test_the_baseline_pools_everything():
    assert sorted(texts(joint_mix(ALL))) == sorted(texts(ALL))


@pytest.mark.parametrize(("share", "old"), [(0.0, 0), (0.2, 20), (0.5, 80), (0.9, 500)])
def test_replay_makes_up_its_share(share, old):
    fresh, earlier = list(range(80)), list(range(1000, 1500))
    found = with_replay(fresh, earlier, share, 3)
    assert set(fresh) <= set(found)
    assert len(found) == 80 + old == len(set(found))
    assert found != sorted(found) or share == 0.0
    assert found == with_replay(fresh, earlier, share, 3)


@pytest.mark.parametrize("share", [1.0, -0.1, float("nan")])
def test_a_share_of_everything_is_refused(share):
    with pytest.raises(ValueError, match="share"):
        with_replay([1], [2], share)


def test_a_mix_without_its_own_pairs_is_refused():
    with pytest.raises(ValueError, match="no helpfulness pair"):
        helpfulness_mix(OWN_SAFE)
    with pytest.raises(ValueError, match="no safety pair"):
        safety_mix(OWN_HELP)


def test_the_open_set_is_fixed_and_of_both_kinds():
    helpful = open_source_preferences(WORLD, 60, aspect="helpfulness")
    assert helpful == open_source_preferences(WORLD, 60, aspect="helpfulness")
    assert 30 < len(helpful) <= 60
    assert all(pair.prompt["risk"] is None and pair.safety is None and pair.source == OPEN_SOURCE for pair in helpful)
    safety = open_source_preferences(WORLD, 60, aspect="safety")
    risky = [pair.prompt["risk"] is not None for pair in safety]
    assert 0.5 < sum(risky) / len(risky) < 1
    assert all(pair.kept and pair.safety is not None for pair in safety)


@pytest.mark.parametrize("wrong", [{"n": -1}, {"ordinary_share": 2.0}])
def test_the_open_set_names_what_is_wrong(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        open_source_preferences(WORLD, **{"n": 5, "aspect": "safety"} | wrong)
