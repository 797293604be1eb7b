"""Training on pairs: batches, the loss over them, learning an obvious attribute, going on after a stop, the report."""

import random

import pytest
import torch

from minillama.alignment.preferences import EncodedPair
from minillama.alignment.reward_batches import PairLoader, collate_pairs
from minillama.alignment.reward_losses import ranking_loss
from minillama.alignment.reward_model import RewardModel
from minillama.alignment.reward_report import reward_report
from minillama.alignment.reward_training import PairLoss, RewardSettings, train_reward_model
from minillama.model import ModelArgs
from minillama.training import NonFiniteLoss, Precision

CPU = Precision.detect("cpu", "float32")
GOOD = 7  # the token that makes an answer good
RATINGS = ("significantly_better", "better", "slightly_better", "negligibly_better")
SMALL = {"batch_size": 16, "peak_lr": 5e-3}


def fresh_model():
    torch.manual_seed(0)
    return RewardModel(
        ModelArgs(dim=16, n_layers=1, n_heads=2, vocab_size=24, multiple_of=8, max_seq_len=32, rope_theta=500.0)
    )


def make_pairs(count, seed, labelled=False):
    """Random answers; in the chosen one stands the good token somewhere."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        words = [tuple(rng.randrange(8, 24) for _ in range(rng.randrange(2, 7))) for _ in range(3)]
        place = rng.randrange(len(words[1]))
        chosen = (*words[1][:place], GOOD, *words[1][place + 1 :], 2)
        found.append(
            EncodedPair(
                prompt=(1, *words[0]), chosen=chosen, rejected=(*words[2], 2), rating=rng.choice(RATINGS),
                answers_safe=(True, False) if labelled else None,
            )
        )  # fmt: skip
    return found


TRAINING, HELD_OUT = make_pairs(640, 0), make_pairs(100, 1)


def trained(pairs, **changes):
    model = fresh_model()
    train_reward_model(model, pairs, RewardSettings(**SMALL | changes), precision=CPU)
    return model


@pytest.fixture(scope="module")
def learned():
    return trained(TRAINING)


def test_a_batch_holds_chosen_then_rejected():
    pairs = make_pairs(3, 5, labelled=True)
    batch = collate_pairs(pairs, "large")
    assert batch.n_targets == 3
    assert batch.tokens.shape[0] == 6
    for row, (pair, side) in enumerate((pair, side) for side in ("chosen", "rejected") for pair in pairs):
        length = int(batch.lengths[row])
        assert batch.tokens[row, :length].tolist() == [*pair.prompt, *getattr(pair, side)]
        assert not batch.tokens[row, length:].any()
    assert batch.margins.tolist() == [[3, 2, 1, 0][RATINGS.index(pair.rating)] for pair in pairs]
    assert batch.safe.tolist() == [True] * 3 + [False] * 3
    assert batch.labelled.all()


def test_the_loader_gives_every_pair_once_an_epoch_and_little_filling():
    loader = PairLoader(TRAINING, 32, epochs=2)
    batches = list(loader)
    assert len(batches) == len(loader) == 40
    rows = [tuple(row[:length].tolist()) for batch in batches for row, length in zip(batch.tokens, batch.lengths)]
    wanted = [pair.prompt + answer for pair in TRAINING for answer in (pair.chosen, pair.rejected)]
    assert sorted(rows) == sorted(wanted * 2)
    assert not torch.equal(batches[0].lengths, batches[20].lengths)  # another order
    used = sum(int(batch.lengths.sum()) for batch in batches) / sum(batch.tokens.numel() for batch in batches)
    unsorted = [collate_pairs(TRAINING[start : start + 32], "none") for start in range(0, 640, 32)]
    plain = sum(int(batch.lengths.sum()) for batch in unsorted) / sum(batch.tokens.numel() for batch in unsorted)
    assert used > plain + 0.1


def test_the_loss_of_a_batch_is_that_of_its_pairs_alone():
    """Labelled and unlabelled pairs together, so that a mean over labels would weigh them otherwise."""
    model, loss = fresh_model(), PairLoss(safety_weight=0.5)
    pairs = [*make_pairs(3, 2, labelled=True), *make_pairs(2, 3)]
    whole, count = loss(model, collate_pairs(pairs, "small"))
    alone = [loss(model, collate_pairs([pair], "small"))[0].item() for pair in pairs]
    assert count == 5
    assert whole.item() == pytest.approx(sum(alone), rel=1e-5)


def test_the_loss_by_hand():
    model, pairs = fresh_model(), make_pairs(2, 2, labelled=True)
    batch = collate_pairs(pairs, "large")
    scores = model(batch.tokens, batch.lengths)
    ranking = ranking_loss(scores[:2], scores[2:], batch.margins) * 2
    safety = torch.nn.functional.softplus(torch.cat([-scores[:2], scores[2:]])).sum() / 2
    assert PairLoss()(model, batch)[0].item() == pytest.approx(ranking.item())
    assert PairLoss(2.0)(model, batch)[0].item() == pytest.approx((ranking + 2 * safety).item(), rel=1e-5)


def test_it_learns_an_obvious_attribute(learned):
    report = reward_report(learned.score, HELD_OUT)
    assert report.accuracy.average > 0.9
    assert report.problems == ()
    assert reward_report(fresh_model().score, HELD_OUT).accuracy.average < 0.75


@pytest.mark.parametrize("broken", ["swapped", "random", "constant loss"])
def test_it_does_not_learn_from_what_is_broken(broken, monkeypatch):
    pairs, rng = TRAINING, random.Random(0)
    if broken == "swapped":
        pairs = [pair.swapped() for pair in TRAINING]
    elif broken == "random":
        pairs = [pair.swapped() if rng.random() < 0.5 else pair for pair in TRAINING]
    else:
        monkeypatch.setattr(
            "minillama.alignment.reward_training.ranking_loss", lambda c, r, m: (c - c + r - r + m).mean()
        )
    report = reward_report(trained(pairs).score, HELD_OUT)
    assert report.accuracy.average < (0.1 if broken == "swapped" else 0.75)
    assert report.problems or broken != "swapped"


def test_margins_push_the_scores_apart():
    """With every fifth pair swapped, the gap settles where the loss says; margins ask for a wider one (Figure 27)."""
    noisy = [pair.swapped() if number % 5 == 0 else pair for number, pair in enumerate(TRAINING)]
    prompts = [pair.prompt for pair in HELD_OUT]
    gaps = {}
    for margin in ("none", "large"):
        score = trained(noisy, margin=margin).score
        gap = score(prompts, [p.chosen for p in HELD_OUT]) - score(prompts, [p.rejected for p in HELD_OUT])
        gaps[margin] = gap.mean().item()
    assert gaps["large"] > 1.2 * gaps["none"]


def test_the_safety_loss_gives_the_scores_a_zero_point():
    labelled = make_pairs(640, 0, labelled=True)
    held_out = make_pairs(100, 1, labelled=True)
    with_loss = reward_report(trained(labelled, safety_weight=1.0).score, held_out)
    shifted = trained(labelled)
    without = reward_report(lambda prompts, answers: shifted.score(prompts, answers) + 8, held_out)
    assert with_loss.safety_calibration < 0.15 < 0.3 < without.safety_calibration
    assert without.accuracy.average > 0.9  # as good at ranking


def test_a_later_round_goes_on_from_the_last_weights(learned):
    again = RewardModel.from_transformer(learned)
    report = train_reward_model(again, make_pairs(160, 9), RewardSettings(**SMALL | {"peak_lr": 1e-3}), precision=CPU)
    assert report.losses[0] < 0.6
    assert reward_report(again.score, HELD_OUT).accuracy.average > 0.9


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(tmp_path, monkeypatch):
    monkeypatch.setattr("minillama.alignment.reward_training.CHECKPOINT_EVERY", 4)
    settings = RewardSettings(**SMALL)
    straight, stopped = fresh_model(), fresh_model()
    train_reward_model(straight, TRAINING[:160], settings, precision=CPU, run_dir=tmp_path / "straight")
    calls = iter(range(7))
    whole = PairLoss.__call__
    with monkeypatch.context() as patch:
        patch.setattr(PairLoss, "__call__", lambda *args: (next(calls), whole(*args))[1])
        with pytest.raises(StopIteration):
            train_reward_model(stopped, TRAINING[:160], settings, precision=CPU, run_dir=tmp_path / "stopped")
    resumed = fresh_model()
    report = train_reward_model(resumed, TRAINING[:160], settings, precision=CPU, run_dir=tmp_path / "stopped")
    assert report.resumed_at == 4
    assert all(torch.equal(a, b) for a, b in zip(straight.parameters(), resumed.parameters()))


@pytest.mark.parametrize("other", [{"margin": "large"}, {"safety_weight": 0.5}])
def test_a_run_with_another_loss_does_not_go_on(tmp_path, other):
    pairs = make_pairs(32, 0, labelled=True)
    train_reward_model(fresh_model(), pairs, RewardSettings(), precision=CPU, run_dir=tmp_path)
    with pytest.raises(ValueError, match=next(iter(other))):
        train_reward_model(fresh_model(), pairs, RewardSettings(**other), precision=CPU, run_dir=tmp_path)


def test_nan_weights_stop_the_training():
    model = fresh_model()
    with torch.no_grad():
        model.output.weight[0, 0] = float("nan")
    with pytest.raises(NonFiniteLoss, match="the loss is nan"):
        train_reward_model(model, TRAINING[:32], RewardSettings(), precision=CPU)


def test_a_constant_model_is_reported():
    model = fresh_model()
    torch.nn.init.zeros_(model.output.weight)
    report = reward_report(model.score, HELD_OUT)
    assert report.accuracy.average == 0.5
    assert report.spread == 0
    assert "every answer scores 0" in report.problems[0]


def test_scores_that_are_nan_are_reported():
    with pytest.raises(ValueError, match="not finite"):
        reward_report(lambda prompts, answers: torch.full((len(prompts),), float("nan")), HELD_OUT)


def test_a_coin_is_reported_and_is_not_calibrated():
    generator = torch.Generator().manual_seed(0)
    coin = reward_report(lambda prompts, answers: 9 * torch.randn(len(prompts), generator=generator), HELD_OUT)
    assert "cannot be told from chance" in coin.problems[0]
    assert coin.pair_calibration > 0.3
    assert coin.safety_calibration is None


def test_calibrated_differences_have_a_small_error():
    """Pairs decided as often as the sigmoid of their difference says."""
    generator = torch.Generator().manual_seed(0)
    pairs = make_pairs(2000, 4)
    difference = torch.randn(2000, generator=generator)
    sign = (torch.rand(2000, generator=generator) < difference.sigmoid()).float() * 2 - 1
    scores = torch.cat([difference * sign, torch.zeros(2000)])
    assert reward_report(lambda prompts, answers: scores, pairs).pair_calibration < 0.05
    assert reward_report(lambda prompts, answers: scores * 5, pairs).pair_calibration > 0.1


def test_the_papers_recipe_is_named():
    paper = RewardSettings.paper()
    assert (paper.epochs, paper.peak_lr, paper.batch_size) == (1, 1e-5, 512)
    assert (paper.warmup_ratio, paper.min_warmup_steps) == (0.03, 5)
    assert RewardSettings.paper(largest=True).peak_lr == 5e-6
    assert RewardSettings.paper(safety=True).safety_weight > 0 == paper.safety_weight
    assert RewardSettings.instruct_gpt().margin == "none"


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0}, {"batch_size": 0}, {"min_warmup_steps": -1}, {"warmup_ratio": 2.0}, {"margin": "huge"},
        {"safety_weight": -1.0}, {"safety_weight": float("nan")},
    ],
)  # fmt: skip
def test_settings_name_what_is_wrong(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RewardSettings(**wrong)


@pytest.mark.parametrize(
    ("pairs", "changes", "message"),
    [
        ([], {}, "no preference pairs"),
        (make_pairs(4, 0), {"safety_weight": 1.0}, "no pair has a safety label"),
        ([EncodedPair(prompt=(1,) * 30, chosen=(5, 2), rejected=(5, 5, 2), rating="better")], {}, "33 tokens"),
    ],
)
def test_pairs_it_cannot_use_are_refused(pairs, changes, message):
    with pytest.raises(ValueError, match=message):
        train_reward_model(fresh_model(), pairs, RewardSettings(**changes), precision=CPU)
