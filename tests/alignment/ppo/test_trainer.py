"""PPO as a whole: a problem whose optimum is known, what breaks it, and how a run ends."""

import dataclasses
import itertools
import math
import random

import pytest
import torch

from minillama.alignment.ppo import PPOPrompt, PPOSettings, ValueModel, experience, learner, train_ppo
from minillama.alignment.ppo.answers import lay_out
from minillama.alignment.ppo.experience import gather_experience
from minillama.alignment.ppo.learner import Learner
from minillama.alignment.ppo.losses import policy_loss
from minillama.alignment.ppo.rewards import token_rewards
from minillama.alignment.ppo.rollout import Rollouts
from minillama.model import ModelArgs, Transformer
from minillama.training import Precision

CPU = Precision.detect("cpu", "float32")
ARGS = ModelArgs(dim=16, n_layers=1, n_heads=2, vocab_size=4, multiple_of=8, max_seq_len=16, rope_theta=500.0)
BETA = 0.5
# All answers of up to two tokens; 2 is EOS.
ANSWERS = [(2,), *itertools.product((0, 1, 3), range(4))]
SCORES = {answer: (3 in answer) * 1.0 + (answer == (3, 1)) * 1.0 - (answer == (2,)) * 0.5 for answer in ANSWERS}
BANDIT = PPOSettings(
    iterations=16,
    batch_size=256,
    minibatch_size=64,
    max_new_tokens=2,
    beta=BETA,
    whitening="none",
    unfinished_penalty=0.0,
    policy_lr=3e-3,
    value_lr=1e-2,
    weight_decay=0.0,
)
PROMPTS = [PPOPrompt(tokens=[1])]


def fresh_policy(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Transformer(ARGS)


def bandit_reward(prompts, answers, is_safety):
    return torch.tensor([SCORES[tuple(answer)] for answer in answers])


@torch.no_grad()
def distribution(model):
    """Log-probability of every answer, exactly."""
    logs = [model(torch.tensor([[1, *answer]])).log_softmax(-1)[0] for answer in ANSWERS]
    return torch.stack([sum(log[i, token] for i, token in enumerate(answer)) for log, answer in zip(logs, ANSWERS)])


def distance_from_optimum(policy, start):
    """KL(policy || optimum), where the optimum is proportional to reference * exp(score / beta)."""
    scores = torch.tensor([SCORES[answer] for answer in ANSWERS])
    optimum = (start + scores / BETA).log_softmax(0)
    end = distribution(policy)
    return float((end.exp() * (end - optimum)).sum())


def solve(settings=BANDIT, reward=bandit_reward, **kwargs):
    policy = fresh_policy()
    start = distribution(policy)
    report = train_ppo(policy, reward, PROMPTS, settings, precision=CPU, **kwargs)
    return distance_from_optimum(policy, start), report, policy


def test_two_tokens_with_a_known_optimum():
    policy = fresh_policy()
    before = distance_from_optimum(policy, distribution(policy))
    after, report, _ = solve()
    assert before > 0.5
    assert after < 0.08
    last = report.records[-1]
    assert last.score > report.records[0].score + 0.5
    assert last.kl_k1 > 0.1
    assert last.kl_k3 == pytest.approx(last.kl_k1, abs=0.4)
    assert last.explained_variance > 0.5
    assert report.records[0].explained_variance == pytest.approx(0, abs=0.05)


def _without_kl(scores, finished, k1, mask, beta, penalty):
    return token_rewards(scores, finished, k1, mask, 0.0, penalty)


def _with_kl_as_a_prize(scores, finished, k1, mask, beta, penalty):
    return token_rewards(scores, finished, -k1, mask, beta, penalty)


def _score_as_a_cost(scores, finished, k1, mask, beta, penalty):
    return token_rewards(-scores, finished, k1, mask, beta, penalty)


def _score_on_the_first_token(scores, finished, k1, mask, beta, penalty):
    rewards = token_rewards(0 * scores, finished, k1, mask, beta, penalty)
    rewards[:, 0] += scores
    return rewards


@pytest.mark.parametrize("broken", [_without_kl, _with_kl_as_a_prize, _score_as_a_cost, _score_on_the_first_token])
def test_a_wrong_reward_misses_the_optimum(monkeypatch, broken):
    monkeypatch.setattr(experience, "token_rewards", broken)
    assert solve()[0] > 0.15


@pytest.mark.parametrize("sign", [-1.0, 0.0])
def test_a_wrong_policy_loss_misses_the_optimum(monkeypatch, sign):
    monkeypatch.setattr(learner, "policy_loss", lambda *args: sign * policy_loss(*args))
    assert solve()[0] > 0.5


SMALL = PPOSettings(iterations=2, batch_size=16, minibatch_size=4, max_new_tokens=5, temperature=0.8)
MANY = [PPOPrompt(tokens=[1] * n) for n in range(1, 9)]


def first_is_eos(prompts, answers, is_safety):
    return torch.tensor([float(answer[0] == 2) for answer in answers])


@pytest.mark.parametrize("temperature_of_new", [0.8, 1.0])
def test_the_first_ratio_is_exactly_1(monkeypatch, temperature_of_new):
    """Exactly, not nearly; the break is new log-probabilities at another temperature than the old."""
    differences = []

    def watched(new, old, advantages, mask, clip):
        differences.append((new - old).abs().max().item())
        return policy_loss(new, old, advantages, mask, clip)

    monkeypatch.setattr(learner, "policy_loss", watched)
    real = learner.answer_logits
    monkeypatch.setattr(learner, "answer_logits", lambda model, batch, _: real(model, batch, temperature_of_new))
    train_ppo(fresh_policy(), first_is_eos, MANY, SMALL, precision=CPU)
    assert (differences[0] == 0.0) == (temperature_of_new == 0.8)
    assert max(differences) > 0


def test_the_reference_and_the_first_kl():
    policy, other = fresh_policy(), fresh_policy(seed=1)
    before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    own = train_ppo(fresh_policy(), first_is_eos, MANY, SMALL, precision=CPU)
    given = train_ppo(policy, first_is_eos, MANY, SMALL, reference=other, precision=CPU)
    assert own.records[0].kl_k1 == own.records[0].kl_k3 == 0.0
    assert own.records[1].kl_k3 > 0.0
    assert given.records[0].kl_k3 > 0.01
    assert all(torch.equal(tensor, before[name]) for name, tensor in other.state_dict().items())


def test_one_seed_one_run():
    runs = []
    for seed in (0, 0, 1):
        policy = fresh_policy()
        torch.manual_seed(len(runs))  # the global generator plays no part
        settings = PPOSettings(**{**vars(SMALL), "seed": seed})
        train_ppo(policy, first_is_eos, MANY, settings, precision=CPU)
        runs.append(policy.state_dict())
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])
    assert any(not torch.equal(runs[0][name], runs[2][name]) for name in runs[0])


