import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from workbench.base.errors import InputError
from workbench.base.progress import Progress
from workbench.base.rng import make_rng
from workbench.netlist.design import Design
from workbench.netlist.netlist import ObjectKind
from workbench.place.agents.annealing import Annealing, AnnealingAgent, AnnealingSettings
from workbench.place.agents.base import PlacementOptions
from workbench.place.cost import evaluate
from workbench.place.cost_model import make_model
from workbench.place.legality import check
from workbench.place.start import starting_floorplan

sys.path.insert(0, str(Path(__file__).parent))

from random_designs import floorplan_of, random_plain  # noqa: E402


def design(seed=1, macros=6, soft=10, blockages=None):
    canvas, objects, nets = random_plain(seed, macros=macros, soft=soft, nets=60)
    canvas.update(columns=12, rows=12)
    for item in objects[:macros]:
        item.update(w=item["w"] / 2, h=item["h"] / 2)
    floorplan = floorplan_of(canvas, objects, nets)
    return Design("random", floorplan.netlist, floorplan.canvas, floorplan)


def place(what, seconds=60.0, seed=1, **options):
    with Progress("annealing", quiet=True) as progress:
        return AnnealingAgent().place(
            what, seconds=seconds, seed=seed, progress=progress, options=PlacementOptions(**options)
        )


@pytest.mark.parametrize("on_grid", [False, True])
def test_annealing_lowers_the_cost_and_stays_legal(on_grid):
    what = design()
    start = starting_floorplan(what.netlist, what.canvas, make_rng(1), None, on_grid)
    result = place(what, steps=20_000, on_grid=on_grid)
    assert result.costs.proxy < 0.9 * evaluate(start).proxy
    assert check(result.floorplan) == [] and result.costs.overlap_um2 == 0
    if on_grid:
        hard = what.netlist.indices(ObjectKind.MACRO)
        cells = result.floorplan.x_um[hard] / what.canvas.cell_width_um - 0.5
        assert np.allclose(cells, np.round(cells), atol=1e-6)


def test_the_cost_followed_move_by_move_is_that_from_scratch():
    what = design(2)
    start = starting_floorplan(what.netlist, what.canvas, make_rng(2), None, False)
    run = Annealing(
        start, make_model(start.netlist, start.canvas), AnnealingSettings(), make_rng(2), on_grid=False, heat=0.15
    )
    for share in np.linspace(0, 0.8, 5):
        run._slice(share, share + 0.2, 2000)
        state = run.state
        now = type(start)(start.netlist, start.canvas, state.x, state.y, state.orientation.astype(np.int8))
        assert evaluate(now).proxy == pytest.approx(float(run.memory.totals["cost"][0]), rel=1e-10)
        assert check(now) == []
        assert np.array_equal(run.obstacles.x[: len(run.movable.hard)], state.x[run.movable.hard])


def test_what_is_fixed_and_where_ports_are_does_not_change():
    import dataclasses

    what = design(3)
    fixed = what.netlist.is_fixed.copy()
    start = starting_floorplan(what.netlist, what.canvas, make_rng(3), None, False)
    fixed[0] = True  # a hard macro
    netlist = dataclasses.replace(what.netlist, is_fixed=fixed)
    given = dataclasses.replace(start, netlist=netlist)
    result = place(dataclasses.replace(what, netlist=netlist), steps=5000, init=given)
    still = np.flatnonzero(fixed)
    assert np.array_equal(result.floorplan.x_um[still], np.round(start.x_um[still], 9))
    assert np.array_equal(result.floorplan.orientation[still], start.orientation[still])


def test_the_same_seed_and_number_of_moves_give_the_same_floorplan():
    first, second, other = (place(design(4), steps=12_000, seed=seed).floorplan for seed in (7, 7, 8))
    assert np.array_equal(first.x_um, second.x_um) and np.array_equal(first.orientation, second.orientation)
    assert not np.array_equal(first.x_um, other.x_um)


def test_the_history_never_rises_and_ends_at_the_result():
    result = place(design(5), seconds=1.0)
    costs = [cost for _, _, cost in result.history]
    assert all(a >= b for a, b in zip(costs, costs[1:], strict=False))
    assert costs[-1] == pytest.approx(result.costs.proxy, abs=1e-6)
    assert 0.9 < result.seconds < 3 and result.history[0][0] == 0


def test_stopping_early_keeps_the_best_so_far():
    what = design(6)
    place(what, steps=10)  # compiled
    timer = threading.Timer(1.0, signal.raise_signal, [signal.SIGINT])
    timer.start()
    began = time.monotonic()
    result = place(what, seconds=60.0)
    assert result.interrupted and time.monotonic() - began < 10
    assert check(result.floorplan) == [] and result.costs.proxy < result.history[0][2]


@pytest.mark.parametrize("macros, soft", [(0, 5), (3, 0), (0, 0)])
def test_netlists_with_only_some_kinds_of_objects_are_placed(macros, soft):
    result = place(design(8, macros=macros, soft=soft), steps=2000)
    assert check(result.floorplan) == []


@pytest.mark.parametrize("swap_share", [0.0, 0.6])
def test_soft_macros_stay_inside_the_canvas_also_when_large_and_small_ones_swap(swap_share):
    what = design(9, soft=20)
    floorplan = place(what, steps=10_000, params={"soft_swap": swap_share}).floorplan
    soft = what.netlist.indices(ObjectKind.SOFT_MACRO)
    for centre, size, length in (
        (floorplan.x_um, what.netlist.width_um, what.canvas.width_um),
        (floorplan.y_um, what.netlist.height_um, what.canvas.height_um),
    ):
        assert (centre[soft] >= size[soft] / 2 - 1e-9).all() and (centre[soft] <= length - size[soft] / 2 + 1e-9).all()


def test_settings_are_checked():
    with pytest.raises(InputError) as caught:
        place(design(), steps=10, params={"hott": 1.0})
    assert str(caught.value).startswith("--param: found 'hott', expected one of cold, hard_flip, ")
    with pytest.raises(InputError) as caught:
        place(design(), steps=10, params={"cold": 1.0})
    assert str(caught.value) == (
        "--param: found temperatures that do not fall, expected hot and warm >= cold > 0; correct them."
    )
    with pytest.raises(InputError) as caught:
        place(design(), steps=10, params={"soft_swap": 0.9})
    assert str(caught.value) == "--param: found shares of moves below 0 or above 1 in all, expected shares; correct them."
    with pytest.raises(InputError) as caught:
        place(design(), steps=10, params={"hottest": 0.5})
    assert str(caught.value) == "--param: found hottest below 1, expected hottest >= 1; correct it."


def test_annealing_from_nothing_beats_the_legalized_reference_within_seconds(reference):
    """published.md: legalized.plc .6859; annealing without placement information .6291 in 54 s."""
    from workbench.netlist.load import load_design

    what = load_design(reference / "placement" / "netlists" / "NanGate45_ariane133")
    result = place(what, steps=300_000)
    assert check(result.floorplan) == [] and result.costs.proxy < 0.66
