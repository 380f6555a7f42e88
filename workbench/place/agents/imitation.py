"""Behaviour cloning: a network learns to predict the cells of demonstrated floorplans, macro after macro.

A demonstration is replayed once as it is and, to learn what to do after a step astray, again with some macros put on cells
near theirs; the label stays the demonstrated cell where it is still legal. Labels are blurred over the neighbouring legal
cells, since annealing's last cell is seldom better than the one beside it, and every lesson is mirrored at random.

Source: behaviour cloning as in Pomerleau, ALVINN, NeurIPS 1988; disturbed replays after Laskey et al., DART, CoRL 2017.
Settings are ours (tests/place/test_imitation.py; the outcome is measured by benchmarks/policy_transfer.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from workbench.place.agents.demonstrations import Demonstration
from workbench.place.agents.policy import PlacementNetwork
from workbench.place.environment_problem import PlacementProblem, make_problem
from workbench.place.vec_env import EpisodeBatch

STRAY_CELLS = 2
"""A disturbed macro lands at most so many cells from its own, in rows and in columns."""


@dataclass(frozen=True)
class CloningConfig:
    """Settings of the cloning.

    Attributes
    ----------
    epochs: passes over all lessons. learning_rate: at first; falls to a twentieth along a cosine.
    minibatch: lessons (of one design) per gradient step. blur_cells: deviation of the blurred labels.
    stray_share: share of macros that are put astray in the disturbed replays. replays: how many of those.
    """

    epochs: int = 8
    learning_rate: float = 2e-3
    minibatch: int = 64
    blur_cells: float = 0.7
    stray_share: float = 0.2
    replays: int = 1


@dataclass(frozen=True)
class Lessons:
    """What one design teaches; S lessons on its own grid.

    Attributes
    ----------
    problem: the design. observation: compact observations, (S, ...) each. mask: legal cells, bool (S, cells).
    target: demonstrated cell, int64 (S).
    """

    problem: PlacementProblem
    observation: dict[str, np.ndarray]
    mask: np.ndarray
    target: np.ndarray


def make_lessons(demonstration: Demonstration, config: CloningConfig, rng: np.random.Generator) -> Lessons:
    """Replay a demonstration, once as it is and `config.replays` times disturbed."""
    design, cells = demonstration.design, demonstration.cells
    problem = make_problem(design.netlist, design.canvas, design.floorplan)
    batch = EpisodeBatch(problem, 1 + config.replays)
    batch.reset()
    stray = rng.random((len(cells), batch.count)) < config.stray_share
    stray[:, 0] = False
    observations, masks, targets = [], [], []
    for step, cell in enumerate(cells):
        mask = batch.action_masks()
        teaches = mask[:, cell]
        observations.append({name: value[teaches] for name, value in batch.observation().items()})
        masks.append(mask[teaches])
        targets += [cell] * int(teaches.sum())
        if not mask.any(axis=1).all():  # a disturbed replay found no room: the rest teaches nothing
            break
        actions = np.array([_near(int(cell), mask[i], stray[step, i], problem, rng) for i in range(batch.count)])
        if step + 1 < len(cells):
            batch.step(actions)
    joined = {name: np.concatenate([part[name] for part in observations]) for name in observations[0]}
    joined["images"] = joined["images"].astype(np.float16)  # a quarter of a gigabyte else
    return Lessons(problem, joined, np.concatenate(masks), np.array(targets, dtype=np.int64))


def _near(cell: int, legal: np.ndarray, is_stray: bool, problem: PlacementProblem, rng: np.random.Generator) -> int:
    """The cell, or where it is illegal or shall go astray a legal one near it."""
    columns = problem.canvas.columns
    if legal[cell] and not is_stray:
        return cell
    cells = np.flatnonzero(legal)
    away = np.maximum(np.abs(cells // columns - cell // columns), np.abs(cells % columns - cell % columns))
    within = cells[away <= max(STRAY_CELLS, int(away.min()))]
    return int(rng.choice(within))


def clone(
    network: PlacementNetwork, lessons: Sequence[Lessons], config: CloningConfig, generator: torch.Generator,
    on_epoch: Callable[[int, float], None] = lambda epoch, loss: None,
) -> list[float]:  # fmt: skip
    """Train a network on lessons in place; returns the mean cross-entropy of each epoch."""
    parts = [
        (lesson, part) for lesson in lessons
        for part in torch.randperm(len(lesson.target), generator=generator).split(config.minibatch)
    ]  # fmt: skip
    optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate)
    steps = max(1, config.epochs * len(parts))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, config.learning_rate / 20)
    losses = []
    for epoch in range(config.epochs):
        total = 0.0
        for index in torch.randperm(len(parts), generator=generator):
            lesson, part = parts[index]
            loss = cross_entropy(network, lesson, part, config.blur_cells, generator)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
        losses.append(total / max(1, len(parts)))
        on_epoch(epoch, losses[-1])
    return losses


def cross_entropy(
    network: PlacementNetwork, lessons: Lessons, part: torch.Tensor, blur_cells: float, generator: torch.Generator | None
) -> torch.Tensor:
    """Mean cross-entropy of the network's choice against the blurred labels, mirrored at random if `generator` is given."""
    canvas, chosen = lessons.problem.canvas, part.numpy()
    observation = {name: torch.from_numpy(value[chosen]) for name, value in lessons.observation.items()}
    observation["images"] = observation["images"].float()
    shape = len(part), canvas.rows, canvas.columns
    mask = torch.from_numpy(lessons.mask[chosen]).reshape(shape)
    label = blurred(torch.from_numpy(lessons.target[chosen]), mask, blur_cells)
    if generator is not None and network.mirrors:
        axes = [axis for axis in (-1, -2) if torch.rand(1, generator=generator) < 0.5]
        observation["images"], mask, label = (value.flip(axes) for value in (observation["images"], mask, label))
    network.use_for([lessons.problem], canvas.rows, canvas.columns)
    logits, _ = network(observation, network.encode())
    chances = torch.where(mask.flatten(1), logits, -1e9).log_softmax(dim=1)
    return -(label.flatten(1) * chances).sum(dim=1).mean()


def blurred(cell: torch.Tensor, mask: torch.Tensor, deviation: float) -> torch.Tensor:
    """Labels spread like Gaussians over the legal cells around the demonstrated ones; (S, rows, columns), sums are 1."""
    _, rows, columns = mask.shape
    row, column = torch.arange(rows)[None, :, None], torch.arange(columns)[None, None, :]
    square = (row - (cell // columns)[:, None, None]) ** 2 + (column - (cell % columns)[:, None, None]) ** 2
    label = torch.exp(-square / (2 * deviation**2)) * mask
    return label / label.sum(dim=(1, 2), keepdim=True)
