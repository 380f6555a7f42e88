"""The reader of Yosys' JSON: a hand-written file, and the same design through our Verilog reader."""

from __future__ import annotations

import json

import numpy as np
import pytest

from workbench.base.errors import InputError
from workbench.netlist.load import load_design
from workbench.netlist.netlist import ObjectKind
from workbench.netlist.readers.verilog_elaborate import elaborate
from workbench.netlist.readers.verilog_flat import GLUE, FlatDesign
from workbench.netlist.readers.verilog_parse import parse_modules
from workbench.netlist.readers.verilog_preprocess import preprocess
from workbench.netlist.readers.yosys_json import parse_yosys_json

LEAVES = {"ram": (), "inv": ("y",)}
VERILOG = """
module ram (input clk, input [1:0] a, output [1:0] q); endmodule
module inv (input a, output y); endmodule
module pass #(parameter W = 1) (input [W-1:0] i, output [W-1:0] o, output k);
  assign o = {i[0], i[1]};
  assign k = 1'b1;
endmodule
module flop (input C, input D, output Q); endmodule
module top (input clk, input [1:0] in, output [1:0] out);
  wire [1:0] t, q;
  wire k, y;
  pass #(.W(2)) swap (.i(in), .o(t), .k(k));
  ram m (.clk(clk), .a(t), .q(q));
  and g (y, q[0], k);
  inv u (.a(y), .y(out[0]));
  flop f (.C(clk), .D(q[1]), .Q(out[1]));
endmodule
"""


@pytest.fixture
def text(root) -> str:
    return (root / "tests" / "samples" / "yosys" / "sample.json").read_text()


def connections(flat: FlatDesign) -> set[frozenset]:
    """Every net as the set of its ends: instance (gates by their kind), how many pins of that port, whether it drives."""
    ends: dict[int, list] = {}
    seen: dict[tuple, int] = {}
    for instance, port, net, drives in zip(flat.pin_instance, flat.pin_port, flat.pin_net, flat.pin_drives, strict=True):
        kind = None if instance < 0 else flat.types[flat.instance_type[instance]]
        is_gate = kind is not None and (kind.module == GLUE or kind.module == "flop")
        ports = flat.ports if kind is None else kind.ports
        name = "" if kind is None else "gate" if is_gate else flat.instance_names[instance]
        place = seen[instance, port] = seen.get((instance, port), -1) + 1
        if net >= 0:
            ends.setdefault(net, []).append(
                (name, "" if is_gate else ports[port].name, 0 if is_gate else place, bool(drives))
            )
    return {frozenset(net) for net in ends.values() if len(net) > 1}


def test_the_same_design_in_verilog_has_the_same_connections(text, tmp_path):
    (tmp_path / "t.v").write_text(VERILOG)
    source = preprocess([tmp_path / "t.v"], tmp_path)
    leaves = {**LEAVES, "flop": ()}
    verilog = elaborate(parse_modules(source, frozenset(leaves)), source, "top", leaves)
    yosys = parse_yosys_json(text, "sample.json", "", LEAVES)
    gates = [yosys.types[t].parameters for t in yosys.instance_type if yosys.types[t].module == GLUE]
    assert sorted(gates) == [(("and2", 1),), (("flip_flop", 1),)]
    clockless = {net for net in connections(verilog) if not any(end[1] == "clk" for end in net)}
    assert clockless == {net for net in connections(yosys) if not any(end[1] == "clk" for end in net)}
    assert [port.name for port in yosys.ports] == ["clk", "in", "out"]


def test_sizes_come_from_the_lef_file_beside(root):
    netlist = load_design(root / "tests" / "samples" / "yosys").netlist
    macro = netlist.indices(ObjectKind.MACRO)
    assert [netlist.object_names[i] for i in macro] == ["m"]
    assert (netlist.width_um[macro[0]], netlist.height_um[macro[0]]) == (20, 12)
    soft = netlist.indices(ObjectKind.SOFT_MACRO)
    areas = 2 + 1.064 + 4.522  # the LEF's inverter, NanGate45's AND2 and flip-flop
    assert float(netlist.width_um[soft] @ netlist.height_um[soft]) == pytest.approx(2 * areas)


