"""A PPO run that is killed goes on and ends in the same weights, bit for bit; a folder of another run is refused."""

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from minillama.alignment.ppo import PPOPrompt, PPOSettings, ValueModel, checkpoints, train_ppo
from minillama.model import ModelArgs, Transformer
from minillama.training import Precision

ARGS = ModelArgs(dim=16, n_layers=1, n_heads=2, vocab_size=8, multiple_of=8, max_seq_len=16, rope_theta=500.0)
SETTINGS = PPOSettings(
    iterations=8,
    batch_size=8,
    minibatch_size=4,
    max_new_tokens=4,
    whitening="first",
    policy_lr=1e-2,
    evaluate_every=2,
    patience=None,
)
PROMPTS = [PPOPrompt(tokens=[1] * n, is_safety=n % 2 == 0) for n in range(1, 8)]
CPU = Precision.detect("cpu", "float32")


class Killed(Exception):
    """In place of a signal, where the test is to go on in its own process."""


def noisy(prompts, answers, is_safety):
    """A reward that draws from torch's global generator, so that it must be put back, too.

    Not from Python's: the checks of types that the tests switch on draw from that one as well.
    """
    return torch.tensor([float(answer[0] == 3) for answer in answers]) + torch.rand(len(answers))


def tokens_of_three(policy):
    """A held-out score that goes up and down, so that the best policy is not the last."""
    return float(torch.sin(50 * policy.output.weight[3].sum()).detach())


def run(folder=None, settings=SETTINGS, on_iteration=None, prompts=PROMPTS, seed=0, reward=noisy):
    """One call of the trainer on fresh models; returns policy, value model and report."""
    torch.manual_seed(seed)
    policy = Transformer(ARGS)
    value_model = ValueModel.from_model(policy)
    report = train_ppo(
        policy,
        reward,
        prompts,
        settings,
        value_model=value_model,
        evaluate=tokens_of_three,
        on_iteration=on_iteration,
        precision=CPU,
        run_dir=folder,
    )
    return policy, value_model, report


def kill_after(iteration):
    def stop(record):
        if record.iteration == iteration:
            raise Killed

    return stop


def same(first, second):
    other = second.state_dict()
    return all(torch.equal(tensor, other[name]) for name, tensor in first.state_dict().items())


def without_times(report):
    return [
        {name: value for name, value in dataclasses.asdict(record).items() if not name.endswith("seconds")}
        for record in report.records
    ]


def killed_and_resumed(folder, *at):
    for iteration in at:
        with pytest.raises(Killed):
            run(folder, on_iteration=kill_after(iteration))
    return run(folder)


@pytest.mark.parametrize("at", [(2,), (4,), (5, 7)])
def test_a_killed_run_ends_as_if_it_had_not_been(tmp_path, at):
    whole, whole_value, report = run()
    again, again_value, resumed = killed_and_resumed(tmp_path / "run", *at)
    assert same(whole, again)
    assert same(whole_value, again_value)
    assert without_times(resumed) == without_times(report)
    assert (resumed.kept_iteration, resumed.held_out_before) == (report.kept_iteration, report.held_out_before)
    assert report.kept_iteration not in (0, SETTINGS.iterations)


@pytest.mark.parametrize(
    "forgotten",
    ["policy optimiser", "value optimiser", "random state", "scale", "best policy"],
)
def test_every_part_of_the_state_is_needed(tmp_path, monkeypatch, forgotten):
    """The break: a checkpoint that leaves one part out gives another run."""
    load = checkpoints.load_optimizer_tensors
    if forgotten in ("policy optimiser", "value optimiser"):
        skipped = ValueModel if forgotten.startswith("value") else Transformer

        def load_some(optimizer, model, tensors):
            if type(model) is not skipped:
                load(optimizer, model, tensors)

        monkeypatch.setattr(checkpoints, "load_optimizer_tensors", load_some)
    elif forgotten == "random state":
        monkeypatch.setattr(checkpoints, "load_random_state", lambda *parts: None)
    elif forgotten == "scale":
        monkeypatch.setattr(checkpoints.ScoreScale, "load_state_dict", lambda *parts: None)
    else:
        monkeypatch.setattr(checkpoints.BestPolicy, "put_back", lambda self, *parts: self.begin())
    whole, whole_value, report = run()
    again, again_value, resumed = killed_and_resumed(tmp_path / "run", 4)
    alike = same(whole, again) and same(whole_value, again_value) and without_times(resumed) == without_times(report)
    assert not alike or resumed.held_out_before != report.held_out_before


def test_a_finished_run_is_not_made_again(tmp_path):
    first, _, report = run(tmp_path / "run")
    calls = []
    again, _, second = run(tmp_path / "run", on_iteration=calls.append)
    assert not calls
    assert same(first, again)
    assert second == report


def test_a_run_that_stopped_early_stays_stopped(tmp_path):
    settings = dataclasses.replace(SETTINGS, evaluate_every=1, patience=1, iterations=20)
    first, _, report = run(tmp_path / "run", settings)
    assert report.stopped_early
    calls = []
    again, _, second = run(tmp_path / "run", settings, on_iteration=calls.append)
    assert not calls
    assert second == report
    assert same(first, again)


def test_another_run_in_the_folder_is_refused(tmp_path):
    run(tmp_path / "run")
    with pytest.raises(ValueError, match=r"holds a PPO run with beta=0\.1, and not 0\.2"):
        run(tmp_path / "run", dataclasses.replace(SETTINGS, beta=0.2))
    with pytest.raises(ValueError, match="PPO run with prompts="):
        run(tmp_path / "run", prompts=PROMPTS[1:])
    with pytest.raises(ValueError, match="PPO run with policy="):
        run(tmp_path / "run", seed=1)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_process_killed_by_the_system_goes_on(tmp_path):
    """The real thing: SIGKILL in the middle of an iteration, and the same call made again."""
    killed = subprocess.run([sys.executable, __file__, str(tmp_path / "run")], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [path.name for path in sorted((tmp_path / "run").glob("step-*"))] == ["step-00000003"]
    made = []
    again, _, _ = run(tmp_path / "run", on_iteration=made.append)
    assert [record.iteration for record in made] == [4, 5, 6, 7, 8]
    assert same(again, run()[0])


if __name__ == "__main__":
    asked = []

    def deadly(prompts, answers, is_safety):
        asked.append(1)
        if len(asked) == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return noisy(prompts, answers, is_safety)

    run(Path(sys.argv[1]), reward=deadly)
