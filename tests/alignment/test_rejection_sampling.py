"""Rounds of rejection sampling: winners, pool, temperature, and that it moves a model towards the reward."""

import dataclasses

import pytest
import torch

from minillama.alignment import SFTSettings
from minillama.alignment.best_of_n import sample_answers
from minillama.alignment.combined_reward import combine_rewards, whiten
from minillama.alignment.rejection_sampling import sample_round, train_on_winners, try_temperatures
from minillama.alignment.rejection_settings import RejectionSamplingSettings
from minillama.alignment.winners import Winner, merge_rounds, reward_of, winner_examples
from minillama.data import IGNORE, pack_dialogs
from minillama.model import ModelArgs, Transformer
from minillama.training import Precision

CPU = Precision.detect("cpu", "float32")
VOCAB, LIKED = 12, 7
PROMPTS = [[1, token, 4] for token in range(3, VOCAB)] + [[1, token, 5, 5] for token in range(3, VOCAB)]
SFT = SFTSettings(epochs=30, peak_lr=1e-2, batch_size=4, seq_len=32)
SETTINGS = RejectionSamplingSettings(samples=12, temperatures=(1.0,), max_new_tokens=8, sft=SFT)


def fresh_model(dim=16, seed=0, vocab_size=VOCAB):
    torch.manual_seed(seed)
    args = ModelArgs(dim=dim, n_layers=1, n_heads=2, vocab_size=vocab_size, multiple_of=8, max_seq_len=32)
    return Transformer(args)


def count_liked(prompts, answers):
    """A reward that anyone can check: how often the token 7 comes."""
    return torch.tensor([float(answer.count(LIKED)) for answer in map(list, answers)])


REWARD = reward_of(count_liked)


def winner(prompt, answer, score=0.0, **rest):
    return Winner(prompt=tuple(prompt), answer=tuple(answer), score=score, **rest)


def test_a_round_keeps_the_best_answer_of_each_prompt():
    model = fresh_model()
    found = sample_round(model, PROMPTS, REWARD, SETTINGS, round_number=3)
    generation = sample_answers(model, PROMPTS, 12, max_new_tokens=8)
    scores = count_liked(None, generation.tokens).view(-1, 12)
    for row, (prompt, best) in enumerate(zip(PROMPTS, found.winners, strict=True)):
        assert (best.prompt, best.round_number) == (tuple(prompt), 3)
        assert list(best.answer) in generation.tokens[12 * row : 12 * row + 12]
        assert best.score == best.answer.count(LIKED) <= scores[row].max()
        assert best.usable == (best.answer[-1] == 2 and len(best.answer) > 1)
    assert found.mean_score == pytest.approx(scores.mean().item())
    assert found.best_score == pytest.approx(sum(best.score for best in found.winners) / len(PROMPTS))
    assert found.temperature == 1.0
    assert not found.tried


def test_each_prompt_is_scored_by_the_model_for_its_kind():
    """Safety prompts by one score, the others by another; whitened, over all answers in one call."""
    flags = [index % 2 == 0 for index in range(len(PROMPTS))]
    calls = []

    def reward(prompts, answers, is_safety):
        calls.append(len(answers))
        short = -torch.tensor([float(len(answer)) for answer in answers])
        return whiten(combine_rewards(short + 20, count_liked(prompts, answers), is_safety))

    found = sample_round(fresh_model(), PROMPTS, reward, SETTINGS, is_safety=flags)
    plain = sample_round(fresh_model(), PROMPTS, REWARD, SETTINGS)
    assert calls == [12 * len(PROMPTS)]
    assert [best.is_safety for best in found.winners] == flags
    for best, other in zip(found.winners, plain.winners, strict=True):
        if best.is_safety:
            assert len(best.answer) <= len(other.answer) or not other.usable
        else:
            assert best.answer == other.answer


def test_the_winners_mask_covers_the_answer_and_its_end_only():
    """A prompt of two turns: the first answer in it counts nothing."""
    examples = winner_examples([winner([1, 5, 6, 8, 2, 1, 9], [4, 3, 2])])
    assert examples[0].tokens == (1, 5, 6, 8, 2, 1, 9, 4, 3, 2)
    assert examples[0].loss_mask == (0,) * 7 + (1, 1, 1)
    targets = pack_dialogs(examples, 12).targets
    assert targets[targets != IGNORE].tolist() == [4, 3, 2]


