"""The experiment on digits: what is compared, what is kept out of training, and how it is judged."""

import pytest

from minillama.experiments import Row
from minillama.experiments.digit_splitting import (
    ARMS,
    CLAIM,
    IGNORE,
    KNOWN,
    Additions,
    Settings,
    encode_additions,
    judge,
    share_right,
    train_adder,
    train_tokenizer,
    write_addition,
)

SEEDS = range(3)


def numbers(pairs):
    return {number for a, b in pairs for number in (a, b, a + b)}


@pytest.fixture(params=SEEDS)
def additions(request):
    return Additions.draw(request.param, Settings())


@pytest.fixture(scope="module")
def tokenizers():
    train = Additions.draw(0, Settings()).train
    return {arm: train_tokenizer(train, split) for arm, split in ARMS.items()}


def test_new_numbers_never_occur_in_training(additions):
    seen = numbers(additions.train)
    assert numbers(additions.known_numbers) <= seen
    assert not set(additions.known_numbers) & set(additions.train)
    for a, b in additions.new_numbers:
        assert {a, b} - seen
        assert a + b in seen
    assert len({number for pair in additions.new_numbers for number in pair} - seen) == Settings().n_new


def test_every_piece_of_a_new_number_occurs_in_training(additions):
    for split_digits in ARMS.values():
        tokenizer = train_tokenizer(additions.train, split_digits)
        seen = {i for pair in additions.train for i in tokenizer.encode("".join(write_addition(pair)))}
        for pair in additions.new_numbers:
            assert set(tokenizer.encode("".join(write_addition(pair)))) <= seen


def test_terms_of_training_are_one_piece_or_their_digits(additions):
    split, joined = (train_tokenizer(additions.train, flag) for flag in (True, False))
    terms = {term for pair in additions.train for term in pair}
    for term in terms:
        assert [split.pieces[i] for i in split.encode(str(term))] == ["▁", *str(term)]
        assert len(joined.encode(str(term))) == 1
    for new in {number for pair in additions.new_numbers for number in pair} - numbers(additions.train):
        assert len(joined.encode(str(new))) == 2


def test_only_answers_are_targets(tokenizers):
    tokenizer = tokenizers["digits split"]
    tokens, targets = encode_additions(tokenizer, [(7, 5), (1, 1)])
    assert tokenizer.decode(tokens[0].tolist()).startswith("7 + 5 = 12")
    assert [tokenizer.decode([i]) for i in targets[0].tolist() if i != IGNORE] == ["", "1", "2", ""]
    assert targets[0, -1] == tokenizer.eos_id
    assert (targets[1] != IGNORE).sum() == 3


def test_a_small_model_learns_a_few_sums_and_an_untrained_one_knows_none(tokenizers):
    tokenizer, pairs = tokenizers["digits joined"], [(1, 2), (3, 4), (11, 12)]
    untrained = train_adder(tokenizer, pairs, Settings(steps=1, dim=32), seed=0)
    assert share_right(untrained, tokenizer, pairs) == 0
    trained = train_adder(tokenizer, pairs, Settings(steps=60, dim=32, batch=16), seed=0)
    assert share_right(trained, tokenizer, pairs) == 1


def rows(split, joined, split_known, joined_known, seed=0):
    values = dict(
        zip([arm + known for known in ("", KNOWN) for arm in ARMS], (split, joined, split_known, joined_known))
    )
    return [Row(arm=arm, seed=seed, numbers={"right": right}, control=KNOWN in arm) for arm, right in values.items()]


def test_the_verdict_needs_the_effect_in_every_seed_and_the_control():
    good = rows(0.95, 0.1, 0.95, 0.9)
    assert judge(good).outcome == "reproduced"
    assert judge(good + rows(0.5, 0.4, 0.95, 0.9, seed=1)).outcome == "not reproduced"
    assert judge(good + rows(0.1, 0.95, 0.95, 0.9, seed=1)).outcome == "not reproduced"
    assert judge(good + rows(0.95, 0.1, 0.95, 0.5, seed=1)).outcome == "cannot be seen at this scale"


def test_the_claim_names_its_section():
    assert (CLAIM.chapter, CLAIM.paper, CLAIM.paper_numbers) == (3, "section 2.2.2", {})
