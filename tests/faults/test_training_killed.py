"""Training that is killed at any moment: its checkpoint stays readable, and at most one interval of work is lost."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from workbench.place.agents import training_run
from workbench.place.agents.training_checkpoint import read_checkpoint
from workbench.place.agents.training_run import TrainingOptions, run_training
from workbench.place.environment_synthetic import synthetic_design

ROLLOUT = 2 * 4
"""Steps of an iteration: two episodes of four macros."""


def _train(out, designs):
    """Train without end in this process, saving at every iteration and noting every iteration before it is saved."""
    journal = os.open(out.parent / "journal", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    training_run.SAVE_SECONDS = 0.0
    call = training_run._Keeper.__call__

    def noted(self, trainer):
        os.write(journal, f"{trainer.model.num_timesteps}\n".encode())
        call(self, trainer)

    training_run._Keeper.__call__ = noted
    options = TrainingOptions(out, steps=10**9, environments=2, resume=(out / "checkpoint.pt").exists())
    run_training(designs, options, quiet=True)


def _kill_repeatedly(tmp_path, times):
    out = tmp_path / "run"
    designs = [synthetic_design(1, macros=4, columns=8, rows=7, macro_share=0.2)]
    pause, before = random.Random(5), 0
    run_training(designs, TrainingOptions(tmp_path / "warm", steps=1, environments=2), quiet=True)  # compiled before forking
    for _ in range(times):
        child = os.fork()
        if child == 0:
            try:
                _train(out, designs)
            finally:
                os._exit(1)
        deadline, started = time.monotonic() + 60, before
        while started == before and time.monotonic() < deadline:  # it has resumed and saved anew
            time.sleep(0.02)
            started = read_checkpoint(out / "checkpoint.pt")["steps"] if (out / "checkpoint.pt").exists() else before
        time.sleep(pause.uniform(0.0, 0.2))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        saved = read_checkpoint(out / "checkpoint.pt")["steps"]
        reached = int((tmp_path / "journal").read_text().split()[-1])
        assert saved >= max(before, reached - ROLLOUT)
        before = saved
    assert before >= times * ROLLOUT


def test_three_kills_leave_a_readable_checkpoint_at_most_an_interval_old(tmp_path):
    _kill_repeatedly(tmp_path, 3)


@pytest.mark.slow
def test_twenty_kills_leave_a_readable_checkpoint_at_most_an_interval_old(tmp_path):
    _kill_repeatedly(tmp_path, 20)
