"""The D1's networks with the software that was measured: T-Head's own library (CSI-NN2), on our C906.

    python benchmarks/vendor_networks.py REFERENCE CSI_NN2 [--also MODEL.onnx=MILLISECONDS ...] [--keep FOLDER]

`boards.py` compares our programs with the vendor's on the board, which tells software and core apart badly. Here the
vendor's kernels run on the simulated core. CSI_NN2 is a checkout of github.com/XUANTIE-RV/csi-nn2 at 0e784c3 (1.12.10 of
March 2022, before the submission to MLPerf Tiny v0.7). Its vector code is inline assembly of V 0.7.1 and is rewritten for
V 1.0, instruction by instruction: loads and stores get the width of their elements, which is that of the vsetvli before
them. Network programs are written by `csi_nn2_program` in place of HHB. Needs clang-14 and a RISC-V C library (Debian:
clang-14, gcc-riscv64-linux-gnu, libc6-dev-riscv64-cross). The board's programs were compiled by T-Head's GCC 10; C code
that is not assembly differs by that.

The second run counts: caches are as warm as a run before leaves them, as on the board. Results are compared with those
of onnxruntime.
--also takes networks that are not in the reference, such as `ad` and `vww` of the same submission (0.2085 and 4.702 ms;
github.com/mlcommons/tiny_results_v0.7, open/Alibaba).
"""

from __future__ import annotations

import argparse
import csv
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from csi_nn2_program import input_shape, write_program

from workbench.core.config import load_core
from workbench.core.run import run_program
from workbench.isa.elf import read_elf

VLEN_BITS = 128
FLAGS = (
    "--target=riscv64-linux-gnu", "-march=rv64gcv_zfh", "-menable-experimental-extensions", "-mabi=lp64d", "-mno-relax",
    "-O3", "-ffunction-sections", "-fdata-sections", "-w", "-D__fp16=_Float16", "-DCSI_BUILD_C906", "-DCSI_BUILD_REF",
    "-DCSI_BUILD_GREF", "-DCSI_DEBUG", "-include", "stdint.h", "-isystem", "/usr/riscv64-linux-gnu/include",
)  # fmt: skip
PARTS = ("thead_rvv", "c906_opt", "nn2", "utils", "reference", "graph_ref")
LEFT_OUT = {"softmax.c", "sigmoid.c"}  # of thead_rvv: clang-14 does not compile them, and no network needs them
OPENMP = "static inline int omp_get_max_threads(void) { return 1; }\nstatic inline void omp_set_num_threads(int n) {}\n"
STUBS = (
    "void csi_nn_rvv_sigmoid_fp16(void) { __builtin_trap(); }\nvoid csi_nn_rvv_softmax_fp16(void) { __builtin_trap(); }\n"
)
_SET = re.compile(r"vsetvli(\s+)(\w+)\s*,\s*([%\w]+)\s*,\s*e(\d+)\s*,\s*m(\d+)(\s*,\s*d\d+)?")
_SIZED = re.compile(r"\b(v(?:l|s)s?)(h|w)\.v\b")
_ELEMENTS = re.compile(r"\b(v(?:le|se|lse|sse|lseg\d?e|sseg\d?e))\.v\b")


def port(text: str) -> str:
    """Inline assembly of V 0.7.1 as V 1.0; the element width of an access is that of the last vsetvli in the text."""
    width = 0

    def set_length(found: re.Match[str]) -> str:
        nonlocal width
        width, group = int(found[4]), int(found[5])
        form = f"e{width}, m{group}, ta, ma"
        if found[2] == found[3] == "zero":
            return f"vsetivli{found[1]}zero, {VLEN_BITS // width * group}, {form}"
        return f"vsetvli{found[1]}{found[2]}, {found[3]}, {form}"

    lines = []
    for line in text.splitlines(keepends=True):
        line = _SET.sub(set_length, line)
        line = _SIZED.sub(lambda found: f"{found[1]}e{16 if found[2] == 'h' else 32}.v", line)
        line = _ELEMENTS.sub(lambda found: f"{found[1]}{width}.v", line)
        lines.append(line.replace("vfredsum.vs", "vfredusum.vs"))
    return "".join(lines)


