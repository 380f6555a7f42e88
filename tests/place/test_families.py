"""Families of made-up netlists: repeatable, within their stated ranges, with room for the macros on their grids."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.netlist.netlist import ObjectKind
from workbench.place.environment_problem import make_problem
from workbench.place.families import FAMILIES, family_design
from workbench.place.vec_env import EpisodeBatch


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def family(request):
    return request.param


def test_a_seed_always_gives_the_same_design_and_another_one_another(family):
    first, again, other = (family_design(family, seed, 20) for seed in (1, 1, 2))
    for name in ("kind", "width_um", "x_um", "pin_object", "pin_x_um", "net_start", "net_weight"):
        np.testing.assert_array_equal(getattr(first.netlist, name), getattr(again.netlist, name))
    assert first.netlist.objects != other.netlist.objects or first.canvas != other.canvas


def test_designs_stay_within_the_stated_ranges(family):
    designs = [family_design(family, seed, 60) for seed in range(6)]
    for design in designs:
        netlist, canvas = design.netlist, design.canvas
        area = netlist.width_um * netlist.height_um / (canvas.width_um * canvas.height_um)
        macros, soft = netlist.indices(ObjectKind.MACRO), netlist.indices(ObjectKind.SOFT_MACRO)
        assert 8 <= len(macros) <= 61 and len(soft) >= 8  # a tiled design may have one macro more than was drawn
        assert 0.3 < area.sum() <= 0.751
        assert 0.5 <= canvas.width_um / canvas.height_um <= 2.0
        assert np.isfinite(netlist.x_um[netlist.kind == ObjectKind.PORT]).all()
    assert len({(design.canvas.columns, design.canvas.rows) for design in designs}) > 2


def test_pins_of_hard_macros_lie_on_their_edges_and_others_at_the_centre(family):
    netlist = family_design(family, 3, 20).netlist
    owner = netlist.pin_object
    across = np.abs(netlist.pin_x_um) / np.maximum(netlist.width_um[owner], 1e-9)
    up = np.abs(netlist.pin_y_um) / np.maximum(netlist.height_um[owner], 1e-9)
    hard = netlist.kind[owner] == ObjectKind.MACRO
    np.testing.assert_allclose(np.maximum(across, up)[hard], 0.5)
    assert (across[~hard] == 0).all() and (up[~hard] == 0).all()


def test_every_macro_is_wired_and_finds_a_cell(family):
    for seed in range(3):
        design = family_design(family, seed, 40)
        wired = np.unique(design.netlist.pin_object[design.netlist.net_pin])
        assert np.isin(design.netlist.indices(ObjectKind.MACRO), wired).all()
        batch = EpisodeBatch(make_problem(design.netlist, design.canvas), 1)
        batch.reset()
        end = None
        while end is None:  # packed from one corner
            end = batch.step(np.array([np.flatnonzero(batch.action_masks()[0])[0]]))[0]
        assert end.floorplan is not None
