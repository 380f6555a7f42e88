"""The machine's architectural state besides registers and memory, as one NumPy record, and the status codes of a slice."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from workbench.base.jit_simd import SLACK_BYTES


class Status(IntEnum):
    """Why the interpreter returned."""

    SLICE_DONE = 0
    ECALL = 1
    BREAKPOINT = 2
    ILLEGAL = 3
    FETCH_FAULT = 4
    LOAD_FAULT = 5
    STORE_FAULT = 6
    TOHOST = 7
    CODE_CHANGED = 8  # a fence.i was executed
    MISALIGNED = 9
    NEEDS_FLOAT = 10  # the next instruction needs a unit whose address is not known yet: `scalar_float`
    NEEDS_VECTOR = 11  # `execute_vector`, and `step_vector` in a timed slice


TIMES, RECORDS = 1, 2  # what a slice does besides executing: time each instruction, record it for a trace

INVALID, DIVIDE_BY_ZERO, OVERFLOW, UNDERFLOW, INEXACT = 16, 8, 4, 2, 1  # bits of fflags
BOX = -(1 << 32)  # upper half of a float32 in a 64-bit register

MACHINE_DTYPE = np.dtype(
    [
        ("pc", np.int64),
        ("previous_pc", np.int64),  # of the last instruction executed
        ("instructions", np.int64),
        ("fault_address", np.int64),
        ("memory_pointer", np.int64),  # host address of the first guest byte
        ("memory_base", np.int64),  # its guest address
        ("memory_size", np.int64),  # bytes; the buffer has GUARD more
        ("store_base", np.int64),  # guest address below which nothing may be stored: code and constants
        ("code_base", np.int64),
        ("tohost", np.int64),  # guest address, -1 = none
        ("reservation", np.int64),  # address of the last lr, -1 = none
        ("cycle_csr", np.int64),  # cycles at the start of the slice, 0 in functional runs
        ("fflags", np.int64),
        ("frm", np.int64),
        ("vstart", np.int64),
        ("vxrm", np.int64),
        ("vxsat", np.int64),
        ("vlenb", np.int64),
        ("vl", np.int64),
        ("vtype", np.int64),  # bit 63 = vill
        ("sew_log2", np.int64),  # bits: 3 ... 6
        ("lmul_log2", np.int64),  # -3 ... 3
        ("registers", np.int64),  # host addresses of x0..x31 and f0..f31, of the vector register file,
        ("vector", np.int64),
        ("addresses", np.int64),  # of the element addresses of indexed accesses
        ("a", np.int64),  # host addresses of the vector unit's buffers: operands 1, 2, destination, result, mask bytes
        ("b", np.int64),
        ("d", np.int64),
        ("out", np.int64),
        ("mask", np.int64),
        ("scalar", np.int64),  # of the scalar operand's pattern, 8 bytes
        ("scalar_float", np.int64),  # host addresses of units (`workbench.core.units`), 0 = not needed so far
        ("execute_vector", np.int64),
        ("step_vector", np.int64),
        ("address", np.int64),  # of the last vector access, for the timing model
        ("stride", np.int64),
        ("record_pointer", np.int64),  # host address where the next instruction is recorded
        ("record_end", np.int64),  # a slice ends once it is reached
        ("visit_pointer", np.int64),  # host address of the next row of `VISIT_DTYPE`
        ("visits_left", np.int64),
        ("region", np.int64),
        ("region_start", np.int64),  # `instructions` when the region was entered
    ]
)

VISIT_DTYPE = np.dtype(
    [
        ("region", np.int64),  # that execution entered
        ("instructions", np.int64),  # executed before
        ("cycle", np.int64),  # of the last commit before
        ("pc", np.int64),  # where
    ]
)

GUARD_BYTES = 64  # behind the guest memory, so that one compare checks an access of up to 8 bytes
VILL = -(1 << 63)


def vector_file(vlen_bits: int) -> np.ndarray:
    """v0..v31 as bytes, one row a register, with room behind the last one for chunks (`workbench.base.jit_simd`)."""
    size = 32 * vlen_bits // 8
    return np.zeros(size + SLACK_BYTES, np.uint8)[:size].reshape(32, -1)


def new_machine(vlen_bits: int) -> np.ndarray:
    """A machine record (array of one) at reset, with no memory yet."""
    machine = np.zeros(1, MACHINE_DTYPE)
    machine["vlenb"] = vlen_bits // 8
    machine["vtype"] = VILL
    machine["sew_log2"] = 3
    machine["reservation"] = machine["tohost"] = -1
    return machine
