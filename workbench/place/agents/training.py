"""Training of the placement policy with MaskablePPO: rollouts, updates, checkpoints at their boundaries, evaluation.

Settings follow Circuit Training (cost-and-environment §9: clip 0.2, γ 1, Monte-Carlo returns, value weight 0.5,
gradient norm 1) except for the learning rate, the epochs, the entropy weight and the batch, chosen for minutes on one thread
(model: ours; benchmarks/training_curve.py).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sb3_contrib import MaskablePPO
from stable_baselines3.common.callbacks import BaseCallback

from workbench.base.errors import InputError
from workbench.netlist.design import Design
from workbench.place.agents.policy import NetworkConfig
from workbench.place.agents.policy_masked import PlacementPolicy
from workbench.place.agents.training_checkpoint import Randomness, Tree, load_weights
from workbench.place.agents.training_env import PlacementVecEnv
from workbench.place.agents.training_report import (
    EpisodeLog,
    Evaluation,
    Iteration,
    evaluation_of,
    legal_share,
    mean_over_designs,
)
from workbench.place.environment_problem import make_problem
from workbench.place.vec_env import EpisodeEnd

SCALE_IN_DEVIATIONS = 3.0
"""Rewards are costs below the untrained mean in units of so many of its deviations (at least 1 % of the mean)."""


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of a training run.

    Attributes
    ----------
    seed: of weights and of every random choice.
    environments: episodes of each design that run together; a rollout has one episode's steps of each.
    minibatches, epochs: gradient steps per rollout are their product.
    learning_rate, entropy, clip, gae_lambda: of PPO.
    evaluation_episodes: of each design, for the means before and after training.
    network: sizes of the network.
    """

    seed: int = 0
    environments: int = 16
    minibatches: int = 4
    epochs: int = 2
    learning_rate: float = 2e-3
    entropy: float = 3e-3
    clip: float = 0.2
    gae_lambda: float = 1.0
    evaluation_episodes: int = 16
    network: NetworkConfig = field(default_factory=NetworkConfig)

    @staticmethod
    def from_state(state: dict[str, Any]) -> TrainingConfig:
        """The settings that `asdict` made a dictionary of."""
        return TrainingConfig(**{**state, "network": NetworkConfig(**state["network"])})


@dataclass(frozen=True)
class Stop:
    """When to stop: at so many steps since training began, after so many seconds of this call, whichever is first."""

    steps: int | None = None
    seconds: float | None = None


