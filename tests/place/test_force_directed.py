import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.base.rng import make_rng
from workbench.netlist.design import Design
from workbench.netlist.netlist import ObjectKind
from workbench.place.agents.force_directed import force_directed_floorplan
from workbench.place.cost import evaluate
from workbench.place.cost_model import make_model, make_state
from workbench.place.force_directed import MIXED_PHASES, PHASES, make_soft_macros, place_by_force
from workbench.place.legality import check

sys.path.insert(0, str(Path(__file__).parent))

from random_designs import floorplan_of, random_plain  # noqa: E402


def slow_forces(floorplan, phases, steps, with_hard):
    """§5 in plain Python, pin by pin of the netlist as it is (N orientation only)."""
    netlist, canvas = floorplan.netlist, floorplan.canvas
    kinds = netlist.kind
    movable = [
        i for i in range(netlist.objects)
        if kinds[i] == ObjectKind.SOFT_MACRO or (with_hard and kinds[i] == ObjectKind.MACRO)
    ]  # fmt: skip
    x, y = floorplan.x_um.copy(), floorplan.y_um.copy()
    width, height = netlist.width_um.copy(), netlist.height_um.copy()
    for i in np.flatnonzero(kinds == ObjectKind.SOFT_MACRO):
        width[i] = height[i] = np.sqrt(width[i] * height[i])
    x[movable], y[movable] = canvas.width_um / 2, canvas.height_um / 2
    for attract, repel, factor in phases:
        reach = factor * max(canvas.width_um, canvas.height_um) / steps
        for _ in range(steps):
            force = np.zeros((netlist.objects, 2))
            for net in range(netlist.nets):
                driver, *sinks = netlist.net_pin[netlist.net_start[net] : netlist.net_start[net + 1]]
                for sink in sinks:
                    a, b = netlist.pin_object[driver], netlist.pin_object[sink]
                    away = np.array(
                        [
                            x[b] + netlist.pin_x_um[sink] - x[a] - netlist.pin_x_um[driver],
                            y[b] + netlist.pin_y_um[sink] - y[a] - netlist.pin_y_um[driver],
                        ]
                    )
                    force[a] += attract * netlist.net_weight[net] * away
                    force[b] -= attract * netlist.net_weight[net] * away
            bodies = np.flatnonzero(kinds != ObjectKind.PORT)
            for a in bodies:
                for b in bodies[bodies > a]:
                    across, up = x[a] - x[b], y[a] - y[b]
                    if abs(across) < (width[a] + width[b]) / 2 and abs(up) < (height[a] + height[b]) / 2:
                        length = np.hypot(across, up)
                        unit = np.array([-1, -1]) / np.sqrt(2) if length < 1e-9 else np.array([across, up]) / length
                        force[a] += repel * reach * unit
                        force[b] -= repel * reach * unit
            for centre, sizes, limit, axis in ((x, width, canvas.width_um, 0), (y, height, canvas.height_um, 1)):
                largest = abs(force[movable, axis]).max()
                for i in movable:
                    goal = centre[i] + force[i, axis] * reach / largest
                    if sizes[i] / 2 <= goal <= limit - sizes[i] / 2:
                        centre[i] = goal
    return x, y


@pytest.mark.parametrize("with_hard, phases", [(False, PHASES), (True, MIXED_PHASES)])
def test_objects_move_as_the_published_forces_say(with_hard, phases):
    canvas, objects, nets = random_plain(5, macros=3, soft=5, nets=12)
    for item in objects:
        item["orientation"] = "N"
    floorplan = floorplan_of(canvas, objects, nets)
    model = make_model(floorplan.netlist, floorplan.canvas)
    state = make_state(model, floorplan)
    bodies = make_soft_macros(floorplan.netlist, model, floorplan.orientation, with_hard=with_hard)
    place_by_force(model, state, bodies, phases, 4)
    x, y = slow_forces(floorplan, phases, 4, with_hard)
    assert np.allclose(state.x, x, rtol=1e-6) and np.allclose(state.y, y, rtol=1e-6)
    assert not np.allclose(x, floorplan.x_um)


def test_the_first_attempt_knows_no_chance_and_later_ones_differ():
    canvas, objects, nets = random_plain(6, macros=6, soft=8)
    canvas.update(columns=10, rows=10)
    for item in objects[:6]:
        item.update(w=item["w"] / 2, h=item["h"] / 2)
    floorplan = floorplan_of(canvas, objects, nets)
    what = Design("random", floorplan.netlist, floorplan.canvas, floorplan)
    model = make_model(floorplan.netlist, floorplan.canvas)
    first, same, later, last = (
        force_directed_floorplan(what, model, make_rng(seed), None, is_first, False)
        for seed, is_first in ((1, True), (2, True), (1, False), (2, False))
    )
    assert np.array_equal(first.x_um, same.x_um) and not np.array_equal(later.x_um, last.x_um)
    for found in (first, later, last):
        assert check(found) == [] and evaluate(found).proxy > 0
