"""SpacemiT's products of small matrices of bytes, against numpy; which cores have them, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.core.config import load_core
from workbench.core.fault import ExecutionFault
from workbench.core.run import Machine, run_program
from workbench.isa.encode import assemble, vtype
from workbench.isa.program import Program, Segment

E8M1, E32M2 = vtype(8, 1), vtype(32, 2)
DATA = 0x100000
EXIT = (("addi", "a0", 0, 0), ("addi", "a7", 0, 93), ("ecall",))


def program_of(*instructions):
    code = assemble(*instructions, *EXIT)
    return Program("test.elf", 0x10000, (Segment(0x10000, code, len(code), 5), Segment(DATA, bytes(4096), 4096, 6)), ())


def program(mnemonic, vlen_bits):
    """v4, v5 = bytes at DATA, v6 = bytes behind them, v8 and v9 = sums behind those; the new sums follow."""
    size = vlen_bits // 8
    instructions = [("lui", "s0", DATA)]
    for register in (4, 5, 6, 8, 9):
        instructions += [("vl1re8.v", register, "s0"), ("addi", "s0", "s0", size)]
    return program_of(
        *instructions, ("vsetvli", "t0", 0, E8M1), (mnemonic, 8, 4, 6), ("vs1r.v", 8, "s0"),
        ("addi", "s0", "s0", size), ("vs1r.v", 9, "s0"),
    )  # fmt: skip


def wide(core_name, vlen_bits):
    core = load_core(core_name)
    return core.model_copy(update={"vector": core.vector.model_copy(update={"vlen_bits": vlen_bits})})


@pytest.mark.parametrize("vlen_bits,rows", [(256, 4), (1024, 8)])
@pytest.mark.parametrize("signs", ["", "u", "us", "su"])
@pytest.mark.parametrize("slide", [0, 1, 2, 3])
def test_products_are_those_of_numpy(vlen_bits, rows, signs, slide):
    machine = Machine(program(f"smt.vmadot{slide or ''}{signs}", vlen_bits), wide("spacemit_x60", vlen_bits))
    size, rng = vlen_bits // 8, np.random.default_rng(slide)
    data = rng.integers(0, 256, 5 * size, np.uint8)
    machine.memory.write(DATA, data.tobytes())
    with machine:
        machine.run(None)
    kinds = {"": ("i1", "i1"), "u": ("u1", "u1"), "us": ("u1", "i1"), "su": ("i1", "u1")}[signs]
    left = data[: 2 * size].view(kinds[0]).astype(np.int64).reshape(2 * rows, -1)[slide : slide + rows]
    right = data[2 * size : 3 * size].view(kinds[1]).astype(np.int64).reshape(rows, -1)
    expected = (data[3 * size :].view("<i4").reshape(rows, rows) + left @ right.T).astype(np.int32)
    got = np.frombuffer(machine.memory.read(DATA + 5 * size, 2 * size), "<i4").reshape(rows, rows)
    np.testing.assert_array_equal(got, expected)


REFUSED = {
    "wider elements": (vtype(16, 1), ("smt.vmadot", 8, 4, 6)),
    "larger groups": (vtype(8, 2), ("smt.vmadot", 8, 4, 6)),
    "sums over a factor": (E8M1, ("smt.vmadot", 8, 9, 6)),
    "sums over the other factor": (E8M1, ("smt.vmadot", 8, 4, 8)),
    "sums over the register that slides in": (E8M1, ("smt.vmadot1", 4, 4, 6)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_specification_forbids_is_illegal(case):
    kind, instruction = REFUSED[case]
    with pytest.raises(ExecutionFault, match="illegal"):
        run_program(program_of(("vsetvli", "t0", 0, kind), instruction), load_core("spacemit_x60"), timed=False)


@pytest.mark.parametrize("core", ["spacemit_x60_128", "thead_c908", None])
def test_cores_without_them_say_so(core):
    chosen = wide("spacemit_x60", 128) if core == "spacemit_x60_128" else load_core(core) if core else None
    with pytest.raises(ExecutionFault, match="illegal"):
        run_program(program("smt.vmadot", 128), chosen, timed=False)
    if core == "thead_c908":
        with pytest.raises(ExecutionFault, match="thead_c908 has no matrix instructions"):
            run_program(program("smt.vmadot", 128), chosen, timed=False)


def test_sums_that_depend_on_each_other_wait_and_others_start_every_cycle():
    core = load_core("spacemit_x60")

    def cycles(registers, rounds):
        body = [("smt.vmadot", register, 0, 1) for register in registers]
        loop = [*body, ("addi", "t1", "t1", -1), ("bne", "t1", 0, -4 * len(body) - 4)]
        return run_program(program_of(("vsetvli", "t0", 0, E8M1), ("addi", "t1", 0, rounds), *loop), core).cycles

    def each(*registers):
        return (cycles(registers, 200) - cycles(registers, 100)) / 100 / len(registers)

    assert each(*[8] * 8) == pytest.approx(core.vector.matrix.latency, abs=0.5)
    assert each(8, 10, 12, 14, 16, 18, 20, 22) == pytest.approx(1, abs=0.15)


def test_products_are_counted_for_the_energy_of_a_run():
    activity = run_program(program("smt.vmadot", 256), load_core("spacemit_x60")).activity
    assert activity.matrix_products == 4 * 4 * 8
    assert activity.vector_int8_multiply_elements == 0