class Trainer:
    """Trains one policy on one or more designs; `state` and `restore` carry it across processes.

    Attributes
    ----------
    log: episodes and the best floorplan of each design.
    curve: one row per iteration.
    untrained: costs of the policy before its first update.
    """

    def __init__(self, designs: Sequence[Design], config: TrainingConfig, tensorboard: Path | None = None) -> None:
        self.designs, self.config = tuple(designs), config
        problems = [make_problem(design.netlist, design.canvas, design.floorplan) for design in designs]
        self.log = EpisodeLog(len(problems))
        self.curve: list[Iteration] = []
        self.untrained: Evaluation | None = None
        self.seconds = 0.0
        self.environment = PlacementVecEnv(problems, config.environments, self.log.add)
        self._evaluation_environment = PlacementVecEnv(problems, config.environments)
        self.randomness = Randomness(config.seed)
        rollout = self.environment.steps * self.environment.num_envs
        with self.randomness, one_thread():
            self.model = MaskablePPO(
                PlacementPolicy, self.environment, learning_rate=config.learning_rate, n_steps=self.environment.steps,
                batch_size=_batch_size(rollout, config.minibatches), n_epochs=config.epochs, gamma=1.0,
                gae_lambda=config.gae_lambda, clip_range=config.clip, ent_coef=config.entropy, vf_coef=0.5,
                max_grad_norm=1.0, normalize_advantage=rollout > 1, device="cpu",
                policy_kwargs={"problems": problems, "network": config.network},
                tensorboard_log=None if tensorboard is None else str(tensorboard),
            )  # fmt: skip

    def evaluate(self, deterministic: bool = False, episodes: int | None = None) -> list[list[EpisodeEnd]]:
        """Finished episodes of the policy as it is, by design; they also count for the best floorplans."""
        environment, wanted = self._evaluation_environment, episodes or self.config.evaluation_episodes
        ends: list[list[EpisodeEnd]] = [[] for _ in self.designs]
        environment.on_end = lambda design, end: ends[design].append(end)
        with self.randomness, one_thread():
            observation = environment.reset()
            while min(map(len, ends)) < wanted:
                masks = environment.action_masks()
                actions, _ = self.model.policy.predict(observation, deterministic=deterministic, action_masks=masks)  # type: ignore[arg-type]
                observation, *_ = environment.step(actions)
        for design, finished in enumerate(ends):
            del finished[wanted:]
            for end in finished:
                self.log.add(design, end)
        self.log.take()
        return ends

    def measure_untrained(self) -> Evaluation:
        """Costs of the untrained policy; they also set the scale of the rewards."""
        ends = self.evaluate()
        for design, finished in enumerate(ends):
            costs = [end.cost for end in finished if end.costs is not None] or [end.cost for end in finished]
            self.environment.offset[design] = np.mean(costs)
            self.environment.scale[design] = max(SCALE_IN_DEVIATIONS * np.std(costs), 0.01 * np.mean(costs))
        self.untrained = evaluation_of(ends)
        return self.untrained

    def train(self, stop: Stop, on_boundary: Callable[[Trainer], None] = lambda trainer: None) -> bool:
        """Train until `stop`; returns whether Ctrl-C ended it.

        `on_boundary` is called between iterations, when `state` describes the whole training. A rollout that is cut short is
        dropped: the state stays that of the last boundary.
        """
        if self.untrained is None:
            self.measure_untrained()
        callback = _Boundaries(self, stop, on_boundary)
        interrupted = False
        with self.randomness, one_thread():
            try:
                steps = _UNLIMITED if stop.steps is None else stop.steps - self.model.num_timesteps
                self.model.learn(steps, callback=callback, log_interval=1, reset_num_timesteps=False)
            except KeyboardInterrupt:
                interrupted = True
        if callback.boundary is not None:
            self.restore(callback.boundary)
        return interrupted

    def state(self) -> dict[str, Tree]:
        """Everything that the rest of the training depends on; call at a boundary."""
        model = self.model
        return {
            "config": asdict(self.config), "designs": [design_identity(design) for design in self.designs],
            "weights": model.policy.state_dict(), "optimizer": model.policy.optimizer.state_dict(),
            "randomness": self.randomness.state(), "environment": self.environment.state(),
            "episode_starts": _episode_starts(model), "steps": model.num_timesteps, "updates": model._n_updates,
            "episodes": self.log.episodes, "seconds": self.seconds, "curve": [asdict(row) for row in self.curve],
            "untrained": None if self.untrained is None else asdict(self.untrained),
            "best": [None if best is None else _places(best[0]) for best in self.log.best],
        }  # fmt: skip

    def restore(self, state: dict[str, Tree], path: Path = Path("checkpoint")) -> None:
        """Go back to a state; the best floorplans stay if they are better."""
        if state["designs"] != [design_identity(design) for design in self.designs]:
            raise InputError(path, "training on other netlists", "the netlists of this run", "name the same ones in order")
        model, starts = self.model, np.asarray(state["episode_starts"]).astype(bool)
        load_weights(path, model.policy, state["weights"])
        model.policy.optimizer.load_state_dict(state["optimizer"])
        self.environment.reset()
        self.environment.restore({name: np.asarray(value) for name, value in state["environment"].items()})
        model._last_obs, model._last_episode_starts = self.environment.observation(), starts
        model.num_timesteps, model._n_updates = state["steps"], state["updates"]
        self.log.episodes, self.seconds = state["episodes"], state["seconds"]
        self.curve = [Iteration(**row) for row in state["curve"]]
        self.untrained = None if state["untrained"] is None else Evaluation(**state["untrained"])
        self.randomness.restore(state["randomness"])
        for design, places in enumerate(state["best"]):
            if places is not None:
                self.log.add(design, self._end_at(design, places))
                self.log.episodes -= 1
        self.log.take()

    def _end_at(self, design: int, places: Tree) -> EpisodeEnd:
        batch = self.environment.batches[design]
        return batch.end_with(np.asarray(places[0]), np.asarray(places[1]))


