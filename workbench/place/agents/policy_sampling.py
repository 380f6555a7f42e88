"""Floorplans that a trained policy makes at once, without training: for the agents that begin with them.

A batch of episodes is played together on one torch thread: the first takes the likeliest cell at every step, the others
draw theirs. Neither optimiser nor rollout buffer nor stable-baselines3 is needed, so that the answer is there in seconds.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from workbench.netlist.design import Design
from workbench.netlist.netlist import Floorplan
from workbench.place.agents.policy import PlacementNetwork
from workbench.place.agents.policy_shipped import SHIPPED_POLICY, read_network
from workbench.place.cost import Costs
from workbench.place.cost_model import CostModel
from workbench.place.environment_problem import PlacementProblem, make_problem
from workbench.place.vec_env import EpisodeBatch, EpisodeEnd

BATCH = 16
"""Episodes that are played together."""
FEW = 2
"""Episodes where the best is then smoothed and annealed: more of them take more time from that than they give, 0.2 s on some
hundred macros (model: ours; of four, ariane133 and NVDLA end the same within 0.002)."""


@dataclass(frozen=True)
class PolicyFloorplan:
    """A legal floorplan of the policy, soft macros placed, and its costs; `is_greedy` if no cell was drawn by chance."""

    floorplan: Floorplan
    costs: Costs
    is_greedy: bool


def policy_floorplans(
    design: Design, *, seed: int, episodes: int = BATCH, seconds: float | None = None, policy: Path | None = None,
    model: CostModel | None = None,
) -> list[PolicyFloorplan]:  # fmt: skip
    """Legal floorplans of a policy for a design, the cheapest first; empty if no episode found room for every macro.

    Parameters
    ----------
    seed: of the drawn cells; the same seed and number of episodes give the same floorplans.
    episodes: how many to play. seconds: instead, play batches until so much time is gone (at least one).
    policy: file of weights; None for the shipped one. model: the design's cost model, which spares building it again.
    """
    problem = make_problem(design.netlist, design.canvas, design.floorplan)
    generator = torch.Generator().manual_seed(seed)
    began, found, played = time.monotonic(), list[PolicyFloorplan](), 0
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        network = read_network(policy or SHIPPED_POLICY, [problem])
        while played == 0 or (played < episodes if seconds is None else time.monotonic() - began < seconds):
            count = BATCH if seconds is not None else min(BATCH, episodes - played)
            for i, end in enumerate(play(problem, network, count, generator, played == 0, model)):
                if end.floorplan is not None and end.costs is not None:
                    found.append(PolicyFloorplan(end.floorplan, end.costs, played == 0 and i == 0))
            played += count
    finally:
        torch.set_num_threads(before)
    return sorted(found, key=lambda sample: sample.costs.proxy)


def play(
    problem: PlacementProblem, network: PlacementNetwork, count: int, generator: torch.Generator, greedy: bool,
    model: CostModel | None = None,
) -> list[EpisodeEnd]:  # fmt: skip
    """Play episodes of one design to their ends; with `greedy`, the first takes the likeliest cells."""
    batch, ends = EpisodeBatch(problem, count, model=model), [EpisodeEnd(0.0, 0)] * count
    batch.reset()
    running: np.ndarray = np.asarray(batch.action_masks().any(axis=1))
    with torch.no_grad():
        encoding = network.encode()
        while running.any():
            observation = {name: torch.from_numpy(value) for name, value in batch.observation().items()}
            logits, _ = network(observation, encoding)
            mask = torch.from_numpy(batch.action_masks())
            chances = torch.where(mask, logits, -torch.inf).softmax(dim=1)
            chances[~torch.from_numpy(running)] = 1.0  # over: any cell, its action is not played
            actions = torch.multinomial(chances, 1, generator=generator)[:, 0]
            if greedy:
                actions[0] = chances[0].argmax()
            _advance(batch, actions.numpy(), running, ends)
    return ends


def _advance(batch: EpisodeBatch, actions: np.ndarray, running: np.ndarray, ends: list[EpisodeEnd]) -> None:
    """Play the actions of the episodes that run; those that are over begin anew and are not looked at again."""
    over = np.flatnonzero(~running)
    legal = batch.action_masks()
    actions[over] = legal[over].argmax(axis=1)
    results = batch.step(actions)
    finished = np.array([end is not None for end in results])
    for episode in np.flatnonzero(finished & running):
        ends[episode] = results[episode] or ends[episode]
    running &= ~finished
    if finished.any() and running.any():
        batch.reset(np.flatnonzero(finished))
