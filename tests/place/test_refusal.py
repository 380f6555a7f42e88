"""Designs without any legal floorplan are refused before the work; those with fixed macros keep them where they stand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from workbench.base.errors import InputError
from workbench.base.progress import Progress
from workbench.netlist.canvas import default_canvas
from workbench.netlist.design import Design
from workbench.netlist.netlist import Floorplan
from workbench.netlist.plc import format_plc, place_by_plc
from workbench.netlist.readers.protobuf import parse_protobuf
from workbench.place.agents.base import PlacementOptions, make_agent
from workbench.place.legality import check
from workbench.place.refusal import refuse_unplaceable


def node(name: str, kind: str, inputs: str = "", **values: float | str) -> str:
    given = "".join(
        f'attr {{ key: "{key}" value {{ {"placeholder" if isinstance(value, str) else "f"}: '
        f"{chr(34) + value + chr(34) if isinstance(value, str) else value} }} }}\n"
        for key, value in {"type": kind, **values}.items()
    )
    return f'node {{ name: "{name}"\n{inputs and f"input: {chr(34)}{inputs}{chr(34)}"}\n{given}}}\n'


NETLIST = "".join(
    node(name, "MACRO", width=20, height=20, x=50, y=50, orientation="N")
    + node(f"{name}/q", "MACRO_PIN", sink, macro_name=name, x_offset=0, y_offset=0)
    for name, sink in (("a", "b/q"), ("b", "c/q"), ("c", ""))
)
"""Three macros in a row of nets; the netlist itself puts all of them on the canvas' centre."""


@pytest.fixture
def fixed(tmp_path):
    """The design with a and b fixed by a .plc file at given places, c free."""

    def make(a: tuple[float, float], b: tuple[float, float], blockage: str = "") -> Design:
        netlist = parse_protobuf(NETLIST, "three")
        canvas = dataclasses.replace(default_canvas(netlist, (100.0, 100.0)), columns=10, rows=10)
        x, y = np.array([a[0], b[0], 50.0]), np.array([a[1], b[1], 50.0])
        marked = dataclasses.replace(netlist, is_fixed=np.array([True, True, False]))
        text = format_plc(Floorplan(marked, canvas, x, y, np.array([0, 3, 0], np.int8)), {})
        (tmp_path / "three.plc").write_text(text.replace("#\n", f"# Blockage : {blockage}\n#\n", 1) if blockage else text)
        return place_by_plc(tmp_path / "three.plc", Design("three", netlist, canvas))

    return make


@pytest.mark.parametrize("agent", ["annealing", "greedy", "random", "force_directed", "analytical"])
def test_macros_fixed_by_a_placement_file_stay_where_it_has_them(fixed, agent):
    design = fixed((20.0, 30.0), (80.0, 70.0))
    refuse_unplaceable(design, "three")
    with Progress(agent, quiet=True) as progress:
        found = make_agent(agent).place(
            design, seconds=1, seed=0, progress=progress, options=PlacementOptions(steps=3)
        ).floorplan  # fmt: skip
    assert (found.x_um[:2].tolist(), found.y_um[:2].tolist()) == ([20.0, 80.0], [30.0, 70.0])
    assert found.orientation[:2].tolist() == [0, 3] and check(found) == []


@pytest.mark.parametrize(
    "b, found",
    [
        ((39.0, 40.0), "fixed macros 'a' and 'b' overlapping"),
        ((95.0, 40.0), "fixed macro 'b' outside of the canvas"),
    ],
)
def test_fixed_macros_that_are_illegal_are_refused(fixed, b, found):
    with pytest.raises(InputError) as caught:
        refuse_unplaceable(fixed((20.0, 30.0), b), "three")
    assert str(caught.value) == (
        f"three: found {found}, expected fixed macros that are legal where they stand; "
        "correct their places, or do not fix them."
    )


def test_a_fixed_macro_may_stand_under_its_blockage(fixed):
    design = fixed((20.0, 30.0), (80.0, 70.0), "10 20 30 40 1.0")
    refuse_unplaceable(design, "three")
    assert check(design.floorplan) == []
