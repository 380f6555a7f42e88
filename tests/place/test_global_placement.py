import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.base.rng import make_rng
from workbench.place.analytical_kernels import feel_field, push_apart, stamp_density, wirelength_slope
from workbench.place.cost import evaluate
from workbench.place.cost_model import make_model
from workbench.place.global_placement import Electrostatics, GlobalPlacement
from workbench.place.obstacles import make_obstacles

sys.path.insert(0, str(Path(__file__).parent))

from random_designs import floorplan_of, random_plain  # noqa: E402


def smooth_span(at, smoothing):
    """The weighted average of the largest minus that of the smallest, from the paper's formula."""
    high, low = np.exp(at / smoothing), np.exp(-at / smoothing)
    return (at * high).sum() / high.sum() - (at * low).sum() / low.sum()


def test_the_smooth_wirelength_is_the_papers_and_its_gradient_that_of_differences():
    floorplan = floorplan_of(*random_plain(3))
    model = make_model(floorplan.netlist, floorplan.canvas)
    owner = np.repeat(np.arange(floorplan.netlist.objects), np.diff(model.point_start))
    scratch = np.zeros((2, int(np.diff(model.net_start).max())))

    def slow(x):
        at = x[owner] + model.point_dx
        starts = model.net_start
        return sum(
            weight * smooth_span(at[model.net_point[starts[i] : starts[i + 1]]], 20.0)
            for i, weight in enumerate(model.net_weight)
        )

    slope = np.zeros(floorplan.netlist.objects)
    total = wirelength_slope(model, owner, floorplan.x_um[owner] + model.point_dx, 20.0, scratch, slope)
    assert total == pytest.approx(slow(floorplan.x_um), rel=1e-9)
    for item in range(floorplan.netlist.objects):
        step = np.zeros(floorplan.netlist.objects)
        step[item] = 1e-4
        assert slope[item] == pytest.approx(
            (slow(floorplan.x_um + step) - slow(floorplan.x_um - step)) / 2e-4, rel=1e-4, abs=1e-6
        )


def test_with_little_smoothing_the_wirelength_is_the_half_perimeter():
    floorplan = floorplan_of(*random_plain(4))
    model = make_model(floorplan.netlist, floorplan.canvas)
    owner = np.repeat(np.arange(floorplan.netlist.objects), np.diff(model.point_start))
    turn = model.turn[floorplan.orientation[owner]].T
    scratch, total = np.zeros((2, int(np.diff(model.net_start).max()))), 0.0
    for centre, a, b in ((floorplan.x_um, turn[0], turn[1]), (floorplan.y_um, turn[2], turn[3])):
        position = centre[owner] + a * model.point_dx + b * model.point_dy
        total += wirelength_slope(model, owner, position, 1e-3, scratch, np.zeros(floorplan.netlist.objects))
    assert total == pytest.approx(evaluate(floorplan).wirelength_um, rel=1e-6)