def build_library(checkout: Path, archive: Path) -> None:
    """Compile CSI-NN2 for the C906, with all that it is made of beside the archive."""
    folder = archive.parent
    (folder / "omp.h").write_text(OPENMP)
    (folder / "stubs.c").write_text(STUBS)
    sources = [folder / "stubs.c"]
    for part in PARTS:
        (folder / part).mkdir(exist_ok=True)
        for source in sorted((checkout / "source" / part).rglob("*.c")):
            if part != "thead_rvv" or source.name not in LEFT_OUT:
                copy = folder / part / source.name
                copy.write_text(port(source.read_text()) if part == "c906_opt" else source.read_text())
                sources.append(copy)
    includes = ("-I", str(folder), "-I", str(checkout / "include"), "-I", str(checkout / "source" / "thead_rvv"))

    def compiled(source: Path) -> str:
        result = source.with_suffix(".o")
        subprocess.run(["clang-14", *FLAGS, *includes, "-c", str(source), "-o", str(result)], check=True)
        return str(result)

    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(compiled, sources))
    subprocess.run(["riscv64-linux-gnu-ar", "rcs", str(archive), *objects], check=True)


@dataclass(frozen=True)
class Network:
    """A network and what the board took for it."""

    model: Path
    measured_ms: float


def networks(reference: Path, also: list[str]) -> Iterator[Network]:
    """Those of the reference measured on the D1, and those that are given."""
    table = reference / "workloads" / "measured_latency_mlperf_tiny.csv"
    for row in csv.DictReader(table.open()):
        if row["device"].startswith("Allwinner D1"):
            yield Network(reference / "workloads" / "onnx" / row["onnx"], float(row["latency_ms"]))
    for text in also:
        model, latency = text.rsplit("=", 1)
        yield Network(Path(model), float(latency))


def simulate(network: Network, archive: Path, checkout: Path, folder: Path) -> None:
    """Build the network's program, run it on the C906 and print its latency and how far its results are off."""
    program, elf = folder / f"{network.model.stem}.c", folder / f"{network.model.stem}.elf"
    image = np.random.default_rng(0).normal(size=input_shape(network.model)).astype(np.float32)
    write_program(network.model, program, image)
    includes = ("-I", str(folder), "-I", str(checkout / "include"))
    subprocess.run(["clang-14", *FLAGS, *includes, "-c", str(program), "-o", str(elf.with_suffix(".o"))], check=True)
    link = ["riscv64-linux-gnu-gcc", "-static", "-Wl,--gc-sections", str(elf.with_suffix(".o")), str(archive), "-lm"]
    subprocess.run([*link, "-o", str(elf)], check=True)
    core = load_core("thead_c906")
    lines = run_program(read_elf(elf), core).stdout.decode().split("\n")
    cycles = [int(line.split()[1]) for line in lines if line.startswith("cycles")]
    ours = np.array([int(line.split()[1]) / 10000 for line in lines if line.startswith("result")])
    session = onnxruntime.InferenceSession(network.model)
    expected = session.run(None, {session.get_inputs()[0].name: image})[0].ravel()
    off = np.abs(ours - expected).max() / np.abs(expected).max()
    latency = cycles[1] / core.frequency_mhz / 1000
    print(
        f"{network.model.stem:18} measured {network.measured_ms:7.4f} ms  CSI-NN2 on our C906 {latency:7.4f} ms "
        f"({latency / network.measured_ms - 1:+.1%})  results within {off:.1e} of onnxruntime",
        flush=True,
    )


def main() -> None:
    """Build the library once, then each network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", type=Path)
    parser.add_argument("csi_nn2", type=Path)
    parser.add_argument("--also", nargs="*", default=[], metavar="MODEL=MS")
    parser.add_argument("--keep", type=Path, help="folder for what is compiled; a library that is there is used again")
    arguments = parser.parse_args()
    if not (arguments.csi_nn2 / "source" / "c906_opt").is_dir():
        parser.error(f"{arguments.csi_nn2}: found no source/c906_opt, expected a checkout of CSI-NN2 at 0e784c3")
    for tool in ("clang-14", "riscv64-linux-gnu-gcc"):
        if not shutil.which(tool):
            parser.error(f"{tool}: not found; install clang-14, gcc-riscv64-linux-gnu and libc6-dev-riscv64-cross")
    with tempfile.TemporaryDirectory() as name:
        folder: Path = arguments.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        archive = folder / "library.a"
        if not archive.exists():
            build_library(arguments.csi_nn2, archive)
        for network in networks(arguments.reference, arguments.also):
            simulate(network, archive, arguments.csi_nn2, folder)


if __name__ == "__main__":
    main()
