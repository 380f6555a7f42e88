"""The slang reader: the same flat designs as the pyverilog reader, SystemVerilog that only it reads, damaged text."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from workbench.base.config import read_toml
from workbench.base.errors import InputError
from workbench.netlist.load import load_design
from workbench.netlist.readers.systemverilog import elaborate_systemverilog
from workbench.netlist.readers.verilog import flatten
from workbench.netlist.readers.verilog_config import VerilogConfig
from workbench.netlist.readers.verilog_elaborate import elaborate
from workbench.netlist.readers.verilog_flat import GLUE, FlatDesign
from workbench.netlist.readers.verilog_parse import parse_modules
from workbench.netlist.readers.verilog_preprocess import VerilogText, preprocess

LEAF = "module leaf #(parameter W = 4) (input [W-1:0] a, output [W-1:0] y); endmodule\n"
LEAVES: dict[str, tuple[str, ...]] = {"leaf": (), "lib": ("y",)}


def source_of(folder: Path, text: str) -> VerilogText:
    (folder / "t.sv").write_text(text)
    return preprocess([folder / "t.sv"], folder)


def pins(flat: FlatDesign) -> list[tuple[str, str, int, int, bool]]:
    """Every pin: instance, port, bit of the port, net, whether it drives; the input bits of glue logic have no order."""
    found, last, place = [], None, 0
    for row, (instance, port) in enumerate(zip(flat.pin_instance, flat.pin_port, strict=True)):
        place = place + 1 if (instance, port) == last else 0
        last = instance, port
        kind = None if instance < 0 else flat.types[flat.instance_type[instance]]
        name = (flat.ports if kind is None else kind.ports)[port].name
        is_loose = kind is not None and kind.module == GLUE and name == "a"
        owner = "" if kind is None else flat.instance_names[instance]
        found.append((owner, name, 0 if is_loose else place, int(flat.pin_net[row]), bool(flat.pin_drives[row])))
    return found


def connections(flat: FlatDesign) -> list[tuple]:
    """Nets as their sorted ends, so that numbers of nets do not matter."""
    nets: dict[int, list[tuple]] = {}
    for owner, port, place, net, drives in pins(flat):
        nets.setdefault(net, []).append((owner, port, place, drives))
    return sorted(tuple(sorted(ends)) for net, ends in nets.items() if net >= 0)


def kinds(flat: FlatDesign) -> set[tuple]:
    return {(name, flat.types[kind]) for name, kind in zip(flat.instance_names, flat.instance_type, strict=True)}


def assert_same(one: FlatDesign, other: FlatDesign) -> None:
    assert one.ports == other.ports and kinds(one) == kinds(other)
    assert connections(one) == connections(other)


@pytest.mark.parametrize(
    "name, params", [("rvv_npu", {"LANES": 4}), ("systolic", {"ROWS": 8, "COLS": 16}), ("systolic", {})]
)
def test_our_designs_are_the_same_through_both_readers(root, name, params):
    toml = root / "netlists" / name / "netlist.toml"
    config = read_toml(toml, VerilogConfig)
    values = config.values(params, toml)
    leaves = {leaf: tuple(entry.outputs) for leaf, entry in (config.leaves | config.macros).items()}
    source = preprocess([toml.parent / file for file in config.files], toml.parent.resolve())
    assert_same(elaborate_systemverilog(source, config.top, leaves, values), flatten(toml, config, values))


BODIES = [
    "leaf u (.a({a[0], a[3:1]}), .y(y));",
    "wire [0:3] t; assign t = a; leaf u (.a({t[0], t[1:2], t[3]}), .y(y));",
    "wire [3:0] m [0:2]; assign m[2] = a; leaf u (.a(m[2]), .y(m[0])); assign y = m[0];",
    "genvar i; generate for (i = 0; i < 4; i = i + 1) begin : g leaf #(1) u (.a(a[3 - i]), .y(y[i])); end endgenerate",
    "wire [7:0] w; assign w = {2{a}}; leaf #(.W(8)) u (.a(w), .y()); assign y = w[5 -: 4];",
    "assign y = a & {4{a[0]}} | 4'b0011;",
    "assign y = a[3] ? ~a : a + 1;",
    "wire r = ^a; and g (y[0], r, a[1]); not n (y[1], a[2]);",
    "assign y = a << 2;",
    "lib u (.a(a[1:0]), .y(y[0])); lib v (.a(a[3:2]), .y(y[3:1]));",
    "function integer f; input integer n; f = n / 2; endfunction\nleaf #(f(8)) u (.a(a), .y(y));",
]


@pytest.mark.parametrize("body", BODIES)
def test_what_both_readers_know_is_the_same(tmp_path, body):
    source = source_of(tmp_path, LEAF + f"module top (input [3:0] a, output [3:0] y);\n{body}\nendmodule\n")
    assert_same(
        elaborate_systemverilog(source, "top", LEAVES),
        elaborate(parse_modules(source, frozenset(LEAVES)), source, "top", LEAVES),
    )


NEW = {  # SystemVerilog: the Verilog-2001 that means the same
    "typedef struct packed {logic [1:0] p; logic [1:0] q;} s_t; s_t s; assign s = a; leaf u (.a({s.q, s.p}), .y(y));":
    "leaf u (.a({a[1:0], a[3:2]}), .y(y));",
    "logic [1:0][1:0] m; assign m = a; leaf u (.a({m[0], m[1]}), .y(y));": "leaf u (.a({a[1:0], a[3:2]}), .y(y));",
    "leaf #(2) u [1:0] (.a(a), .y(y));":
    "leaf #(2) \\u[1] (.a(a[3:2]), .y(y[3:2])); leaf #(2) \\u[0] (.a(a[1:0]), .y(y[1:0]));",
    "leaf #(2) u [0:1] (.a(a), .y(y));":
    "leaf #(2) \\u[0] (.a(a[3:2]), .y(y[3:2])); leaf #(2) \\u[1] (.a(a[1:0]), .y(y[1:0]));",
    "leaf u (.*);": "leaf u (.a(a), .y(y));",
    "logic [3:0] t; assign t = '1; leaf u (.a(t), .y(y));": "wire [3:0] t; assign t = 4'hf; leaf u (.a(t), .y(y));",
    "for (genvar i = 0; i < 2; i++) begin : g leaf #(2) u (.a(a[2*i +: 2]), .y(y[2*i +: 2])); end":
    "genvar i; generate for (i = 0; i < 2; i = i + 1) begin : g leaf #(2) u (.a(a[2*i +: 2]), .y(y[2*i +: 2])); end "
    "endgenerate",
    "leaf u (.a(4'(a[1:0])), .y(y));": "leaf u (.a({2'b0, a[1:0]}), .y(y));",
}  # fmt: skip


@pytest.mark.parametrize("body", NEW)
def test_systemverilog_means_what_its_verilog_does(tmp_path, body):
    head, tail = LEAF + "module top (input [3:0] a, output [3:0] y);\n", "\nendmodule\n"
    new = elaborate_systemverilog(source_of(tmp_path, head + body + tail), "top", LEAVES)
    old = source_of(tmp_path, head + NEW[body].replace("\\u[1]", "u1").replace("\\u[0]", "u0") + tail)
    plain = elaborate(parse_modules(old, frozenset(LEAVES)), old, "top", LEAVES)
    names = {"u1": "u[1]", "u0": "u[0]"}
    assert {names.get(name, name) for name in plain.instance_names} == set(new.instance_names)
    ends = [tuple(sorted((names.get(end[0], end[0]), *end[1:]) for end in net)) for net in connections(plain)]
    assert sorted(ends) == connections(new)


TOML = """
name = "t"
top = "top"
files = ["t.sv"]
[leaves.leaf]
area_um2 = 10.0
[sources]
leaves = "test"
parameters = "test"
routes = "test"
target_utilization = "test"
"""


def test_a_systemverilog_file_is_a_design(tmp_path):
    (tmp_path / "netlist.toml").write_text(TOML)
    (tmp_path / "t.sv").write_text(
        LEAF + "module top (input logic [3:0] a, output logic [3:0] y);\nleaf u (.*);\nendmodule\n"
    )
    design = load_design(tmp_path / "t.sv")
    assert design.cells is not None and design.cells.cell_area_um2 == 10


BAD = {  # what stands on line 3 of the module: the message after "t.sv, line 3: found "
    "nothing u (.a(a));": "the unknown module 'nothing', expected a module of the design or a leaf; add its file, or "
    "name it as a leaf in netlist.toml.",
    "leaf u (.b(a));": "port 'b' does not exist in 'leaf' (slang), expected SystemVerilog that elaborates; correct it.",
    "leaf u (.a(a), .a(a));": "duplicate connection for port 'a' (slang), expected SystemVerilog that elaborates; "
    "correct it.",
    "leaf #(8) u (.a(a));": "4 bits for port a of leaf, expected 8 bits; select or concatenate as many.",
    "leaf #(.V(8)) u (.a(a));": "parameter 'V' does not exist in 'leaf' (slang), expected SystemVerilog that elaborates; "
    "correct it.",
    "assign y = a[4:1];": "the index 4, expected an index within [3:0]; correct it.",
    "initial $finish;": "behavioural code (initial) above leaf level, expected instances, assigns and generate blocks; "
    "name the module as a leaf in netlist.toml.",
    "genvar i; for (i = 0; i < 100000000; i = i + 1) begin : g end": "generate loop hit maximum step limit; "
    "possible infinite loop? (slang), expected SystemVerilog that elaborates; correct it.",
    "top u (.a(a), .y(y));": "infinitely recursive instantiation of 'u' (slang), expected SystemVerilog that elaborates; "
    "correct it.",
    "leaf u (.a(a, .y(y));": "expected ')' (slang), expected SystemVerilog that elaborates; correct it.",
    "assign y = $random;": "an expression outside a leaf (Call), expected nets, constants and operators; move it into a "
    "leaf module and name that in netlist.toml.",
    "wire [2000000000:0] w;": "packed type of 2000000001 bits is too large; maximum width is 16777215 bits (slang), "
    "expected SystemVerilog that elaborates; correct it.",
    "lib u (a, y);": "connections by position to lib, which has no text, expected connections by name; write .port(net).",
    "wire w; assign w = " + "(" * 10_000 + "a[0]" + ")" * 10_000 + ";": "language constructs are too deeply nested (slang), "
    "expected SystemVerilog that elaborates; correct it.",
}  # fmt: skip


@pytest.mark.parametrize("body", BAD, ids=lambda body: body[:30])
def test_each_mistake_has_its_sentence(tmp_path, body):
    source = source_of(tmp_path, LEAF + "module top (input [3:0] a, output [3:0] y);\n" + body + "\nendmodule\n")
    with pytest.raises(InputError) as caught:
        elaborate_systemverilog(source, "top", LEAVES)
    assert str(caught.value) == f"t.sv, line 3: found {BAD[body]}"


def test_mistakes_that_are_not_on_one_line(tmp_path):
    chain = "".join(f"module m{i} (input a); m{i + 1} u (a); endmodule\n" for i in range(10_000))
    for text, message in {
        LEAF + LEAF + "module top; endmodule\n": "t.sv, line 2: found duplicate definition of 'leaf' (slang), expected "
        "SystemVerilog that elaborates; correct it.",
        chain + "module m10000 (input a); endmodule\nmodule top (input a); m0 u (a); endmodule\n": "t.sv, line 99: found "
        "module instantiation exceeded maximum depth of 100 (slang), expected SystemVerilog that elaborates; correct it.",
        "module top;" + "if (1) begin " * 10_000 + "end " * 10_000 + "endmodule": "t.sv: found expressions or blocks nested "
        "too deeply, expected a few hundred levels; split them up.",
        "( " * 100_000: "t.sv: found expressions or blocks nested too deeply, expected a few hundred levels; split them up.",
        LEAF: "t.sv: found no module 'top', expected the top module (none); correct its name.",
        LEAF + "module top (input [3:0] a);\nleaf u (.a(a)); leaf u (.a(a));\nendmodule\n": "t.sv: found a second "
        "instance u, expected unique names; rename one.",
        LEAF + "module top;\nlib u (.a(1'b0)); lib u (.a(1'b1));\nendmodule\n": "t.sv: found a second instance u, expected "
        "unique names; rename one.",
    }.items():  # fmt: skip
        with pytest.raises(InputError) as caught:
            elaborate_systemverilog(source_of(tmp_path, text), "top", LEAVES)
        assert str(caught.value) == message


@pytest.mark.parametrize("seed", range(40))
def test_damaged_text_ends_in_a_sentence_or_a_design(tmp_path, seed):
    rng = random.Random(seed)
    good = LEAF + "module top (input [3:0] a, output [3:0] y);\nwire [3:0] t;\nassign t = {a[0], a[3:1]};\n"
    good += "for (genvar i = 0; i < 4; i++) begin : g leaf #(.W(1)) u (.a(t[i]), .y(y[i])); end\nendmodule\n"
    words = ["", "(", ")", ";", "module", "endmodule", "[", "1'", '"', "\x00", "é", "{", "interface", "'{", "9999999999"]
    for _ in range(5):
        cut, length = rng.randrange(len(good)), rng.randrange(5)
        try:
            source = source_of(tmp_path, good[:cut] + rng.choice(words) + good[cut + length :])
            elaborate_systemverilog(source, "top", LEAVES)
        except InputError as error:
            assert "\n" not in str(error) and str(error).endswith(".")