def test_the_field_of_a_density_solves_poissons_equation():
    """The divergence of the field of one wave is that wave; the mean has no field."""
    rows, columns = 12, 16
    x, y = (np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows
    wave = np.cos(np.pi * 2 * x)[None, :] * np.cos(np.pi * 3 * y)[:, None]
    across, up = Electrostatics(rows, columns).field(0.7 + wave)
    k_x, k_y = 2 * np.pi / columns, 3 * np.pi / rows
    potential = wave / (k_x**2 + k_y**2)
    assert np.allclose(
        across, k_x / (k_x**2 + k_y**2) * np.sin(np.pi * 2 * x)[None, :] * np.cos(np.pi * 3 * y)[:, None], atol=1e-12
    )
    assert np.allclose(
        up, k_y / (k_x**2 + k_y**2) * np.cos(np.pi * 2 * x)[None, :] * np.sin(np.pi * 3 * y)[:, None], atol=1e-12
    )
    assert abs(potential).max() > 1  # the wave is really there


def test_stamping_and_feeling_agree_with_sums_over_fine_points():
    rng = make_rng(0)
    density, field = np.zeros((5, 7)), rng.normal(size=(2, 5, 7))
    x, y = np.array([3.3, 6.1]), np.array([2.2, 4.0])
    half_width, half_height, charge = np.array([1.4, 0.6]), np.array([0.9, 0.7]), np.array([1.0, 0.5])
    items = np.arange(2)
    stamp_density(density, 1.0, 1.0, x, y, half_width, half_height, charge, items)
    force = np.zeros((2, 2))
    feel_field(field[0], field[1], 1.0, 1.0, x, y, half_width, half_height, charge, items, force)
    points = (np.arange(4000) + 0.5) / 4000
    for i in items:
        at_x = np.floor(x[i] + (2 * points - 1) * half_width[i]).astype(int)
        at_y = np.floor(y[i] + (2 * points - 1) * half_height[i]).astype(int)
        share_x, share_y = np.bincount(at_x, minlength=7) / 4000, np.bincount(at_y, minlength=5) / 4000
        area = charge[i] * 4 * half_width[i] * half_height[i]
        assert force[:, i] == pytest.approx([area * share_y @ field[axis] @ share_x for axis in range(2)], abs=0.02)
        density -= area * np.outer(share_y, share_x)
    assert abs(density).max() < 0.01


def test_pushing_separates_overlapping_rectangles_inside_the_canvas_and_leaves_the_fixed():
    canvas, objects, nets = random_plain(1, macros=5)
    for item in objects[:5]:
        item.update(w=0.2 * canvas["width"], h=0.2 * canvas["height"], x=0.15 * canvas["width"], y=0.5 * canvas["height"])
    objects[1].update(x=0.2 * canvas["width"])
    objects[2].update(y=0.55 * canvas["height"])
    objects[3].update(x=0.6 * canvas["width"])
    obstacles = make_obstacles(floorplan_of(canvas, objects, nets))
    movable = np.array([False, True, True, True, True])
    assert push_apart(obstacles, movable, 200) == 0.0
    assert (obstacles.x[0], obstacles.y[0]) == (objects[0]["x"], objects[0]["y"])
    assert (obstacles.x[3], obstacles.y[3]) == (objects[3]["x"], objects[3]["y"])  # in nobody's way
    for a in range(5):
        assert obstacles.half_width[a] <= obstacles.x[a] <= canvas["width"] - obstacles.half_width[a]
        for b in range(a):
            apart_x = abs(obstacles.x[a] - obstacles.x[b]) - obstacles.half_width[a] - obstacles.half_width[b]
            apart_y = abs(obstacles.y[a] - obstacles.y[b]) - obstacles.half_height[a] - obstacles.half_height[b]
            assert max(apart_x, apart_y) > 0


def test_the_descent_spreads_what_starts_at_the_centre():
    canvas, objects, nets = random_plain(2, macros=8, soft=20, nets=60)
    canvas.update(width=200.0, height=150.0)
    for item in objects[:28]:
        item.update(w=20.0, h=18.0, x=100.0, y=75.0)
    for port, corner in zip(objects[28:], [(0, 0), (200, 0), (0, 150), (200, 150)], strict=True):
        port.update(x=float(corner[0]), y=float(corner[1]))
    floorplan = floorplan_of(canvas, objects, nets)
    floorplan.x_um[:28] += make_rng(1).uniform(-1, 1, 28)
    model = make_model(floorplan.netlist, floorplan.canvas)
    placement = GlobalPlacement(floorplan, model, np.arange(28), make_rng(1), 32, 0.7)
    seen = []

    def look(place):
        seen.append((placement.overflow, place))
        return len(seen) == 30

    assert placement.run(400, 1.04, look) == 300
    assert seen[0][0] > 3 * seen[-1][0]
    last = seen[-1][1]
    assert (last[0, :28] >= 10).all() and (last[0, :28] <= 190).all()
    assert np.array_equal(last[:, 28:], np.array([floorplan.x_um[28:], floorplan.y_um[28:]]))  # ports stand still


def test_where_the_density_begins_weaker_a_spread_placement_comes_closer_together_first():
    canvas, objects, nets = random_plain(2, macros=8, soft=20, nets=60)
    floorplan = floorplan_of(canvas, objects, nets)
    model = make_model(floorplan.netlist, floorplan.canvas)
    wirelengths = []
    for balance in (1.0, 0.1):
        placement = GlobalPlacement(floorplan, model, np.arange(28), make_rng(1), 32, 0.7)
        seen = []

        def look(place, seen=seen):
            seen.append(place)
            return True

        placement.run(400, 1.04, look, balance)
        moved = dataclasses.replace(floorplan, x_um=seen[0][0], y_um=seen[0][1])
        wirelengths.append(evaluate(moved, model).wirelength)
    assert wirelengths[1] < 0.9 * wirelengths[0]
