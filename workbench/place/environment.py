"""The Gymnasium environment ``workbench/Placement-v0``: one hard macro a step, on the centre of a grid cell.

Reward: 0 until the last macro, then minus the proxy cost of the floorplan with its soft macros placed; -4 if a macro finds
no legal cell (cost-and-environment §3, §4). Legal actions never overlap a placed hard macro, an obstacle or the canvas edge.
docs/environment.md shows how to bring an agent of one's own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from workbench.base.errors import InputError
from workbench.base.registry import unknown_name
from workbench.netlist.design import Design
from workbench.place.environment_problem import make_problem
from workbench.place.observation import compact_space, full_space, graph_of, node_positions, static_part
from workbench.place.observation_circuit_training import CircuitTrainingObservation, ObservationSize
from workbench.place.order import PlacingOrder
from workbench.place.vec_env import EpisodeBatch

OBSERVATIONS = ("full", "compact", "circuit_training")
"""What an agent sees: cell-wise features, the graph and the mask; the same without the graph and the mask; the entries of
Circuit Training, padded to its sizes."""


class PlacementEnv(gymnasium.Env[dict[str, np.ndarray], int]):
    """Macro placement of one design as a Markov decision process with an action mask.

    Parameters
    ----------
    design: a Design, or a name or file that `load_design` reads.
    observation: a name of OBSERVATIONS. With `circuit_training` actions count cells of its padded square grid, in whose
        middle the design's grid lies, as its mask does.
    order, order_seed: the order of the macros, see `workbench.place.order`.
    soft: how soft macros are placed at the end, `free` or `fd`, see `EpisodeBatch`.
    padded: (rows, columns) of a grid larger than the design's, so that several designs share one action space.
    size: of the `circuit_training` observation.

    The info of the last step holds ``cost``, ``placed``, and for a legal result ``costs`` and ``floorplan``.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"]}  # noqa: RUF012

    def __init__(
        self, design: Design | str | Path, observation: str = "full", order: PlacingOrder = "descending_area",
        order_seed: int = 0, soft: str = "free", padded: tuple[int, int] | None = None,
        size: ObservationSize | None = None, render_mode: str | None = None,
    ) -> None:  # fmt: skip
        if not isinstance(design, Design):
            from workbench.netlist.load import load_design

            design = load_design(design)
        if observation not in OBSERVATIONS:
            raise unknown_name("observation", observation, list(OBSERVATIONS))
        if observation == "circuit_training" and padded is not None:
            raise InputError("padded", "a grid of its own", "None with circuit_training", "give ObservationSize.grid")
        self.render_mode, self.kind = render_mode, observation
        self.problem = make_problem(design.netlist, design.canvas, design.floorplan, order, order_seed)
        self.episode = EpisodeBatch(self.problem, 1, padded, soft)
        self.graph = graph_of(self.problem)
        self._static = static_part(self.graph) if observation == "full" else {}
        self._as_published = CircuitTrainingObservation(self.problem, size) if observation == "circuit_training" else None
        self.observation_space: Any = self._space()
        cells = self.episode.rows * self.episode.columns
        self.action_space: Any = spaces.Discrete(cells if self._as_published is None else self._as_published.size.grid**2)

    def _space(self) -> spaces.Dict:
        if self._as_published is not None:
            return self._as_published.space
        compact = compact_space(self.problem.steps, self.episode.rows, self.episode.columns)
        return compact if self.kind == "compact" else full_space(self.graph, compact)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Begin with an empty canvas; everything is deterministic, `seed` only seeds `np_random`."""
        super().reset(seed=seed)
        self.episode.reset()
        return self._observation(), {}

    def step(self, action: int | np.integer[Any]) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Place the current macro; an action that the mask forbids takes the nearest legal cell instead."""
        cell = int(action) if self._as_published is None else self._as_published.cell_of(int(action))
        end = self.episode.step(np.array([self._legal(cell)]))[0]
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
        if self._as_published is None:
            return self.episode.action_masks()[0]
        return self._observation()["mask"].astype(bool)

    def _observation(self) -> dict[str, np.ndarray]:
        episode = self.episode
        if self._as_published is not None:
            return self._as_published(episode.x_um[0], episode.y_um[0], int(episode.step_index[0]), episode.mask[0])
        observation = {name: value[0] for name, value in episode.observation().items()}
        if self.kind == "compact":
            return observation
        position = node_positions(self.problem, episode.x_um[0], episode.y_um[0])
        mask = episode.action_masks()[0].astype(np.int8)
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
