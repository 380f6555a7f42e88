"""Spreading of macros: the field solves Poisson's equation, and floorplans get cheaper than by settling alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from workbench.netlist.netlist import ObjectKind
from workbench.place import environment_soft_macros
from workbench.place.cost import evaluate
from workbench.place.environment_problem import make_problem
from workbench.place.environment_soft_macros import movable_soft_macros, place_soft_macros
from workbench.place.environment_synthetic import synthetic_design
from workbench.place.families import family_design
from workbench.place.spreading import _cosines, potential, spread_out
from workbench.place.start import place_macros, sketch


def test_the_potential_solves_poissons_equation_with_closed_edges():
    rows, columns = 200, 160
    r, c = np.meshgrid((np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns, indexing="ij")
    charge = 1.0 + np.cos(np.pi * r) * np.cos(2 * np.pi * c) + 0.3 * np.cos(3 * np.pi * c)
    field = np.empty(charge.shape)
    potential(charge, *_cosines(rows), *_cosines(columns), field)
    padded = np.pad(field, 1, mode="edge")  # nothing flows over the edge
    laplacian = padded[2:, 1:-1] + padded[:-2, 1:-1] + padded[1:-1, 2:] + padded[1:-1, :-2] - 4 * field
    np.testing.assert_allclose(laplacian, charge.mean() - charge, atol=2e-3)


def _at_random(design):
    """The design with its hard macros on random legal cells."""
    rng = np.random.default_rng(0)
    around = sketch(design.netlist, design.canvas, rng)
    return place_macros(around, lambda item, legal, x, y: int(rng.choice(np.flatnonzero(legal))))


@pytest.fixture(scope="module")
def placed():
    design = synthetic_design(3, macros=16, columns=16, rows=14)
    return design, _at_random(design)


def test_only_the_soft_macros_move_and_they_stay_inside(placed):
    design, hard = placed
    after = place_soft_macros(hard)
    soft = design.netlist.kind == ObjectKind.SOFT_MACRO
    assert np.array_equal(after.x_um[~soft], hard.x_um[~soft]) and np.array_equal(after.y_um[~soft], hard.y_um[~soft])
    for centre, size, length in (
        (after.x_um, design.netlist.width_um, design.canvas.width_um),
        (after.y_um, design.netlist.height_um, design.canvas.height_um),
    ):
        assert (centre[soft] - size[soft] / 2 >= -1e-9).all() and (centre[soft] + size[soft] / 2 <= length + 1e-9).all()


def test_floorplans_of_full_designs_are_cheaper_than_by_settling_alone(monkeypatch):
    placed = [_at_random(family_design("npu_lanes", seed, 40)) for seed in range(4)]
    spread = [evaluate(place_soft_macros(hard)).proxy for hard in placed]
    monkeypatch.setattr(environment_soft_macros, "spread_out", lambda *arguments: None)
    settled = [evaluate(place_soft_macros(hard)).proxy for hard in placed]
    assert np.mean(spread) < np.mean(settled)


def test_the_densest_cells_are_thinned(placed):
    design, hard = placed
    problem = make_problem(design.netlist, design.canvas)
    x, y = problem.expected_x_um[None].copy(), problem.expected_y_um[None].copy()
    x[0, problem.order], y[0, problem.order] = hard.x_um[problem.order], hard.y_um[problem.order]
    before = evaluate(dataclasses.replace(hard, x_um=x[0].copy(), y_um=y[0].copy()))
    spread_out(problem, movable_soft_macros(problem), x, y)
    assert evaluate(dataclasses.replace(hard, x_um=x[0], y_um=y[0])).density < 0.8 * before.density


def test_a_batch_is_spread_like_its_floorplans_alone(placed):
    design, hard = placed
    problem = make_problem(design.netlist, design.canvas)
    soft = movable_soft_macros(problem)
    start = np.stack([hard.x_um, 0.5 * hard.x_um + 0.25 * design.canvas.width_um])
    x, y = start.copy(), np.stack([hard.y_um, hard.y_um])
    spread_out(problem, soft, x, y)
    for b in range(2):
        alone_x, alone_y = start[b : b + 1].copy(), hard.y_um[None].copy()
        spread_out(problem, soft, alone_x, alone_y)
        assert np.array_equal(alone_x[0], x[b]) and np.array_equal(alone_y[0], y[b])
