"""A training run in a folder: checkpoint, curve, summary and the best floorplans, kept up to date while it runs."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.base.errors import InputError
from workbench.base.files import make_folder, write_json
from workbench.base.progress import Progress
from workbench.netlist.design import Design
from workbench.netlist.plc import write_plc
from workbench.place.agents.policy import NetworkConfig
from workbench.place.agents.policy_shipped import load_policy, network_config
from workbench.place.agents.training import Stop, Trainer, TrainingConfig
from workbench.place.agents.training_checkpoint import read_checkpoint, write_checkpoint
from workbench.place.agents.training_report import Evaluation, as_numbers, evaluation_of, write_curve

SAVE_SECONDS = 20.0
"""A checkpoint is written at the first iteration after so many seconds, and at the end."""

FRESH_RATE, TUNING_RATE = 2e-3, 1e-3
"""Learning rates from random weights and from trained ones (model: ours; benchmarks/policy_transfer.py)."""


@dataclass(frozen=True)
class TrainingOptions:
    """What `workbench train` was asked for.

    Attributes
    ----------
    out: run folder. steps: total environment steps at which to stop. seconds: of this call.
    resume: go on from the folder's checkpoint, whose seed and settings then hold. policy: weights to begin with.
    network: a name in policy.NETWORKS; None for that of `policy`, else ours. learning_rate: None for FRESH or TUNING.
    """

    out: Path
    steps: int | None = None
    seconds: float | None = None
    seed: int = 0
    environments: int = 16
    resume: bool = False
    policy: Path | None = None
    tensorboard: bool = False
    network: str | None = None
    learning_rate: float | None = None


def run_training(
    designs: Sequence[Design], options: TrainingOptions, quiet: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """Train, keep everything in the run folder, and return the summary (also in ``training.json``).

    `progress` takes the place of the bar; its total is that of `options`.
    """
    checkpoint = options.out / "checkpoint.pt"
    if checkpoint.exists() and not options.resume:
        raise InputError(options.out, "an earlier training run", "a new folder", "give another --out, or --resume")
    if options.tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise InputError("--tensorboard", "no TensorBoard", "it installed", "run `pip install tensorboard` or leave it out")
    make_folder(options.out)
    trainer = _trainer(designs, options, checkpoint)
    untrained = trainer.untrained or trainer.measure_untrained()
    total = float(options.steps or 0) if options.seconds is None else options.seconds
    bar = progress or Progress(f"training on {', '.join(design.name for design in designs)}", total, quiet=quiet)
    with bar:
        keeper = _Keeper(trainer, options, bar)
        interrupted = trainer.train(Stop(options.steps, options.seconds), keeper)
    keeper.save()
    trained = None
    try:
        trained = None if interrupted else evaluation_of(trainer.evaluate())
    except KeyboardInterrupt:
        interrupted = True
    return _report(trainer, options, untrained, trained, interrupted)


def _trainer(designs: Sequence[Design], options: TrainingOptions, checkpoint: Path) -> Trainer:
    events = options.out / "tensorboard" if options.tensorboard else None
    if options.resume:
        state = read_checkpoint(checkpoint)
        trainer = Trainer(designs, TrainingConfig.from_state(state["config"]), events)
        trainer.restore(state, checkpoint)
        return trainer
    trainer = Trainer(designs, _config(options), events)
    if options.policy is not None:
        load_policy(options.policy, trainer.model.policy)
    return trainer


def _config(options: TrainingOptions) -> TrainingConfig:
    network = NetworkConfig() if options.policy is None else network_config(options.policy)
    if options.network is not None and options.network != network.kind:
        if options.policy is not None:
            raise InputError(
                options.policy, f"weights of the network {network.kind!r}", repr(options.network), "leave --network out"
            )
        network = NetworkConfig(options.network)
    rate = options.learning_rate or (FRESH_RATE if options.policy is None else TUNING_RATE)
    return TrainingConfig(options.seed, options.environments, learning_rate=rate, network=network)


class _Keeper:
    """Called between iterations: writes the checkpoint and the curve now and then, and tells how far it is."""

    def __init__(self, trainer: Trainer, options: TrainingOptions, progress: Progress) -> None:
        self.trainer, self.options, self.progress = trainer, options, progress
        self.began = self.saved = time.monotonic()

    def __call__(self, trainer: Trainer) -> None:
        now = time.monotonic()
        if trainer.curve:
            row = trainer.curve[-1]
            note = f"mean {row.mean_cost:.4f}, best {row.best_cost:.4f}, {row.episodes} episodes"
            self.progress.update(self._done(now), note)
        if now - self.saved >= SAVE_SECONDS:
            self.save()
            self.saved = now

    def _done(self, now: float) -> float:
        return float(self.trainer.model.num_timesteps) if self.options.seconds is None else now - self.began

    def save(self) -> None:
        """Write checkpoint and curve."""
        write_checkpoint(self.options.out / "checkpoint.pt", self.trainer.state())
        if self.trainer.untrained is not None:
            write_curve(self.options.out, self.trainer.curve, self.trainer.untrained)


def _report(
    trainer: Trainer, options: TrainingOptions, untrained: Evaluation, trained: Evaluation | None, interrupted: bool
) -> dict[str, Any]:
    best = {}
    for design, found in zip(trainer.designs, trainer.log.best, strict=True):
        if found is not None:
            write_plc(options.out / f"{design.name}.plc", found[0], found[1].header())
            best[design.name] = found[1].report()
    report = {
        "netlists": [design.name for design in trainer.designs],
        "steps": trainer.model.num_timesteps,
        "episodes": trainer.log.episodes,
        "training_seconds": trainer.seconds,
        "interrupted": interrupted,
        "untrained_policy": as_numbers(untrained),
        "trained_policy": None if trained is None else as_numbers(trained),
        "best": best,
        "config": asdict(trainer.config),
        "folder": str(options.out),
    }
    write_json(options.out / "training.json", {**report, "curve": [as_numbers(row) for row in trainer.curve]})
    return report