def test_a_netlist_toml_names_leaves_and_macros(root, text, tmp_path):
    (tmp_path / "sample.json").write_text(text)
    (tmp_path / "netlist.toml").write_text(
        'name = "t"\ntop = "top"\nfiles = ["sample.json"]\n[leaves.inv]\narea_um2 = 3.0\noutputs = ["y"]\n'
        '[macros.ram]\nwidth_um = 5.0\nheight_um = 4.0\n[sources]\nleaves = "test"\nmacros = "test"\nroutes = "test"\n'
        'target_utilization = "test"\n'
    )
    for where in (tmp_path, tmp_path / "sample.json"):
        netlist = load_design(where).netlist
        assert netlist.width_um[netlist.object_names.index("m")] == 5


def changed(text: str, *path: str, value: object) -> str:
    """The text with one entry replaced."""
    data = json.loads(text)
    entry = data["modules"]
    for key in path[:-1]:
        entry = entry[key]
    entry[path[-1]] = value
    return json.dumps(data)


PASS = "$paramod\\pass\\W=s32'00000000000000000000000000000010"
MISTAKES = [
    (("top", "cells", "u", "type"), "what", "the unknown cell type 'what' (u), expected a module, a leaf or a gate; "
     "map it to gates (techmap, abc), or name it as a leaf in netlist.toml."),
    (("top", "cells", "swap", "connections", "z"), [3], f"no port 'z' on {PASS} (swap), expected one of its ports; "
     "correct it."),
    (("top", "cells", "swap", "connections", "i"), [3], "1 bits for port i of swap, expected 2 bits; correct it."),
    (("top", "cells", "swap", "connections", "i"), [3, "q"], "bit 'q' at swap.i, expected a number, 0, 1, x or z; "
     "correct it."),
    (("top", "cells", "u", "connections", "y"), [10], "2 drivers of the net out (bit 1), expected one driver; "
     "remove the others."),
    (("top", "cells", "swap", "type"), "top", "no port 'i' on top (swap), expected one of its ports; correct it."),
    (("top", "attributes"), {}, "0 modules with the attribute top, expected one top module "
     f"({PASS}, ram, top); run `hierarchy -top NAME` before write_json."),
    (("top", "cells"), 3, "a module that is not as Yosys writes it, expected ports, cells and connections; "
     "give the output of Yosys' write_json."),
    ((PASS, "cells", "x"), {"type": PASS, "connections": {}}, f"{PASS} in {PASS}, a module inside itself, "
     "expected a hierarchy that ends; break the circle."),
]  # fmt: skip


@pytest.mark.parametrize("path, value, message", MISTAKES)
def test_each_mistake_has_its_sentence(text, path, value, message):
    with pytest.raises(InputError) as caught:
        parse_yosys_json(changed(text, *path, value=value), "t.json", "", LEAVES)
    assert str(caught.value) == f"t.json: found {message}"


def test_texts_that_are_no_netlist():
    for text, message in (
        ("{", "t.json, line 1: found invalid JSON (Expecting property name enclosed in double quotes), expected JSON; "
         "fetch it again."),
        ("[" * 100_000, "t.json: found JSON nested too deeply, expected a netlist; give the output of Yosys' write_json."),
        ("[]", "t.json: found no modules, expected an object `modules`; give the output of Yosys' write_json."),
    ):  # fmt: skip
        with pytest.raises(InputError) as caught:
            parse_yosys_json(text, "t.json", "", {})
        assert str(caught.value) == message


@pytest.mark.parametrize("seed", range(40))
def test_damaged_files_are_read_or_refused(text, seed):
    rng = np.random.default_rng(seed)
    for _ in range(5):
        at, length = int(rng.integers(len(text))), int(rng.integers(1, 30))
        put = rng.choice(['"', "{", "}", "[", "]", "9", "null", "top", "-1", "1e999", ",", ""])
        try:
            parse_yosys_json(text[:at] + put + text[at + length :], "t.json", "", LEAVES)
        except InputError as error:
            assert str(error).startswith("t.json") and "\n" not in str(error)
