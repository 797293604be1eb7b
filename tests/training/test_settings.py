import dataclasses

import pytest

from minillama.training import TrainSettings


def test_defaults_are_those_of_the_paper():
    settings = TrainSettings(steps=10, peak_lr=3e-4)
    assert (settings.betas, settings.eps, settings.weight_decay, settings.clip) == ((0.9, 0.95), 1e-5, 0.1, 1.0)
    assert (settings.schedule, settings.min_lr_ratio) == ("cosine", 0.1)


def test_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainSettings(steps=10, peak_lr=3e-4).steps = 20


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"steps": -3}, "steps is -3"),
        ({"warmup_steps": 11}, "warmup_steps is 11"),
        ({"warmup_steps": -1}, "warmup_steps is -1"),
        ({"accumulation": 0}, "accumulation is 0"),
        ({"keep_checkpoints": 0}, "keep_checkpoints is 0"),
        ({"checkpoint_every": 0}, "checkpoint_every is 0"),
        ({"peak_lr": 0.0}, "peak_lr is 0.0"),
        ({"peak_lr": float("nan")}, "peak_lr is nan"),
        ({"min_lr_ratio": 1.5}, "min_lr_ratio is 1.5"),
        ({"weight_decay": -0.1}, "weight_decay is -0.1"),
        ({"betas": (0.9, 1.0)}, "betas is"),
        ({"eps": 0.0}, "eps is 0.0"),
        ({"clip": 0.0}, "clip is 0.0"),
        ({"clip": float("nan")}, "clip is nan"),
    ],
)
def test_impossible_values_are_named(wrong, named):
    with pytest.raises(ValueError, match=named):
        TrainSettings(**{"steps": 10, "peak_lr": 3e-4} | wrong)


def test_an_unknown_schedule_is_refused():
    with pytest.raises(Exception, match="linear"):  # by ValueError, or by beartype where it checks first
        TrainSettings(steps=10, peak_lr=3e-4, schedule="linear")
