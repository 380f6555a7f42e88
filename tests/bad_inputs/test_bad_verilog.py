"""Broken Verilog designs, each with its exact message."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.base.errors import InputError
from workbench.base.limits import Limits
from workbench.netlist.load import load_design
from workbench.netlist.readers.verilog import load_verilog_design

TOML = """
name = "t"
top = "top"
files = ["t.v"]
[leaves.leaf]
area_um2 = 10.0
[sources]
leaves = "test"
parameters = "test"
routes = "test"
target_utilization = "test"
"""
LEAF = "module leaf #(parameter W = 4) (input [W-1:0] a, output [W-1:0] y); endmodule\n"


def complaint(folder: Path, text: str | bytes, toml: str = TOML, limits: Limits | None = None) -> str:
    """The message that a design with this file ends in, its folder cut off."""
    (folder / "netlist.toml").write_text(toml)
    (folder / "t.v").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        load_verilog_design(folder / "netlist.toml", {}, limits or Limits())
    return str(caught.value).replace(f"{folder}/", "")


BODIES = {  # what stands in module top (input [3:0] a, output [3:0] y), on line 3: the message after "t.v, line 3: "
    "nothing u (.a(a));": "found the unknown module 'nothing', expected a module of the design or a leaf; "
    "add its file, or name it as a leaf in netlist.toml.",
    "leaf u (.b(a));": "found no port 'b' on leaf, expected one of a, y; correct its name.",
    "leaf u (a, y, a);": "found 3 connections to leaf, expected at most 2; remove some.",
    "leaf u (.a(a), .a(a));": "found port 'a' of leaf twice, expected one connection; remove one.",
    "leaf #(8) u (.a(a));": "found 4 bits for port a of leaf, expected 8 bits; select or concatenate as many.",
    "leaf #(.V(8)) u (.a(a));": "found no parameter 'V' in leaf, expected one of W; correct its name.",
    "leaf #(1, 2) u (.a(a));": "found 2 parameters for leaf, expected at most 1; remove some.",
    "leaf u (.y(4'd3));": "found a constant on the output y of leaf, expected a net; connect a net.",
    "leaf u [1:0] (.a(a));": "found the array of instances 'u', expected single instances; write a generate loop.",
    "leaf u (.a({a[0], 3}));": "found the number 3 in a concatenation, expected a number with a size; "
    "write for example 1'b0.",
    "assign y = a[4:1];": "found [4:1] of 'a', expected a range within [3:0]; correct the range.",
    "assign y = a[0:3];": "found [0:3] of 'a', expected a range within [3:0]; correct the range.",
    "assign y = a[1:0];": "found 2 bits for an assign, expected 4 bits; select or concatenate as many.",
    "assign 4'd3 = a;": "found \"4'd3\" where Verilog-2001 allows none, expected a module's text; correct the syntax.",
    "wire [1:0] m [0:2]; assign y = m;": "found the whole array 'm', expected one of its words; give an index.",
    "wire [3:0] m [0:2]; assign y = m[3];": "found a word outside 'm', expected an index within [0:2]; correct it.",
    "wire m [0:1][0:2];": "found 2 dimensions of 'm', expected one; flatten the array.",
    "wire [a:0] w;": "found 'a', which is no constant, expected a constant expression; "
    "use parameters, genvars and numbers there.",
    "wire [1/0:0] w;": "found a division by zero, expected a constant expression; "
    "use parameters, genvars and numbers there.",
    "wire [2**99999:0] w;": "found a number beyond 65,536 bits, expected a constant expression; "
    "use parameters, genvars and numbers there.",
    "wire [99999999:0] w;": "found 100,000,000 pins, expected at most 50,000,000; raise the limit or use a smaller input.",
    "always @(posedge a) y <= a;": "found behavioural code (always) above leaf level, expected instances, assigns and "
    "generate blocks; name the module as a leaf in netlist.toml.",
    "initial $finish;": "found behavioural code (initial) above leaf level, expected instances, assigns and "
    "generate blocks; name the module as a leaf in netlist.toml.",
    "defparam u.W = 3;": "found defparam, expected modules, instances and assigns; remove it or make its module a leaf.",
    "assign y = $random;": "found an expression outside a leaf (SystemCall), expected nets, constants and operators; "
    "move it into a leaf module and name that in netlist.toml.",
    "assign y = other.w;": "found the block 'other' before 'w', expected a generate block in this module; "
    "reach other modules through ports.",
    "genvar i; for (i = 0; i < 9; i = i) begin : g end": "found 11 nodes, expected at most 10; "
    "raise the limit or use a smaller input.",
    "top u (.a(a), .y(y));": "found top in top, a module inside itself, expected a hierarchy that ends; break the circle.",
    "and g (y, a, a);": "found a gate and with these connections, expected one net for each pin; "
    "connect an output and inputs of one bit.",
    "leaf u (.a(a, .y(y));": "found ',' where Verilog-2001 allows none, expected a module's text; correct the syntax.",
    "leaf u (.a(a) @ $);": "found '@' where Verilog-2001 allows none, expected a module's text; correct the syntax.",
    "leaf \u00a7 u (.a(a));": "found the character '\u00a7' where Verilog-2001 allows none, expected a module's text; "
    "correct the syntax.",
    "`WIDTH u ();": "found the unknown directive or macro `WIDTH, expected a defined macro; define it before use.",
    "`include <x.vh>": "found `include without a file, expected a \"file\" after it; name the file in quotes.",
    '`include "x.vh"': "found `include of 'x.vh', expected an existing file; check its name.",
    '`include "t.v"': "found `include of 't.v' inside itself, expected no cycle; guard it by `ifndef.",
    '`include "../../etc/passwd"': "found `include of '../../etc/passwd', expected a file in the design's folder; "
    "copy it there.",
    "`ifdef X": "found a condition without `endif, expected one `endif for each; add it.",
    "`endif": "found `endif outside a condition, expected an `ifdef before it; remove it or add the `ifdef.",
    "`define X `X\n`X": "found the endless expansion of `X, expected a macro that ends; break its cycle.",
    "/* never closed": "found a comment without end, expected */ after it; close the comment.",
}  # fmt: skip


@pytest.mark.parametrize("body", BODIES)
def test_each_mistake_in_a_module_has_its_sentence(tmp_path: Path, body: str) -> None:
    text = LEAF + "module top (input [3:0] a, output [3:0] y);\n" + body + "\nendmodule\n"
    limits = Limits(nodes=10) if "i = i)" in body else None
    message = complaint(tmp_path, text, limits=limits)
    line = 4 if "`define" in body else 3
    assert message == f"t.v, line {line}: {BODIES[body]}"


def test_nets_with_two_drivers(tmp_path: Path) -> None:
    head = LEAF + "module top (input [3:0] a, output [3:0] y);\n"
    two = head + "leaf u (.a(a), .y(y));\nleaf v (.a(a), .y(y));\nendmodule\n"
    assert complaint(tmp_path, two) == (
        "t.v, line 2: found 2 drivers of the net y (bit 0), expected one driver; remove the others."
    )
    assigned = head + "assign y = a;\nassign y[2] = a[0];\nendmodule\n"
    assert complaint(tmp_path, assigned) == (
        "t.v, line 2: found two assigns to the net y (bit 2), expected one driver; remove the other."
    )
    circle = head + "wire p, q;\nassign p = q;\nassign q = p;\nleaf u (.a(a), .y(y));\nendmodule\n"
    assert complaint(tmp_path, circle) == (
        "t.v, line 2: found assigns in a circle through p (bit 0), expected a driver; break the circle."
    )


def test_modules_in_a_circle(tmp_path: Path) -> None:
    text = LEAF + "module b (input x); top t (); endmodule\nmodule top (input [3:0] a);\nb u (a[0]);\nendmodule\n"
    assert complaint(tmp_path, text) == (
        "t.v, line 2: found top in b in top, a module inside itself, expected a hierarchy that ends; break the circle."
    )


def test_a_module_defined_twice(tmp_path: Path) -> None:
    assert complaint(tmp_path, LEAF + LEAF + "module top (input a); endmodule\n") == (
        "t.v, line 2: found module leaf again (first in t.v, line 1), expected one definition; remove or rename one."
    )


def test_an_undeclared_name_where_implicit_nets_are_off(tmp_path: Path) -> None:
    text = "`default_nettype none\n" + LEAF + "module top (input wire a);\nleaf #(1) u (.a(b));\nendmodule\n"
    assert complaint(tmp_path, text) == "t.v, line 4: found the undeclared name 'b', expected a declared net; declare it."


def test_files_that_are_no_verilog(tmp_path: Path) -> None:
    assert complaint(tmp_path, "") == "t.v: found an empty file, expected a file with content; check how it was written."
    assert (
        complaint(tmp_path, "// nothing\n")
        == "t.v: found no module, expected at least one module; check what the file holds."
    )
    assert complaint(tmp_path, b"\x7fELF\xff\xfe\x00") == (
        "t.v: found byte 0xff at offset 4, expected UTF-8 text; check the file's kind."
    )
    assert complaint(tmp_path, "\x7fELF\x02\x01\x00") == (
        "t.v, line 1: found the character '\\x7f' where Verilog-2001 allows none, expected a module's text; "
        "correct the syntax."
    )
    assert complaint(tmp_path, LEAF * 1000, limits=Limits(file_bytes=1000)) == (
        "t.v: found 78,000 file bytes, expected at most 1,000; raise the limit or use a smaller input."
    )
    assert complaint(tmp_path, LEAF + "module top (input [3:0] a") == (
        "t.v, line 2: found the end of the text where Verilog-2001 allows none, expected a module's text; "
        "correct the syntax."
    )


def test_a_module_without_anything_to_place(tmp_path: Path) -> None:
    assert complaint(tmp_path, "module top (input a);\nendmodule\n") == (
        "t: found a design without macros and without cell area, expected leaves with sizes; give their areas."
    )
    assert complaint(tmp_path, LEAF) == "t.v: found no module 'top', expected the top module (none); correct its name."


def test_deep_nesting(tmp_path: Path) -> None:
    text = LEAF + "module top (input [3:0] a);\nwire w = " + "!" * 5000 + "a[0];\nendmodule\n"
    assert complaint(tmp_path, text) == (
        "t.v: found expressions or blocks nested too deeply, expected a few hundred levels; split them up."
    )
    chain = "".join(f"module m{i} (input a); m{i + 1} u (a); endmodule\n" for i in range(150))
    text = LEAF + chain + "module m150 (input a); endmodule\nmodule top (input a); m0 u (a); endmodule\n"
    assert complaint(tmp_path, text) == (
        "t.v, line 101: found 101 hierarchy depth, expected at most 100; raise the limit or use a smaller input."
    )


GOOD = LEAF + "module top (input [3:0] a, output [3:0] y);\nleaf u (.a(a), .y(y));\nendmodule\n"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"t.v"', '"../t.v"', "netlist.toml, files: found '../t.v', expected a file in the design's folder; copy it there."),
        ('"t.v"', '"gone.v"', "gone.v: found no such file, expected an existing file; check the path."),
        ("area_um2 = 10.0", "area = 1", "netlist.toml, leaves.leaf.area: found an unknown field, expected a known field; "
         "correct its name or remove it."),
        ("area_um2 = 10.0", 'cells = { flip_flop = "V * 2" }', "netlist.toml, leaves.leaf.cells.flip_flop: "
         "found 'V * 2', expected a count by numbers and W; correct the expression."),
        ("area_um2 = 10.0", 'cells = { flip_flop = "W - 9" }', "netlist.toml, leaves.leaf.cells.flip_flop: "
         "found 'W - 9' = -5, expected a count between 0 and 1e12; correct the expression."),
        ("area_um2 = 10.0", 'cells = { flip_flop = "__import__(\'os\')" }', "netlist.toml, leaves.leaf.cells.flip_flop: "
         "found \"__import__('os')\", expected a count by numbers and W; correct the expression."),
        ("area_um2 = 10.0", 'cells = { flop = "1" }', "netlist.toml, leaves.leaf.cells: found {'flop': '1'}, expected "
         "generic cells (full_adder, half_adder, flip_flop, mux2, xor2, and2, nand2, aoi21, inverter); correct the value."),
        ('leaves = "test"', "", "netlist.toml, table [sources]: found no source for leaves.leaf.area_um2, expected one for "
         'every number; add "leaves.leaf.area_um2" with where it was read, or "estimate: why".'),
        ('name = "t"', 'name = "t"\ntechnology = "3nm"', "technology: found '3nm', expected one of ASAP7, NanGate45; "
         "choose one of them."),
    ],
)  # fmt: skip
def test_each_mistake_in_netlist_toml_has_its_sentence(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert complaint(tmp_path, GOOD, TOML.replace(old, new)) == message


def test_verilog_files_by_themselves(tmp_path: Path) -> None:
    (tmp_path / "alone.v").write_text(GOOD)
    (tmp_path / "new.sv").write_text(GOOD)
    with pytest.raises(InputError) as caught:
        load_design(tmp_path / "alone.v")
    assert str(caught.value) == (
        f"{tmp_path}/alone.v: found no netlist.toml beside it, expected one that gives the top module and the sizes of the "
        "leaves; add it."
    )
    with pytest.raises(InputError) as caught:
        load_design(tmp_path / "new.sv")
    assert str(caught.value) == (
        f"{tmp_path}/new.sv: found no netlist.toml beside it, expected one that gives the top module and the sizes of the "
        "leaves; add it."
    )
    (tmp_path / "netlist.toml").write_text(TOML)
    with pytest.raises(InputError) as caught:
        load_design(tmp_path / "alone.v")
    assert str(caught.value) == (
        f"{tmp_path}/netlist.toml: found a design without alone.v, expected it among its files; add it to `files`."
    )


def test_macros_in_a_circle(tmp_path: Path) -> None:
    text = "`define A `B\n`define B `A\nmodule top (input a);\nwire w = `A;\nendmodule\n"
    assert complaint(tmp_path, text).startswith("t.v, line 4: found the endless expansion of `")


def test_a_tree_of_modules_without_leaves(tmp_path: Path) -> None:
    tree = "".join(f"module m{i} (input a); m{i + 1} u (.a(a)); m{i + 1} v (.a(a)); endmodule\n" for i in range(40))
    text = f"module top (input a); m0 u (.a(a)); endmodule\n{tree}module m40 (input a); endmodule\n"
    message = complaint(tmp_path, text, limits=Limits(nodes=1000))
    assert message.endswith("found 1,001 nodes, expected at most 1,000; raise the limit or use a smaller input.")
