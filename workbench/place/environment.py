"""The Gymnasium environment ``workbench/Placement-v0``: one hard macro a step, on the centre of a grid cell.

Reward: 0 until the last macro, then minus the proxy cost of the floorplan with its soft macros placed; -4 if a macro finds
no legal cell (cost-and-environment §3, §4). Legal actions never overlap a placed hard macro, an obstacle or the canvas edge.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from workbench.netlist.design import Design
from workbench.place.environment_problem import make_problem
from workbench.place.observation import compact_space, full_space, graph_of, node_positions, static_part
from workbench.place.vec_env import EpisodeBatch


class PlacementEnv(gymnasium.Env[dict[str, np.ndarray], int]):
    """Macro placement of one design as a Markov decision process with an action mask.

    Parameters
    ----------
    design: a Design, or a name or file that `load_design` reads.
    compact: leave the static graph out of the observation (`workbench.place.observation`).
    padded: (rows, columns) of a grid larger than the design's, so that several designs share one action space.

    The info of the last step holds ``cost``, ``placed``, and for a legal result ``costs`` and ``floorplan``.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"]}  # noqa: RUF012

    def __init__(
        self, design: Design | str | Path, compact: bool = False, padded: tuple[int, int] | None = None,
        render_mode: str | None = None,
    ) -> None:  # fmt: skip
        if not isinstance(design, Design):
            from workbench.netlist.load import load_design

            design = load_design(design)
        self.render_mode, self.compact = render_mode, compact
        self.problem = make_problem(design.netlist, design.canvas, design.floorplan)
        self.episode = EpisodeBatch(self.problem, 1, padded)
        self.graph = graph_of(self.problem)
        space = compact_space(self.problem.steps, self.episode.rows, self.episode.columns)
        self.observation_space: Any = space if compact else full_space(self.graph, space)
        self.action_space: Any = spaces.Discrete(self.episode.rows * self.episode.columns)
        self._static = {} if compact else static_part(self.graph)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Begin with an empty canvas; everything is deterministic, `seed` only seeds `np_random`."""
        super().reset(seed=seed)
        self.episode.reset()
        return self._observation(), {}

    def step(self, action: int | np.integer[Any]) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Place the current macro; an action that the mask forbids takes the nearest legal cell instead."""
        end = self.episode.step(np.array([self._legal(int(action))]))[0]
        if end is None:
            return self._observation(), 0.0, False, False, {}
        info = {"cost": end.cost, "placed": end.placed, "costs": end.costs, "floorplan": end.floorplan}
        return self._observation(), -end.cost, True, False, info

    def _legal(self, action: int) -> int:
        """The action, or the legal cell nearest to it (in cells), so that unmasked agents stay legal too."""
        mask = self.episode.mask[0]
        row, column = divmod(action, self.episode.columns)
        if mask[row, column]:
            return action
        rows, columns = np.nonzero(mask)
        if not len(rows):
            raise gymnasium.error.ResetNeeded("the episode is over: call reset")
        nearest = int(np.argmin((rows - row) ** 2 + (columns - column) ** 2))
        return int(rows[nearest] * self.episode.columns + columns[nearest])

    def action_masks(self) -> np.ndarray:
        """Legal actions of the current macro, bool; the name is the one that sb3-contrib looks for."""
        return self.episode.action_masks()[0]

    def _observation(self) -> dict[str, np.ndarray]:
        observation = {name: value[0] for name, value in self.episode.observation().items()}
        if self.compact:
            return observation
        position = node_positions(self.problem, self.episode.x_um[0], self.episode.y_um[0])
        mask = self.episode.action_masks()[0].astype(np.int8)
        static = {name: value.copy() for name, value in self._static.items()}
        return {**observation, **static, "node_position": position, "mask": mask}

    def render(self) -> np.ndarray | None:
        """The canvas as an image, uint8 (height, width, 3): placed macros dark, cells legal for the current one green."""
        if self.render_mode != "rgb_array":
            return None
        image = np.full((self.episode.rows, self.episode.columns, 3), 255, dtype=np.uint8)
        image[self.episode.mask[0]] = (200, 240, 200)
        covered = np.minimum(self.episode.occupancy[0], 1.0)
        rows, columns = covered.shape
        area = image[:rows, :columns]
        area[:] = (area * (1 - covered[:, :, None]) + np.array([60, 70, 110]) * covered[:, :, None]).astype(np.uint8)
        return image[::-1].repeat(8, axis=0).repeat(8, axis=1)