def test_micro_batches_change_nothing_but_rounding():
    weights = []
    for most in (10, 4096):
        policy = fresh_policy()
        settings = PPOSettings(**{**vars(SMALL), "micro_batch_tokens": most, "iterations": 1})
        train_ppo(policy, first_is_eos, MANY, settings, precision=CPU)
        weights.append(torch.cat([tensor.flatten() for tensor in policy.state_dict().values()]))
    torch.testing.assert_close(*weights, atol=2e-5, rtol=0)


def test_the_reward_function_gets_what_belongs_together():
    asked = []

    def reward(prompts, answers, is_safety):
        asked.append((prompts, answers, is_safety))
        return torch.zeros(len(answers))

    prompts = [PPOPrompt(tokens=[1] * n, is_safety=n % 2 == 0) for n in range(1, 9)]
    report = train_ppo(fresh_policy(), reward, prompts, SMALL, precision=CPU)
    for given, answers, is_safety in asked:
        assert [len(prompt) % 2 == 0 for prompt in given] == is_safety.tolist()
        assert all(answers)
    first = report.records[0]
    assert first.answer_length == pytest.approx(sum(map(len, asked[0][1])) / 16)
    assert first.finished == pytest.approx(sum(answer[-1] == 2 for answer in asked[0][1]) / 16)


@pytest.mark.parametrize("whitening", ["batch", "first", "none"])
def test_a_constant_reward_moves_nothing_to_nan(whitening):
    settings = PPOSettings(**{**vars(SMALL), "whitening": whitening})
    policy = fresh_policy()
    report = train_ppo(policy, lambda p, a, s: torch.full((len(a),), 0.1), MANY, settings, precision=CPU)
    assert all(torch.isfinite(tensor).all() for tensor in policy.state_dict().values())
    assert all(record.score_std == pytest.approx(0, abs=1e-6) for record in report.records)


def test_a_policy_that_never_stops_learns_to():
    """Every answer scores alike, so only the penalty speaks; without it, nothing is learnt."""
    shares = []
    for penalty in (2.0, 0.0):
        changes = {"whitening": "none", "unfinished_penalty": penalty, "iterations": 12, "beta": 0.0}
        settings = PPOSettings(**{**vars(BANDIT), **changes, "batch_size": 64, "minibatch_size": 16})
        report = solve(settings, lambda p, a, s: torch.zeros(len(a)))[1]
        shares.append(report.records[-1].finished)
    assert shares[0] > 0.9
    assert shares[1] < 0.7


def test_early_stopping_keeps_the_best():
    values = iter([0.0, 1.0, 5.0, 4.0, 3.0, 9.0])
    seen, records = [], []

    def evaluate(model):
        seen.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        return next(values)

    settings = PPOSettings(**{**vars(SMALL), "iterations": 20, "evaluate_every": 2, "patience": 2})
    policy = fresh_policy()
    report = train_ppo(
        policy, first_is_eos, MANY, settings, evaluate=evaluate, on_iteration=records.append, precision=CPU
    )
    assert (report.kept_iteration, report.stopped_early, report.held_out_before) == (4, True, 0.0)
    assert list(report.records) == records
    assert [record.held_out for record in records] == [None, 1.0, None, 5.0, None, 4.0, None, 3.0]
    assert all(torch.equal(tensor, seen[2][name]) for name, tensor in policy.state_dict().items())