def test_unusable_winners_teach_nothing():
    cut_off = winner([1, 5], [4, 4], usable=False)
    assert [each.tokens for each in winner_examples([cut_off, winner([1, 6], [4, 2])])] == [(1, 6, 4, 2)]
    with pytest.raises(ValueError, match="no prompt has an answer"):
        winner_examples([cut_off])


@pytest.mark.parametrize(
    ("per_prompt", "expected"),
    [(1, [((1, 5), (7, 7, 2)), ((1, 6), (7, 2)), ((1, 8), (3, 2))]), (2, None)],
)
def test_the_pool_keeps_the_best_of_all_rounds_by_todays_reward(per_prompt, expected):
    """The old scores are from another reward model and would put the worse answers first."""
    first = [winner([1, 5], [7, 7, 2], -9.0), winner([1, 6], [3, 2], 99.0), winner([1, 8], [3, 2], 0.0)]
    second = [winner([1, 5], [7, 2], 9.0, round_number=2), winner([1, 6], [7, 2], -99.0, round_number=2)]
    merged = merge_rounds([first, second], REWARD, per_prompt=per_prompt)
    assert [each.score for each in merged] == [each.answer.count(LIKED) for each in merged]
    if expected is None:
        assert len(merged) == 5
    else:
        assert [(each.prompt, each.answer) for each in merged] == expected


def test_equal_answers_of_two_rounds_count_once_and_usable_ones_come_first():
    again = [[winner([1, 5], [7, 2])], [winner([1, 5], [7, 2], round_number=2)]]
    assert len(merge_rounds(again, REWARD, per_prompt=9)) == 1
    cut_off = [[winner([1, 5], [7, 7, 7], usable=False)], [winner([1, 5], [3, 2])]]
    assert merge_rounds(cut_off, REWARD)[0].answer == (3, 2)


@pytest.mark.parametrize(("pool", "kept"), [("all_rounds", True), ("last_round", False)])
def test_the_last_round_alone_forgets_what_only_the_first_showed(pool, kept):
    """The break: without the pool, a prompt of the first round is never trained on again."""
    old, new = winner([1, 9], [7, 3, 7, 2]), winner([1, 5], [4, 4, 2])
    model = fresh_model()
    settings = dataclasses.replace(SETTINGS, pool=pool, sft=dataclasses.replace(SFT, epochs=60))
    train_on_winners(model, [[old], [new]], REWARD, settings, precision=CPU)
    greedy = sample_answers(model, [[1, 9], [1, 5]], 1, max_new_tokens=6, temperature=0.0)
    assert (greedy.tokens[0] == list(old.answer)) is kept
    assert greedy.tokens[1] == list(new.answer)


@pytest.mark.parametrize(("sign", "rises"), [(1.0, True), (0.0, False)])
def test_a_round_raises_the_reward_and_one_of_constant_reward_does_not(sign, rises):
    """The control: a reward model that gives one constant keeps the first usable answer, as good as any."""

    def reward(prompts, answers, is_safety):
        return sign * count_liked(prompts, answers)

    model = fresh_model()
    found = sample_round(model, PROMPTS, reward, SETTINGS)
    before = mean_liked(model)
    train_on_winners(model, [found.winners], reward, SETTINGS, precision=CPU)
    assert (mean_liked(model) > before + 0.15) is rises


def mean_liked(model):
    return count_liked(None, sample_answers(model, PROMPTS, 8, max_new_tokens=8, seed=99).tokens).mean().item()


def test_a_smaller_model_learns_from_a_larger_ones_samples():
    large, small = fresh_model(32, seed=1), fresh_model(8, seed=2)
    weights = {name: value.clone() for name, value in large.state_dict().items()}
    found = sample_round(large, PROMPTS, REWARD, SETTINGS)
    before = mean_liked(small)
    train_on_winners(small, [found.winners], REWARD, SETTINGS, precision=CPU)
    assert mean_liked(small) > before + 0.15
    assert all(torch.equal(weights[name], value) for name, value in large.state_dict().items())


