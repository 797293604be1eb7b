"""Table 7: who leads on which domain, and what the verdict asks of it and of its control."""

import numpy as np
import pytest

from minillama.alignment.preferences import PreferencePair
from minillama.experiments import Row
from minillama.experiments._reward_pairs import ASPECTS, Scored, error_of
from minillama.experiments.best_on_own_domain import CLAIM, OWN, POOLED, halves, judge, leads


def some_scored(right):
    return Scored(
        chosen=np.array(right, dtype=float), rejected=np.full(len(right), 0.5), ratings=("better",) * len(right),
        safe=((True, True),) * len(right),
    )  # fmt: skip


def test_a_lead_is_that_of_the_domains_own_model():
    helpful, safe = ASPECTS
    found = {
        (helpful, helpful): some_scored([1, 1, 1, 0]),
        (safe, helpful): some_scored([1, 0, 0, 0]),
        (helpful, safe): some_scored([1, 1, 0]),
        (safe, safe): some_scored([1, 0, 0]),
    }
    numbers = leads(found)
    assert numbers["lead on helpfulness"] == 0.5
    assert numbers["lead on safety"] == pytest.approx(-1 / 3)
    assert numbers["safety model on helpfulness"] == 0.25
    assert (numbers["pairs of helpfulness"], numbers["pairs of safety"]) == (4, 3)


def test_halves_are_random_and_hold_every_pair_once():
    pairs = [
        PreferencePair(
            prompt={"text": f"{n}?"}, chosen="Yes.", rejected="No.", rating="better", aspect=ASPECTS[n >= 10]
        )
        for n in range(20)
    ]
    first, second = halves(pairs, 0)
    assert sorted(map(str, first + second)) == sorted(map(str, pairs))
    assert len(first) == 10
    assert {pair.aspect for pair in first} == set(ASPECTS)


def rows(helpfulness=0.2, safety=0.2, pooled_helpfulness=0.1, pooled_safety=-0.1, seed=0, error=0.02):
    values = {OWN: (helpfulness, safety), POOLED: (pooled_helpfulness, pooled_safety)}
    return [
        Row(
            arm=arm, seed=seed, control=arm == POOLED,
            numbers={f"lead on {domain}": lead for domain, lead in zip(ASPECTS, pair)}
            | {error_of(f"lead on {domain}"): error for domain in ASPECTS},
        )
        for arm, pair in values.items()
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (rows() + rows(seed=1), "reproduced"),  # one recipe is the better one everywhere, which is no double lead
        (rows(safety=-0.1), "not reproduced"),  # one model is best everywhere
        (rows(helpfulness=0.01), "not reproduced"),
        (rows() + rows(helpfulness=-0.02, seed=1), "not reproduced"),
        (rows(error=0.2), "not reproduced"),
        (rows(pooled_safety=0.1), "cannot be seen at this scale"),  # the recipes alone do it
    ],
)
def test_the_verdict_needs_both_leads_and_not_from_the_recipes(found, outcome):
    assert judge(found).outcome == outcome


def test_the_claim_names_its_table():
    assert (CLAIM.name, CLAIM.paper, CLAIM.chapter, CLAIM.seeds) == ("table-7", "Table 7", 14, 3)
