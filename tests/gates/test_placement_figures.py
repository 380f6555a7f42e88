"""Published and header figures. Sources: reference/placement/published.md and the headers of the .plc files."""

import pytest

from workbench.netlist.load import load_design
from workbench.place.cost import evaluate

PUBLISHED = [  # netlist, placement, (wirelength, density, congestion, proxy), tolerance of its digits
    ("NanGate45_ariane133_orig", "legalized.plc", (0.073568, 0.498818, 0.725915, 0.685935), 1e-6),
    ("NanGate45_ariane133", "initial.plc", (0.049722, 0.606735, 0.715673, 0.710926), 1e-6),
    ("NanGate45_nvdla", "initial.plc", (0.049182, 0.670624, 0.744733, 0.756860), 1e-6),
    ("NanGate45_nvdla", "legalized.plc", (0.091901, 0.500014, 0.770133, 0.726974), 1e-6),
    ("ASAP7_nvdla", "initial.plc", (0.0558, 0.7385, 0.9208, 0.8855), 1e-4),
    ("ASAP7_nvdla", "legalized.plc", (0.1147, 0.4995, 1.1107, 0.9198), 1e-4),
]


@pytest.mark.parametrize("name, placement, expected, tolerance", PUBLISHED, ids=lambda value: str(value)[:30])
def test_costs_equal_the_published_ones(published, name, placement, expected, tolerance):
    costs = evaluate(published(name, placement).floorplan)
    found = (costs.wirelength, costs.density, costs.congestion, costs.proxy)
    assert found == pytest.approx(expected, abs=tolerance)


def test_wirelength_of_ariane133_to_the_nanometre(published):
    costs = evaluate(published("NanGate45_ariane133_orig", "legalized.plc").floorplan)
    assert costs.wirelength_um == pytest.approx(4763107.117, abs=1e-3)
    assert costs.overlap_um2 == 0


@pytest.mark.parametrize("name", ["NanGate45_ariane133", "NanGate45_ariane133_orig", "NanGate45_nvdla", "ASAP7_nvdla"])
def test_costs_agree_with_the_header_of_the_legalized_placement(published, name):
    design = published(name, "legalized.plc")
    costs = evaluate(design.floorplan)
    for key in ("wirelength", "density", "congestion"):
        assert getattr(costs, key) == pytest.approx(design.header_costs[key], abs=1e-4)
    assert costs.wirelength_um == pytest.approx(design.header_costs["wirelength_um"], rel=1e-6)


def test_density_of_a_grid_of_four_cells_takes_the_single_densest_one(reference):
    folder = reference / "placement" / "formats" / "sample_clustered"
    design = load_design(folder, folder / "initial.plc")  # its header has the density before it is halved (§3.2)
    assert 2 * evaluate(design.floorplan).density == pytest.approx(design.header_costs["density"], abs=1e-4)
