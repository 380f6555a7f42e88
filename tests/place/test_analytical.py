import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.base.errors import InputError
from workbench.base.progress import Progress
from workbench.base.rng import make_rng
from workbench.netlist.design import Design
from workbench.netlist.netlist import ObjectKind
from workbench.place.agents.analytical import AnalyticalAgent
from workbench.place.agents.base import PlacementOptions
from workbench.place.analytical import AnalyticalSettings, analytical_floorplan, refined
from workbench.place.cost import evaluate
from workbench.place.cost_model import make_model
from workbench.place.legality import check
from workbench.place.start import legalize, sketch

sys.path.insert(0, str(Path(__file__).parent))

from random_designs import floorplan_of, random_plain  # noqa: E402


def design(seed=1, macros=10, soft=20):
    canvas, objects, nets = random_plain(seed, macros=macros, soft=soft, nets=80)
    canvas.update(columns=14, rows=12)
    for item in objects[: macros + soft]:
        item.update(w=item["w"] / 2, h=item["h"] / 2)
    floorplan = floorplan_of(canvas, objects, nets)
    return Design("random", floorplan.netlist, floorplan.canvas, floorplan)


def test_the_floorplan_is_legal_better_than_the_sketch_and_the_same_for_the_same_seed():
    for seed in range(3):
        what = design(seed)
        first, second = (analytical_floorplan(what, make_rng(seed)) for _ in range(2))
        assert check(first) == [] and np.array_equal(first.x_um, second.x_um)
        plain = legalize(sketch(what.netlist, what.canvas, make_rng(seed)), False)
        assert evaluate(first).proxy < evaluate(plain).proxy


def test_on_the_grid_hard_macros_stand_on_cell_centres():
    what = design(4)
    floorplan = analytical_floorplan(what, make_rng(1), on_grid=True)
    hard = what.netlist.indices(ObjectKind.MACRO)
    cells = floorplan.x_um[hard] / what.canvas.cell_width_um - 0.5
    assert check(floorplan) == [] and np.allclose(cells, np.round(cells), atol=1e-6)


def test_what_is_fixed_stays_and_blockages_are_kept_free():
    what = design(5, macros=4)
    fixed = what.netlist.is_fixed.copy()
    fixed[[0, 6]] = True
    width, height = what.canvas.width_um, what.canvas.height_um
    netlist = dataclasses.replace(what.netlist, is_fixed=fixed)
    canvas = dataclasses.replace(
        what.canvas, blockages=np.array([[0.4 * width, 0.45 * height, 0.6 * width, 0.5 * height, 1.0]])
    )
    given = dataclasses.replace(what.floorplan, netlist=netlist, canvas=canvas)
    given.x_um[0], given.y_um[0] = 0.15 * width, 0.15 * height
    found = analytical_floorplan(dataclasses.replace(what, netlist=netlist, canvas=canvas), make_rng(2), init=given)
    assert check(found) == []
    assert np.array_equal(found.x_um[[0, 6]], given.x_um[[0, 6]])


@pytest.mark.parametrize("reach", [0, 2])
def test_refinement_lowers_the_cost_and_with_no_reach_moves_nothing(reach):
    what = design(6)
    before = legalize(sketch(what.netlist, what.canvas, make_rng(6)), False)
    after = refined(before, make_model(what.netlist, what.canvas), make_rng(0), reach, 2, False)
    assert evaluate(after).proxy < evaluate(before).proxy and check(after) == []
    assert np.array_equal(after.x_um, before.x_um) == (reach == 0)


@pytest.mark.parametrize("macros, soft", [(0, 6), (5, 0), (0, 0)])
def test_designs_with_only_some_kinds_of_objects_are_placed(macros, soft):
    assert check(analytical_floorplan(design(7, macros, soft), make_rng(0), AnalyticalSettings(steps=60))) == []


def test_ariane_from_nothing_is_better_than_the_published_placements(reference):
    """published.md: legalized.plc .6859, initial.plc .7109 (and not legal), both made by the reference's own tools."""
    from workbench.netlist.load import load_design

    what = load_design(reference / "placement" / "netlists" / "NanGate45_ariane133")
    floorplan = analytical_floorplan(what, make_rng(1))
    assert check(floorplan) == [] and evaluate(floorplan).proxy < 0.65


def test_settings_without_a_descent_are_refused():
    with Progress("analytical", quiet=True) as progress, pytest.raises(InputError) as caught:
        AnalyticalAgent().place(
            design(), seconds=1, seed=0, progress=progress, options=PlacementOptions(params={"growth": 1.0})
        )
    assert str(caught.value) == (
        "--param: found settings without a descent, expected 4 <= bins <= 1024, growth > 1, steps >= 1, "
        "target and balance > 0; correct them."
    )
