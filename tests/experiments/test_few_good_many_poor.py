"""Few good demonstrations against many poor ones: the verdict looks at the control and at what is set aside."""

import pytest
import torch

from minillama.chat import DialogTokens
from minillama.experiments import Row, few_good_many_poor
from minillama.experiments.few_good_many_poor import FEW_GOOD, FEW_POOR, MANY_GOOD, MANY_POOR, POOLED, tuned
from minillama.model import ModelArgs, Transformer

N = 50


def rows(few_good=0.3, pooled=0.1, few_poor=-0.05, many_good=0.35):
    gains = {FEW_GOOD: few_good, MANY_POOR: 0.0, POOLED: pooled, FEW_POOR: few_poor, MANY_GOOD: many_good}
    return [row(arm, seed, gain) for seed in (0, 1) for arm, gain in gains.items()]


def row(arm, seed, gain):
    scale = 1 + len(arm) / 50
    values = [0.4 + gain + wiggle * scale for wiggle in (0.02, -0.02, 0.0, 0.01, -0.01)] * (N // 5)
    numbers = {"helpfulness": 0.4 + gain, "helpfulness, greedy": 0.5 + gain}
    return Row(arm=arm, seed=seed, numbers=numbers, control=arm == FEW_POOR, curve={"helpfulness": values})


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "reproduced"),
        ({"few_good": 0.03, "pooled": 0.0, "few_poor": -0.1}, "not reproduced"),
        ({"few_good": -0.1, "few_poor": -0.3}, "not reproduced"),
        ({"pooled": 0.35}, "not reproduced"),  # setting the poor ones aside costs
        ({"few_poor": 0.2}, "cannot be seen at this scale"),  # fewness alone does it
        ({"many_good": 0.1}, "reproduced"),  # what number is worth is told, and decides nothing
    ],
)
def test_the_verdict(changed, outcome):
    assert few_good_many_poor.judge(rows(**changed)).outcome == outcome


def test_both_vendors_are_the_valleys_and_write_alone():
    assert few_good_many_poor.GOOD.skill > 0.9 > 0.5 > few_good_many_poor.POOR.skill
    assert few_good_many_poor.GOOD.share == few_good_many_poor.POOR.share == 1.0


def dialogs(n, length):
    tokens = tuple(range(10, 10 + length))
    return [DialogTokens(tokens, (0,) + (1,) * (length - 1))] * n


def small_model():
    torch.manual_seed(0)
    return Transformer(ModelArgs(dim=16, n_layers=1, n_heads=2, vocab_size=64, multiple_of=16, max_seq_len=256))


def test_few_and_many_read_the_same_number_of_tokens():
    """Rows of 256 hold five dialogues of 50: 45 of them fill nine rows, so every other batch of eight lacks rows."""
    few, many = dialogs(45, 50), dialogs(90, 50)
    places = [tuned(small_model(), examples, 3, 0, "arm")[2] * 50 * len(examples) for examples in (few, many)]
    assert places == pytest.approx([3 * 8 * 256] * 2)


def test_the_model_it_starts_from_stays_as_it_is():
    start = small_model()
    before = start.output.weight.clone()
    model, _, _ = tuned(start, dialogs(60, 50), 2, 0, "arm")
    assert torch.equal(start.output.weight, before)
    assert not torch.equal(model.output.weight, before)


def test_dialogues_that_fill_no_batch_are_refused():
    with pytest.raises(ValueError, match="do not fill"):
        tuned(small_model(), dialogs(3, 50), 1, 0, "arm")
