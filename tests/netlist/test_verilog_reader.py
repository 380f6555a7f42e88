"""The Verilog reader: what each construct of structural Verilog-2001 connects."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from workbench.base.errors import InputError
from workbench.netlist.load import load_design
from workbench.netlist.netlist import ObjectKind
from workbench.netlist.readers.verilog_elaborate import elaborate
from workbench.netlist.readers.verilog_flat import FlatDesign
from workbench.netlist.readers.verilog_parse import parse_modules
from workbench.netlist.readers.verilog_preprocess import preprocess

LEAF = """
module leaf #(parameter W = 4) (input [W-1:0] a, output [W-1:0] y);
    always @(*) this body is never looked at
endmodule
"""


def read(folder: Path, text: str, parameters: dict[str, int] | None = None, **leaves: tuple[str, ...]) -> FlatDesign:
    (folder / "t.v").write_text(LEAF + text)
    source = preprocess([folder / "t.v"], folder)
    known = {"leaf": (), **leaves}
    return elaborate(parse_modules(source, frozenset(known)), source, "top", known, parameters)


def links(flat: FlatDesign) -> dict[str, list[str]]:
    """For each pin bit that is a sink: its driver; pins are ``instance.port[bit]``, or ``port[bit]`` at the top."""
    names, seen = [], {}
    for instance, port in zip(flat.pin_instance, flat.pin_port, strict=True):
        ports = flat.ports if instance < 0 else flat.types[flat.instance_type[instance]].ports
        key = (int(instance), int(port))
        bit = seen[key] = seen.get(key, -1) + 1
        prefix = "" if instance < 0 else flat.instance_names[instance] + "."
        names.append(f"{prefix}{ports[port].name}[{bit}]")
    drivers = {flat.pin_net[i]: names[i] for i in np.flatnonzero(flat.pin_drives & (flat.pin_net >= 0))}
    sinks = np.flatnonzero(~flat.pin_drives)
    return {names[i]: "constant" if flat.pin_net[i] < 0 else drivers.get(flat.pin_net[i], "nothing") for i in sinks}


def bus(links: dict[str, str], name: str, width: int) -> list[str]:
    return [links[f"{name}[{i}]"] for i in range(width)]


def test_parameters_by_name_by_position_and_of_the_top(tmp_path: Path) -> None:
    flat = read(
        tmp_path,
        """
        module top #(parameter N = 3, M = N + 1) (input [N-1:0] a, output [M-1:0] y);
            wire [1:0] open;
            leaf #(.W(N)) by_name (.a(a), .y());
            leaf #(M) by_position ({1'b0, a}, y);
            leaf #(2) half (.a(2'b10), .y(open));
        endmodule
        """,
        {"N": 5},
    )
    assert [dict(t.parameters)["W"] for t in flat.types] == [5, 6, 2]
    assert bus(links(flat), "y", 6) == [f"by_position.y[{i}]" for i in range(6)]
    assert bus(links(flat), "by_position.a", 6) == [f"a[{i}]" for i in range(5)] + ["constant"]


def test_generate_loops_conditions_and_arrays_of_nets(tmp_path: Path) -> None:
    flat = read(
        tmp_path,
        """
        module top #(parameter N = 3) (input [3:0] a, output [3:0] y, output [3:0] z);
            wire [3:0] stage [0:N];
            assign stage[0] = a;
            assign y = stage[N];
            genvar i;
            generate
                for (i = 0; i < N; i = i + 1) begin : chain
                    if (i == 1) begin : middle
                        wire [3:0] kept;
                        leaf u (.a(stage[i]), .y(kept));
                        assign stage[i + 1] = {kept[0], kept[3:1]};
                    end else begin : other
                        leaf u (.a(stage[i]), .y(stage[i + 1]));
                    end
                end
            endgenerate
            assign z = chain[1].middle.kept;
        endmodule
        """,
    )
    assert flat.instance_names == ("chain[0].other.u", "chain[1].middle.u", "chain[2].other.u")
    found = links(flat)
    assert bus(found, "chain[2].other.u.a", 4) == [f"chain[1].middle.u.y[{i}]" for i in (1, 2, 3, 0)]
    assert bus(found, "z", 4) == [f"chain[1].middle.u.y[{i}]" for i in range(4)]


def test_loops_and_conditions_without_the_generate_keyword(tmp_path: Path) -> None:
    flat = read(
        tmp_path,
        """
        module top #(parameter N = 4) (input [3:0] a);
            genvar i;
            for (i = 0; i < N; i = i + 2) begin : g
                leaf u (.a(a), .y());
            end
            if (N > 4) leaf big (.a(a), .y());
            else if (N > 3) begin : fits
                leaf u (.a(a), .y());
            end
        endmodule
        """,
    )
    assert flat.instance_names == ("g[0].u", "g[2].u", "fits.u")


def test_constant_functions_and_clog2(tmp_path: Path) -> None:
    flat = read(
        tmp_path,
        """
        module top #(parameter N = 37) (input [63:0] a);
            localparam A = clog2(N), B = $clog2(N), C = pick(2);
            function integer clog2;
                input integer value;
                integer left;
                begin
                    left = value - 1;
                    for (clog2 = 0; left > 0; clog2 = clog2 + 1) left = left >> 1;
                end
            endfunction
            function [7:0] pick;
                input [7:0] which;
                case (which)
                    1, 3: pick = 5;
                    2: begin pick = 255; pick = pick + 10; end
                    default: pick = 1;
                endcase
            endfunction
            leaf #(A) one (.a(a[A-1:0]), .y());
            leaf #(B) two (.a(a[0 +: B]), .y());
            leaf #(C) three (.a(a[63 -: C]), .y());
        endmodule
        """,
    )
    assert [dict(t.parameters)["W"] for t in (flat.types[i] for i in flat.instance_type)] == [6, 6, 9]
    assert bus(links(flat), "three.a", 9) == [f"a[{i}]" for i in range(55, 64)]


def test_ports_declared_in_the_body_and_ascending_ranges(tmp_path: Path) -> None:
    flat = read(
        tmp_path,
        """
        module inner (p, q);
            parameter W = 4;
            input [0:W-1] p;
            output [W-1:0] q;
            wire [W-1:0] q;
            leaf #(W) u (p, q);
        endmodule
        module top (input [0:3] a, output [3:0] y);
            inner u ({a[0:1], a[2], a[3]}, y);
        endmodule
        """,
    )
    assert bus(links(flat), "u.u.a", 4) == [f"a[{i}]" for i in range(4)]  # bit 0 of a port is its least significant


def test_operators_between_leaves_become_glue_logic(tmp_path: Path) -> None:
    flat = read(
        tmp_path,
        """
        module top (input [3:0] a, input [3:0] b, input s, output [3:0] y, output z);
            leaf u (.a(s ? a & b : a << 1), .y(y));
            xor x (z, a[0], b[0]);
        endmodule
        """,
    )
    cells = sorted(t.parameters for t in flat.types if t.module == "$glue")
    assert cells == [(("and2", 4),), (("mux2", 4),), (("xor2", 1),)]
    assert flat.undriven == 0
    assert links(flat)["z[0]"].startswith("$glue")


def test_library_cells_need_no_text(tmp_path: Path) -> None:
    flat = read(
        tmp_path,
        """
        module top (input a, input b, output y);
            NAND2_X1 \\u/1.x (.A1(a), .A2(b), .ZN(y));
        endmodule
        """,
        NAND2_X1=("ZN",),
    )
    assert flat.instance_names == ("u/1.x",)
    assert links(flat)["y[0]"] == "u/1.x.ZN[0]"


def test_an_inout_bus_is_driven_by_its_first_pin(tmp_path: Path) -> None:
    flat = read(
        tmp_path,
        """
        module pad (inout p); endmodule
        module top (inout p);
            pad first (.p(p));
            pad second (.p(p));
        endmodule
        """,
        pad=(),
    )
    assert flat.nets == 1 and flat.pin_drives.sum() == 1


def test_directives_are_resolved(tmp_path: Path) -> None:
    (tmp_path / "sizes.vh").write_text("`ifndef SIZES\n`define SIZES\n`define WIDTH 6 // bits\n`endif\n")
    flat = read(
        tmp_path,
        """
        `include "sizes.vh"
        `include "sizes.vh"
        `define RANGE(hi, lo) [hi - 1: \\
            lo]
        `timescale 1ns / 1ps
        module top (input `RANGE(`WIDTH, 0) a);
        `ifdef WIDTH
            (* keep = "`none" *) leaf #(`WIDTH) yes (.a(a), .y());
        `else
            `undefined_here leaf no (.a(a), .y());
        `endif
        `ifdef A leaf a1 (a); `elsif SIZES /* here */ leaf #(6) a2 (a); `else leaf a3 (a); `endif
        endmodule
        """,
    )
    assert flat.instance_names == ("yes", "a2")


def test_recursive_modules_end_by_their_parameter(tmp_path: Path) -> None:
    flat = read(
        tmp_path,
        """
        module tree #(parameter N = 8) (input [3:0] a);
            generate
                if (N == 1) begin : end_
                    leaf u (.a(a), .y());
                end else begin : split
                    tree #(.N(N / 2)) low (.a(a));
                    tree #(.N(N - N / 2)) high (.a(a));
                end
            endgenerate
        endmodule
        module top (input [3:0] a);
            tree #(11) t (.a(a));
        endmodule
        """,
    )
    assert flat.counts() == {"leaf": 11}


def test_nothing_is_written_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    read(tmp_path, "module top (input [3:0] a); leaf u (.a(a), .y()); endmodule")
    assert os.listdir(here) == []


GATES = """
module counter (clk, q);
  input clk;
  output [1:0] q;
  wire n1, n2;
  DFF_X1 \\q_reg[0]  (.D(n1), .CK(clk), .Q(q[0]));
  DFF_X1 \\q_reg[1]  (.D(n2), .CK(clk), .Q(q[1]));
  INV_X1 U1 (.A(q[0]), .ZN(n1));
  XOR2_X1 U2 (.A(q[0]), .B(q[1]), .Z(n2));
endmodule
"""
GATES_TOML = """
name = "counter"
top = "counter"
files = ["counter.v"]
ideal_nets = ["clk"]
[leaves]
DFF_X1 = { area_um2 = 4.522, outputs = ["Q", "QN"] }
INV_X1 = { area_um2 = 0.532, outputs = ["ZN"] }
XOR2_X1 = { area_um2 = 1.596, outputs = ["Z"] }
[sources]
leaves = "NanGate45 LEF"
parameters = "none"
routes = "default"
target_utilization = "chosen"
"""


def test_a_gate_level_netlist_loads_by_its_verilog_file(tmp_path: Path) -> None:
    (tmp_path / "counter.v").write_text(GATES)
    (tmp_path / "netlist.toml").write_text(GATES_TOML)
    design = load_design(tmp_path / "counter.v")
    netlist = design.netlist
    assert design.cells is not None
    assert design.cells.cells == 4
    assert design.cells.cell_area_um2 == pytest.approx(2 * 4.522 + 0.532 + 1.596)
    assert len(netlist.indices(ObjectKind.PORT)) == 1  # q; the clock is ideal
    assert [netlist.object_names[i] for i in netlist.indices(ObjectKind.SOFT_MACRO)] == [
        "Grp_cluster0", "Grp_cluster1", "Grp_cluster2", "Grp_cluster3",
    ]  # fmt: skip


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(InputError, match="^parameter LINES: found no such parameter in .*, expected one of LANES, VLEN"):
        load_design("rvv_npu", params={"LINES": 4})
    with pytest.raises(InputError, match="^parameter LANES: found 3, expected one of 1, 2, 4, 8, 16; choose one of them.$"):
        load_design("rvv_npu", params={"LANES": 3})
    with pytest.raises(InputError) as caught:
        load_design("rvv_npu", params={"LANES": 16, "VLEN": 512})
    assert str(caught.value) == (
        "parameters: found LANES = 16, VLEN = 512, expected VLEN // (64 * LANES) of at least 1; change one of them."
    )
