"""Properties of the Verilog elaborator on generated designs, with the connections known beforehand or counted by slang."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyslang
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.base.errors import InputError
from workbench.netlist.readers.verilog_elaborate import elaborate
from workbench.netlist.readers.verilog_flat import FlatDesign
from workbench.netlist.readers.verilog_parse import parse_modules
from workbench.netlist.readers.verilog_preprocess import preprocess

LEAF = "module leaf #(parameter W = 1) (input [W-1:0] a, output [W-1:0] y); endmodule\n"


def read(text: str) -> FlatDesign:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.v"
        path.write_text(text)
        source = preprocess([path], Path(folder))
        return elaborate(parse_modules(source, frozenset({"leaf"})), source, "top", {"leaf": ()})


def pieces(order: list[int], ascending: bool, total: int) -> str:
    """A concatenation of slices of the net `all` that gives its bits in the given order, first the most significant."""
    parts, i = [], 0
    while i < len(order):
        j = i
        while j + 1 < len(order) and order[j + 1] == order[j] - 1:
            j += 1
        high, low = order[i], order[j]
        ends = (total - 1 - high, total - 1 - low) if ascending else (high, low)
        parts.append(f"all[{ends[0]}]" if i == j else f"all[{ends[0]}:{ends[1]}]")
        i = j + 1
    return "{" + ", ".join(parts) + "}"


@st.composite
def designs(draw: st.DrawFn) -> tuple[str, list[int], list[int]]:
    """A design whose leaf inputs see a permutation of all leaf outputs, through hierarchy and slices."""
    widths = draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    total = sum(widths)
    order = draw(st.permutations(range(total)))
    ascending, wrapped = draw(st.booleans()), draw(st.booleans())
    lines, low = [], 0
    for i, width in enumerate(widths):
        bits = f"[{total - low - width}:{total - low - 1}]" if ascending else f"[{low} +: {width}]"
        module = "wrap" if wrapped and i % 2 else "leaf"
        lines.append(f"{module} #(.W({width})) u{i} (.a(mixed[{low + width - 1}:{low}]), .y(all{bits}));")
        low += width
    declared = f"[0:{total - 1}]" if ascending else f"[{total - 1}:0]"
    text = LEAF + "module wrap #(parameter W = 1) (input [W-1:0] a, output [W-1:0] y);\n"
    text += (
        "wire [W-1:0] t;\ngenvar i;\ngenerate for (i = 0; i < W; i = i + 1) begin : b assign t[i] = a[i]; end endgenerate\n"
    )
    text += "leaf #(W) inner (t, y);\nendmodule\n"
    text += f"module top;\nwire {declared} all;\nwire [{total - 1}:0] mixed;\n"
    text += f"assign mixed = {pieces(order[::-1], ascending, total)};\n" + "\n".join(lines) + "\nendmodule\n"
    return text, widths, list(order)


@settings(max_examples=60, deadline=None)
@given(designs())
def test_every_bit_reaches_the_pin_it_was_sent_to(case: tuple[str, list[int], list[int]]) -> None:
    text, widths, order = case
    flat = read(text)
    outputs, inputs = flat.pin_net[flat.pin_drives], flat.pin_net[~flat.pin_drives]
    assert len(outputs) == len(inputs) == sum(widths) == flat.nets
    assert np.array_equal(inputs, outputs[order])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 6), st.integers(0, 5), st.integers(1, 3), st.integers(0, 20))
def test_loops_and_conditions_give_as_many_leaves_as_slang_does(n: int, m: int, step: int, limit: int) -> None:
    text = (
        LEAF
        + f"""
    module inner #(parameter K = 1, parameter D = K * 2 - 1) (input a);
        genvar j;
        generate
            for (j = K; j > 0; j = j - 1) begin : down
                if (j % 2 == 0 && K != {m}) begin : even
                    leaf #(.W(D + j)) u (.a({{(D + j){{a}}}}), .y());
                end else if (j > {limit} / 4) begin : more
                    leaf u (a);
                end
            end
        endgenerate
    endmodule
    module top (input a);
        localparam [7:0] TOTAL = {n} + (1 << {step}) - (5 / 2);
        genvar i;
        generate
            for (i = 0; i < TOTAL; i = i + {step}) begin : g
                inner #(.K(i * {m} <= {limit} ? i + 1 : {n})) u (.a(a));
                if (i == 2 || !(i ^ 3)) leaf extra (.a(a), .y());
            end
        endgenerate
    endmodule
    """
    )
    seen: Counter[int] = Counter()

    def visit(symbol: object) -> None:
        if isinstance(symbol, pyslang.ast.InstanceSymbol) and symbol.definition.name == "leaf":
            seen[int(symbol.body.find("W").value.value)] += 1

    compilation = pyslang.ast.Compilation()
    compilation.addSyntaxTree(pyslang.syntax.SyntaxTree.fromText(text))
    compilation.getRoot().visit(visit)
    flat = read(text)
    assert Counter(dict(flat.types[i].parameters)["W"] for i in flat.instance_type.tolist()) == seen


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 400), st.sampled_from(["", "(", ")", ";", "module", "endmodule", "[", "`", "1'", '"', "/*", "\x00", "é"])
)
def test_damaged_text_ends_in_an_input_error_or_a_design(cut: int, put: str) -> None:
    text = LEAF + "module top (input [3:0] a, output [3:0] y);\nwire [3:0] t;\nassign t = {a[0], a[3:1]};\n"
    text += "genvar i; generate for (i = 0; i < 4; i = i + 1) begin : g leaf #(.W(1)) u (.a(t[i]), .y(y[i])); end\n"
    text += "endgenerate\nendmodule\n"
    cut = min(cut, len(text))
    for damaged in (text[:cut], text[:cut] + put + text[cut:], text[:cut] + put + text[cut + 3 :]):
        try:
            read(damaged)
        except InputError as error:
            assert str(error).count("\n") == 0