def test_a_policy_that_only_got_worse_comes_back_as_it_was():
    values = iter([1.0, 0.5, 0.4])
    settings = PPOSettings(**{**vars(SMALL), "evaluate_every": 1, "patience": None})
    policy = fresh_policy()
    report = train_ppo(policy, first_is_eos, MANY, settings, evaluate=lambda _: next(values), precision=CPU)
    assert (report.kept_iteration, report.stopped_early, len(report.records)) == (0, False, 2)
    assert all(torch.equal(tensor, fresh_policy().state_dict()[name]) for name, tensor in policy.state_dict().items())


def test_a_value_model_is_trained_in_place():
    value_model = ValueModel.from_model(fresh_policy())
    train_ppo(fresh_policy(), first_is_eos, MANY, SMALL, value_model=value_model, precision=CPU)
    assert value_model.output.weight.abs().max() > 0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_rewards_that_are_no_numbers_name_their_row(bad):
    def reward(prompts, answers, is_safety):
        return torch.tensor([0.0] * 3 + [bad] + [0.0] * (len(answers) - 4))

    with pytest.raises(ValueError, match=f"reward of row 3 is {bad}"):
        train_ppo(fresh_policy(), reward, MANY, SMALL, precision=CPU)


def test_other_faults_are_named():
    policy = fresh_policy()
    with pytest.raises(ValueError, match="policy itself"):
        train_ppo(policy, first_is_eos, MANY, SMALL, reference=policy, precision=CPU)
    with pytest.raises(ValueError, match="one each"):
        train_ppo(policy, lambda p, a, s: torch.zeros(3), MANY, SMALL, precision=CPU)
    with pytest.raises(ValueError, match="evaluation on held-out prompts gave nan"):
        train_ppo(policy, first_is_eos, MANY, SMALL, evaluate=lambda _: math.nan, precision=CPU)


def test_a_sharper_reference_moves_the_optimum():
    """The optimum is proportional to the sharpened reference times exp(score / beta), and not to the plain one."""
    policy, sharp = fresh_policy(), fresh_policy()
    with torch.no_grad():
        policy.output.weight.mul_(3.0)  # far from uniform, so that sharpening matters
        sharp.output.weight.mul_(3.0 / 0.5)
    plain, wanted = distribution(policy), distribution(sharp)
    settings = dataclasses.replace(BANDIT, reference_temperature=0.5)
    train_ppo(policy, bandit_reward, PROMPTS, settings, precision=CPU)
    assert distance_from_optimum(policy, wanted) < 0.1
    assert distance_from_optimum(policy, wanted) < distance_from_optimum(policy, plain)


@pytest.mark.parametrize(("exact_kl", "reached"), [(1.0, True), (0.0, False)])
def test_the_exact_kl_alone_leads_to_the_sharper_reference(exact_kl, reached):
    """Without a reward and without a penalty in it, the loss's own KL is all there is; at 0 nothing moves."""
    policy, sharp = fresh_policy(), fresh_policy()
    with torch.no_grad():
        policy.output.weight.mul_(3.0)
        sharp.output.weight.mul_(3.0 / 0.5)
    wanted = distribution(sharp)
    settings = dataclasses.replace(BANDIT, reference_temperature=0.5, beta=0.0, exact_kl=exact_kl)
    train_ppo(policy, lambda prompts, answers, safe: torch.zeros(len(answers)), PROMPTS, settings, precision=CPU)
    end = distribution(policy)
    assert (float((end.exp() * (end - wanted)).sum()) < 0.01) == reached


def test_the_exact_kl_is_a_mean_over_answer_tokens_by_hand():
    """Two answers of two and one tokens, cut into micro-batches or not: three places, each with its whole KL."""
    policy, reference = fresh_policy(0), fresh_policy(1)
    rows = torch.tensor([[1, 0, 2], [1, 2, 0]])
    with torch.no_grad():
        ours, theirs = policy(rows).log_softmax(-1), reference(rows).div(0.5).log_softmax(-1)
    kl = (ours.exp() * (ours - theirs)).sum(-1)
    expected = float((kl[0, 0] + kl[0, 1] + kl[1, 0]) / 3)
    rollouts = Rollouts(prompts=[[1], [1]], answers=[[0, 2], [2]], finished=[True, True], is_safety=[False, False])
    for micro in (1, 64):
        settings = dataclasses.replace(
            BANDIT, batch_size=2, minibatch_size=2, reference_temperature=0.5, exact_kl=1.0, micro_batch_tokens=micro
        )
        models = (fresh_policy(0), ValueModel.from_model(policy), reference)
        minibatches = lay_out(rollouts, settings, random.Random(0), torch.device("cpu"))
        gathered = gather_experience(
            models[0], reference, models[1], rollouts, torch.zeros(2), minibatches, settings, CPU
        )
        stats = Learner(*models, settings, CPU).learn(minibatches, gathered)
        assert stats.kl_loss == pytest.approx(expected, rel=1e-5)