def test_demonstrations_are_mixed_in():
    shown = winner_examples([winner([1, 9], [3, 3, 2])])
    model = fresh_model()
    settings = dataclasses.replace(SETTINGS, sft=dataclasses.replace(SFT, epochs=60))
    train_on_winners(model, [[winner([1, 5], [7, 2])]], REWARD, settings, demonstrations=shown, precision=CPU)
    assert sample_answers(model, [[1, 9]], 1, max_new_tokens=6, temperature=0.0).tokens == [[3, 3, 2]]


def test_the_temperature_is_chosen_by_the_best_of_n():
    """A model that is sure of the token 3 finds the liked one only when heated; one sure of the liked one when cold."""
    heated = dataclasses.replace(SETTINGS, temperatures=(0.2, 2.0), tuning_prompts=6)
    for sure_of, best in ((3, 2.0), (LIKED, 0.2)):
        model = fresh_model()
        with torch.no_grad():
            model.output.weight.mul_(0.3)
            model.tok_embeddings.weight.normal_(std=0.1).add_(1.0)
            model.output.weight[sure_of] += 0.15
        tried = try_temperatures(model, PROMPTS, REWARD, heated)
        assert max(tried, key=tried.get) == best
        assert sample_round(model, PROMPTS, REWARD, heated).temperature == best


def test_temperatures_are_scored_in_one_call():
    """Scores whitened for each temperature apart would all have the mean 0 and choose nothing."""
    calls = []

    def reward(prompts, answers, is_safety):
        calls.append((len(prompts), len(answers), len(is_safety)))
        return whiten(count_liked(prompts, answers))

    settings = dataclasses.replace(SETTINGS, temperatures=(0.5, 1.0, 1.5), tuning_prompts=4)
    assert list(try_temperatures(fresh_model(), PROMPTS, reward, settings)) == [0.5, 1.0, 1.5]
    assert calls == [(3 * 4 * 12,) * 3]


def broken(value):
    def reward(prompts, answers, is_safety):
        scores = count_liked(prompts, answers)
        scores[5] = value
        return scores

    return reward


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_reward_that_is_no_number_names_its_row(value):
    with pytest.raises(ValueError, match="row 5"):
        sample_round(fresh_model(), PROMPTS, broken(value), SETTINGS)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: sample_round(m, [], REWARD, SETTINGS), "0 prompts"),
        (lambda m: sample_round(m, PROMPTS, REWARD, SETTINGS, is_safety=[True]), "1 safety flags"),
        (lambda m: sample_round(m, PROMPTS, lambda p, a, s: torch.zeros(1), SETTINGS), r"shape \(1,\)"),
        (lambda m: merge_rounds([], REWARD), "0 winners"),
        (lambda m: merge_rounds([[winner([1], [2])]], REWARD, per_prompt=0), "per_prompt is 0"),
        (lambda m: train_on_winners(m, [[winner([1], [40, 2])]], REWARD, SETTINGS), "id 40"),
        (lambda m: train_on_winners(m, [[winner([1] * 40, [3, 2])]], REWARD, SETTINGS), "a row holds"),
    ],
)
def test_faults_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(fresh_model())


@pytest.mark.parametrize(
    "wrong",
    [
        {"samples": 0},
        {"temperatures": ()},
        {"temperatures": (0.0,)},
        {"temperatures": (float("nan"),)},
        {"tuning_prompts": 0},
        {"max_new_tokens": 0},
        {"per_prompt": 0},
        {"cache_megabytes": 0},
        {"pool": "some"},
    ],
)
def test_settings_name_what_is_wrong(wrong):
    name = next(iter(wrong))
    with pytest.raises((ValueError, TypeError), match=name):
        RejectionSamplingSettings(**wrong)


def test_the_papers_recipe_is_named():
    paper = RejectionSamplingSettings.paper()
    assert (min(paper.temperatures), max(paper.temperatures)) == (1.2, 1.3)
    assert paper.pool == "all_rounds"
    assert paper.sft == SFTSettings.paper()
