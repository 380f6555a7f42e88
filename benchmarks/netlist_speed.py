"""How long readers take for large flat netlists: Verilog through slang and through pyverilog, DEF.

    python benchmarks/netlist_speed.py [--gates N] [--pyverilog]

The Verilog is N NAND gates in one module, each fed by two of the nets before it; the DEF the same with cells of a small LEF
file. Prints seconds of processor time for each step; `--pyverilog` adds the reader that is used for small files.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path

from workbench.netlist.readers.lefdef import load_def_design
from workbench.netlist.readers.systemverilog import elaborate_systemverilog
from workbench.netlist.readers.verilog_elaborate import elaborate
from workbench.netlist.readers.verilog_parse import parse_modules
from workbench.netlist.readers.verilog_preprocess import preprocess

LEAVES = {"NAND2_X1": ("ZN",)}
LEF = """VERSION 5.8 ;
LAYER m1 TYPE ROUTING ; DIRECTION HORIZONTAL ; PITCH 0.2 ; END m1
MACRO NAND2_X1 CLASS CORE ; SIZE 0.57 BY 1.4 ;
PIN A1 DIRECTION INPUT ; END A1 PIN A2 DIRECTION INPUT ; END A2 PIN ZN DIRECTION OUTPUT ; END ZN
END NAND2_X1
END LIBRARY
"""


def inputs_of(gate: int, rng: random.Random) -> tuple[int, int]:
    """Two gates before a gate, or -1 for the design's input."""
    return (rng.randrange(gate), rng.randrange(gate)) if gate else (-1, -1)


def verilog(gates: int) -> str:
    """A flat module."""
    rng = random.Random(1)
    lines = ["module top (input a, output y);", f"wire [{gates - 1}:0] w;", f"assign y = w[{gates - 1}];"]
    for gate in range(gates):
        nets = [f"w[{i}]" if i >= 0 else "a" for i in inputs_of(gate, rng)]
        lines.append(f"NAND2_X1 u{gate} (.A1({nets[0]}), .A2({nets[1]}), .ZN(w[{gate}]));")
    return "\n".join([*lines, "endmodule", ""])


def def_text(gates: int) -> str:
    """The same as DEF, gates in rows."""
    rng = random.Random(1)
    sinks: list[list[str]] = [[] for _ in range(gates)]
    for gate in range(1, gates):
        for pin, driver in zip(("A1", "A2"), inputs_of(gate, rng), strict=True):
            sinks[driver].append(f"( u{gate} {pin} )")
    side = int(gates**0.5) + 1
    lines = ["VERSION 5.8 ;", "DESIGN top ;", "UNITS DISTANCE MICRONS 2000 ;"]
    lines += [f"DIEAREA ( 0 0 ) ( {side * 1140} {side * 2800} ) ;", f"COMPONENTS {gates} ;"]
    lines += [f"- u{g} NAND2_X1 + PLACED ( {g % side * 1140} {g // side * 2800} ) N ;" for g in range(gates)]
    lines += ["END COMPONENTS", f"NETS {gates} ;"]
    lines += [f"- n{g} ( u{g} ZN ) {' '.join(sinks[g])} ;" for g in range(gates)]
    return "\n".join([*lines, "END NETS", "END DESIGN", ""])


def main() -> None:
    """Write the files, read them, print times."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--gates", type=int, default=100_000)
    parser.add_argument("--pyverilog", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "top.v").write_text(verilog(options.gates))
        (folder / "top.def").write_text(def_text(options.gates))
        (folder / "top.lef").write_text(LEF)
        started = time.process_time()
        source = preprocess([folder / "top.v"], folder)
        preprocessed = time.process_time()
        flat = elaborate_systemverilog(source, "top", LEAVES)
        slang = time.process_time()
        count = f"{len(flat.instance_names):,} gates"
        print(f"{count}: preprocessing {preprocessed - started:.2f} s, slang {slang - preprocessed:.2f} s")
        started = time.process_time()
        netlist = load_def_design(folder / "top.def").netlist
        print(f"{netlist.objects:,} components, {netlist.nets:,} nets of DEF: {time.process_time() - started:.2f} s")
        if options.pyverilog:
            started = time.process_time()
            elaborate(parse_modules(source, frozenset(LEAVES)), source, "top", LEAVES)
            print(f"pyverilog: {time.process_time() - started:.2f} s")


if __name__ == "__main__":
    main()
