"""The static side of the environment, against independent solutions of the same systems."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from workbench.base.errors import InputError
from workbench.netlist.netlist import ObjectKind
from workbench.place.environment_problem import ANCHOR, make_problem
from workbench.place.environment_soft_macros import place_soft_macros
from workbench.place.environment_synthetic import synthetic_design


@pytest.fixture(scope="module")
def design():
    return synthetic_design(3, macros=8, columns=9, rows=7)


@pytest.fixture(scope="module")
def problem(design):
    return make_problem(design.netlist, design.canvas)


def _quadratic_optimum(problem, fixed, position):
    """Minimum of the quadratic wirelength by least squares over all pin pairs: no Laplacian, no conditioning."""
    netlist = problem.netlist
    free = np.flatnonzero(~fixed)
    column = {int(item): i for i, item in enumerate(free)}
    rows, targets, degree = [], [], np.zeros(netlist.objects)
    for net in range(netlist.nets):
        pins = netlist.net_pin[netlist.net_start[net] : netlist.net_start[net + 1]]
        for sink in pins[1:]:
            a, b = int(netlist.pin_object[pins[0]]), int(netlist.pin_object[sink])
            weight = netlist.net_weight[net] / (len(pins) - 1)
            if a == b:
                continue
            degree[a] += weight
            degree[b] += weight
            row, target = np.zeros(len(free)), problem.pin_x_um[sink] - problem.pin_x_um[pins[0]]
            for item, sign in ((a, 1.0), (b, -1.0)):
                if item in column:
                    row[column[item]] += sign
                else:
                    target -= sign * position[item]
            rows.append(np.sqrt(weight) * row)
            targets.append(np.sqrt(weight) * target)
    pull = np.sqrt(ANCHOR * degree.mean())
    rows += list(pull * np.eye(len(free)))
    targets += [pull * problem.canvas.width_um / 2] * len(free)
    solution = position.copy()
    solution[free] = np.linalg.lstsq(np.array(rows), np.array(targets), rcond=None)[0]
    return solution


def test_expected_positions_are_the_quadratic_optimum_before_the_first_step_and_after_every_macro(problem):
    fixed = problem.netlist.is_fixed.copy()
    x = problem.expected_x_um.copy()
    start = np.where(fixed, problem.start.x_um, 0.0)
    np.testing.assert_allclose(x, _quadratic_optimum(problem, fixed, start), atol=1e-6)
    rng = np.random.default_rng(1)
    for k, macro in enumerate(problem.order):
        at = rng.uniform(0, problem.canvas.width_um)
        x += problem.gain[k] * (at - x[macro])
        fixed[macro], start[macro] = True, at
        np.testing.assert_allclose(x, _quadratic_optimum(problem, fixed, start), atol=1e-6)


def test_macros_come_by_descending_area_and_fixed_ones_never(design):
    netlist = design.netlist
    fixed = netlist.is_fixed.copy()
    fixed[2] = True
    problem = make_problem(replace(netlist, is_fixed=fixed), design.canvas)
    area = (netlist.width_um * netlist.height_um)[problem.order]
    assert (np.diff(area) <= 0).all()
    assert sorted(problem.order) == [0, 1, 3, 4, 5, 6, 7]
    assert len(problem.obstacles) == 1


def test_a_netlist_without_macros_is_refused_in_one_sentence(design):
    soft_only = replace(design.netlist, is_fixed=np.ones(design.netlist.objects, dtype=bool))
    with pytest.raises(InputError) as error:
        make_problem(soft_only, design.canvas)
    assert str(error.value) == (
        "synthetic_3: found no movable hard macro, expected at least one; use a netlist with hard macros."
    )


def test_soft_macros_lie_inside_the_canvas_cost_less_than_at_random_and_leave_the_rest_alone(design, problem):
    from workbench.netlist.netlist import Floorplan
    from workbench.place.cost import evaluate

    rng = np.random.default_rng(5)
    netlist, canvas = design.netlist, design.canvas
    kind = netlist.kind
    x, y = rng.uniform(0, canvas.width_um, netlist.objects), rng.uniform(0, canvas.height_um, netlist.objects)
    ports = kind == ObjectKind.PORT
    x[ports], y[ports] = problem.start.x_um[ports], problem.start.y_um[ports]
    random = Floorplan(netlist, canvas, x, y, netlist.orientation)
    placed = place_soft_macros(random, problem)
    soft = kind == ObjectKind.SOFT_MACRO
    np.testing.assert_array_equal(placed.x_um[~soft], x[~soft])
    assert (placed.x_um[soft] - netlist.width_um[soft] / 2 >= 0).all()
    assert (placed.y_um[soft] + netlist.height_um[soft] / 2 <= canvas.height_um).all()
    before, after = evaluate(random), evaluate(placed)
    assert after.wirelength < before.wirelength
    assert after.proxy < before.proxy
    again = place_soft_macros(random, problem)
    np.testing.assert_array_equal(placed.x_um, again.x_um)
