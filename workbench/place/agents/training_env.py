"""Batches of placement episodes as a vectorised environment of stable-baselines3."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env.base_vec_env import VecEnv, VecEnvIndices, VecEnvObs, VecEnvStepReturn

from workbench.place.environment_problem import PlacementProblem
from workbench.place.observation import compact_space
from workbench.place.vec_env import EpisodeBatch, EpisodeEnd

LOWEST_REWARD = -10.0
"""What a dead end pays at most: its penalty is far from all other costs and would drown them."""


class PlacementVecEnv(VecEnv):
    """Several episodes of each of several designs, on one padded grid.

    The reward is the environment's, 0 until the end, then (``offset`` - cost) / ``scale`` of the design: with the mean and
    the deviation of the untrained policy's costs there, returns of all designs are of one size.

    Parameters
    ----------
    problems: the designs; observation ``netlist_index`` counts them. count: episodes of each.
    on_end: called with (design, EpisodeEnd) for every finished episode.
    """

    render_mode: str | None = None

    def __init__(
        self, problems: Sequence[PlacementProblem], count: int, on_end: Callable[[int, EpisodeEnd], None] | None = None
    ) -> None:
        rows = max(problem.canvas.rows for problem in problems)
        columns = max(problem.canvas.columns for problem in problems)
        self.steps = max(problem.steps for problem in problems)
        self.batches = [EpisodeBatch(problem, count, (rows, columns)) for problem in problems]
        self.count, self.on_end = count, on_end
        self.scale, self.offset = np.ones(len(problems)), np.zeros(len(problems))
        self._actions = np.zeros(len(problems) * count, dtype=np.int64)
        space = compact_space(self.steps, rows, columns)
        super().__init__(len(problems) * count, space, spaces.Discrete(rows * columns))

    def reset(self) -> VecEnvObs:
        """Start all episodes anew."""
        for batch in self.batches:
            batch.reset()
        return self.observation()

    def step_async(self, actions: np.ndarray) -> None:
        """Keep the actions for `step_wait`."""
        self._actions = np.asarray(actions, dtype=np.int64)

    def step_wait(self) -> VecEnvStepReturn:
        """Advance every episode; a finished one starts anew."""
        rewards, dones = np.zeros(self.num_envs, dtype=np.float32), np.zeros(self.num_envs, dtype=bool)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for design, batch in enumerate(self.batches):
            part = slice(design * self.count, (design + 1) * self.count)
            rewards[part], dones[part] = self._advance(design, batch, self._actions[part], infos[part])
        return self.observation(), rewards, dones, infos

    def _advance(
        self, design: int, batch: EpisodeBatch, actions: np.ndarray, infos: list[dict[str, Any]]
    ) -> tuple[np.ndarray, np.ndarray]:
        ends = batch.step(actions)
        rewards, over = np.zeros(self.count), np.array([end is not None for end in ends])
        for episode, end in enumerate(ends):
            if end is not None:
                infos[episode]["cost"] = end.cost
                rewards[episode] = max((self.offset[design] - end.cost) / self.scale[design], LOWEST_REWARD)
                if self.on_end is not None:
                    self.on_end(design, end)
        if over.any():
            batch.reset(np.flatnonzero(over))
        return rewards, over

    def observation(self) -> dict[str, np.ndarray]:
        """The compact observations of all episodes, macros padded with zeros to the largest design."""
        parts = []
        for design, batch in enumerate(self.batches):
            part = batch.observation()
            part["netlist_index"][:] = design
            part["macros"] = np.pad(part["macros"], ((0, 0), (0, self.steps - batch.problem.steps), (0, 0)))
            parts.append(part)
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def action_masks(self) -> np.ndarray:
        """Legal cells of all episodes, bool (environments, cells)."""
        return np.concatenate([batch.action_masks() for batch in self.batches])

    def state(self) -> dict[str, np.ndarray]:
        """Where all episodes stand."""
        state = {f"{i}.{name}": value for i, batch in enumerate(self.batches) for name, value in batch.state().items()}
        return {**state, "scale": self.scale.copy(), "offset": self.offset.copy()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go back to a state that `state()` returned."""
        self.scale[...], self.offset[...] = state["scale"], state["offset"]
        for i, batch in enumerate(self.batches):
            prefix = f"{i}."
            batch.restore({name.removeprefix(prefix): v for name, v in state.items() if name.startswith(prefix)})

    def env_method(self, method_name: str, *args: Any, indices: VecEnvIndices = None, **options: Any) -> list[Any]:
        """Only ``action_masks`` is asked for by MaskablePPO."""
        if method_name != "action_masks":
            raise AttributeError(method_name)
        masks = self.action_masks()
        return [masks[i] for i in self._get_indices(indices)]

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """An attribute of the whole, once per episode."""
        return [getattr(self, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set an attribute of the whole."""
        setattr(self, attr_name, value)

    def env_is_wrapped(self, wrapper_class: Any, indices: VecEnvIndices = None) -> list[bool]:
        """Never wrapped."""
        return [False for _ in self._get_indices(indices)]

    def close(self) -> None:
        """Nothing to release."""