_UNLIMITED = 1 << 62


def _batch_size(rollout: int, minibatches: int) -> int:
    """Samples of a minibatch so that all are equal: a last one of a single sample has no deviation to normalise by."""
    counts = [count for count in range(1, minibatches + 1) if rollout % count == 0 and rollout // count > 1]
    return rollout // max(counts, default=1)


class _Boundaries(BaseCallback):
    """Notes every iteration, keeps the state of the last boundary, and stops in time."""

    def __init__(self, trainer: Trainer, stop: Stop, on_boundary: Callable[[Trainer], None]) -> None:
        super().__init__()
        self.trainer, self.stop, self.on_boundary = trainer, stop, on_boundary
        self.boundary: dict[str, Tree] | None = None
        self.began, self.before, self.in_rollout = time.monotonic(), trainer.seconds, False
        self.iteration_began, self.is_over = math.nan, False

    def _on_rollout_start(self) -> None:
        self._keep()
        self.in_rollout = True
        now = time.monotonic()
        if self.stop.seconds is not None:  # another iteration like the last one would end mostly after the time
            self.is_over = self.began + self.stop.seconds - now < 0.5 * (now - self.iteration_began)
        self.iteration_began = now

    def _on_step(self) -> bool:
        in_time = self.stop.seconds is None or time.monotonic() - self.began < self.stop.seconds
        return in_time and not self.is_over

    def _on_rollout_end(self) -> None:
        self.in_rollout = False
        trainer, values = self.trainer, self.model.logger.name_to_value
        ends = trainer.log.take()
        wirelength, density, congestion = (mean_over_designs(ends, of) for of in ("wirelength", "density", "congestion"))
        trainer.seconds = self.before + time.monotonic() - self.began
        row = Iteration(
            self.model.num_timesteps, trainer.log.episodes, trainer.seconds, mean_over_designs(ends, "proxy"),
            legal_share(ends), wirelength, density, congestion, trainer.log.best_cost,
            -float(values.get("train/entropy_loss", np.nan)), float(values.get("train/approx_kl", np.nan)),
            float(values.get("train/explained_variance", np.nan)),
        )  # fmt: skip
        trainer.curve.append(row)
        for name, value in asdict(row).items():
            self.logger.record(f"placement/{name}", value)
        costs = [end.cost for design in ends for end in design if end.costs is not None]
        if costs:  # a tensor becomes a histogram in TensorBoard; other outputs have none
            others = ("stdout", "log", "json", "csv")
            self.logger.record("placement/episode_costs", torch.tensor(costs), exclude=others)

    def _on_training_end(self) -> None:
        if not self.in_rollout:
            self._keep()

    def _keep(self) -> None:
        self.trainer.seconds = self.before + time.monotonic() - self.began
        self.boundary = _copied(self.trainer.state())
        self.on_boundary(self.trainer)


@contextmanager
def one_thread() -> Any:
    """Run torch on one thread inside (DESIGN.md §3.9: one thread a worker), as before outside."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _copied(value: Tree) -> Tree:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copied(item) for item in value]
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    return value.copy() if isinstance(value, np.ndarray) else value


def _episode_starts(model: MaskablePPO) -> np.ndarray:
    starts = model._last_episode_starts
    return np.ones(model.n_envs, dtype=bool) if starts is None else np.asarray(starts).astype(bool)


def _places(floorplan: Any) -> list[np.ndarray]:
    return [floorplan.x_um, floorplan.y_um]


def design_identity(design: Design) -> list[Any]:
    """What a checkpoint remembers of a design: name, objects, nets, pins, grid and size of the canvas."""
    netlist, canvas = design.netlist, design.canvas
    size = [canvas.width_um, canvas.height_um]
    return [design.name, netlist.objects, netlist.nets, len(netlist.net_pin), canvas.columns, canvas.rows, *map(float, size)]
