"""Vector loads and stores: unit-stride, strided, indexed, segments, masks, whole registers, fault-only-first.

An access outside of memory ends the program; the elements before it may have been written (there is no restart).

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapter "V", "Vector Loads and Stores".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.primitives import copy_bytes, get, load, put, store
from workbench.core.interpreter.state import Status
from workbench.core.vector.elements import is_group, widen
from workbench.core.vector.forms import function_number
from workbench.core.vector.operands import overlap_is_legal, spares_mask

_I8, _I16, _I32, _I64, _U8 = np.int8(0), np.int16(0), np.int32(0), np.int64(0), np.uint8(0)
_ILLEGAL, _LOAD_FAULT, _STORE_FAULT = int(Status.ILLEGAL), int(Status.LOAD_FAULT), int(Status.STORE_FAULT)
_FIRST, _STRIDED, _INDEXED, _MASK, _WHOLE = (
    function_number("load", name) for name in "first strided indexed mask whole".split()
)
_LOAD_KINDS = np.array(
    [function_number("load", name) for name in "unit strided indexed mask whole".split()]
)  # from numbers of the store group
_WIDTH_OF_BYTES = np.array([0, 3, 4, 0, 5, 0, 0, 0, 6])


@inner_kernel
def _inside(machine: Any, address: int, count: int, is_store: int) -> Any:
    """`count` bytes at a guest address lie in memory, where it can be written for a store."""
    offset = np.uint64(address - machine.memory_base)
    size = np.uint64(machine.memory_size)
    if is_store and address < machine.store_base:
        return False
    return count >= 0 and offset < size and np.uint64(count) <= size - offset


@inner_kernel
def _move(target: Any, source: Any, width: int) -> None:
    """Copy one element of 2**width bits."""
    if width == 5:
        store(target, load(source, _I32))
    elif width == 6:
        store(target, load(source, _I64))
    elif width == 3:
        store(target, load(source, _I8))
    else:
        store(target, load(source, _I16))


@inner_kernel
def _copy_block(machine: Any, is_store: int, base: int, register: int, first: int, count: int) -> Any:
    """Bytes `first` ... `count` - 1 between memory and a register group; a status."""
    if count <= first:
        return 0
    base, count = base + first, count - first
    if not _inside(machine, base, count, is_store):
        machine.fault_address = base
        return _STORE_FAULT if is_store else _LOAD_FAULT
    host = machine.memory_pointer + (base - machine.memory_base)
    place = machine.vector + register * machine.vlenb + first
    if is_store:
        copy_bytes(host, place, count)
    else:
        copy_bytes(place, host, count)
    return 0


@inner_kernel
def _copy_elements(
    machine: Any,
    is_store: int,
    base: int,
    stride: int,
    register: int,
    group: int,
    fields: int,
    width: int,
    masked: int,
    indexed: int,
) -> Any:
    """Element by element: strided, indexed (offsets in `addresses`), segments, masked; a status."""
    size = np.int64(1) << (width - 3)
    pointer = machine.memory_pointer - machine.memory_base
    registers, vlenb = machine.vector, machine.vlenb
    for i in range(machine.vstart, machine.vl):
        address = get(machine.addresses, i, _I64) if indexed else base + i * stride
        if masked and not get(machine.mask, i, _U8):
            continue
        if not _inside(machine, address, fields * size, is_store):
            machine.fault_address = address
            machine.vstart = i
            return _STORE_FAULT if is_store else _LOAD_FAULT
        for field in range(fields):
            place = registers + (register + field * group) * vlenb + i * size
            host = pointer + address + field * size
            if is_store:
                _move(host, place, width)
            else:
                _move(place, host, width)
    return 0


@inner_kernel
def _strided_words(machine: Any, is_store: int, base: int, stride: int, register: int) -> Any:
    """Unmasked strided access of 32-bit elements whose whole range lies in memory; False if it does not."""
    last = machine.vl - 1
    end = base + last * stride
    if abs(stride) > 1 << 31 or not _inside(machine, base, 4, is_store) or not _inside(machine, end, 4, is_store):
        return False
    host = machine.memory_pointer + (base - machine.memory_base)
    place = machine.vector + register * machine.vlenb
    if is_store:
        for i in range(last + 1):
            store(host + i * stride, get(place, i, _I32))
    else:
        for i in range(last + 1):
            put(place, i, load(host + i * stride, _I32))
    return True


@inner_kernel
def _index_addresses(c: Any, machine: Any, base: int, width: int) -> Any:
    """Fill `addresses` with base + index; False if the index group is not legal."""
    emul = width - machine.sew_log2 + machine.lmul_log2
    register = c.rs2 - 64
    if not is_group(register, emul):
        return False
    widen(machine.vector + register * machine.vlenb, machine.a, machine.vl, width, False)
    for i in range(machine.vl):
        put(machine.addresses, i, base + get(machine.a, i, _I64))
    return True


@inner_kernel
def _load_is_legal(c: Any, machine: Any, group: int, fields: int, data_width: int, width: int, indexed: int) -> Any:
    """A load's destination spares the mask, and the indices where these must not be overwritten."""
    if not spares_mask(c):
        return False
    if not indexed:
        return True
    target, indices = np.int64(c.rd), np.int64(c.rs2)
    lmul = width - machine.sew_log2 + machine.lmul_log2
    if fields > 1:
        return target + fields * group <= indices or indices + (np.int64(1) << max(lmul, 0)) <= target
    return overlap_is_legal(target, machine.lmul_log2, data_width, indices, lmul, width)


@inner_kernel
def _limit_to_memory(machine: Any, base: int, size: int) -> None:
    """Fault-only-first: cut vl to the elements that lie in memory (at least the first is tried)."""
    available = (machine.memory_base + machine.memory_size - base) // size
    if 0 < available < machine.vl and base >= machine.memory_base:
        machine.vl = available


@inner_kernel
def vector_access(c: Any, form: Any, machine: Any, is_store: int, masked: int) -> Any:
    """Execute a vector load or store; a status. Leaves address and stride for the timing model in the machine."""
    kind = _LOAD_KINDS[form.function] if is_store else np.int64(form.function)
    base = get(machine.registers, np.int64(c.rs1), _I64)
    register = np.int64(c.rs3 - 64 if is_store else c.rd - 64)
    fields = np.int64(c.fields) + 1
    width = _WIDTH_OF_BYTES[c.mem_bytes]
    machine.address = base
    machine.stride = np.int64(c.mem_bytes) * fields
    if kind == _WHOLE:
        if register % fields != 0:
            return _ILLEGAL
        return _copy_block(machine, is_store, base, register, machine.vstart << (width - 3), fields * machine.vlenb)
    if machine.vtype < 0:
        return _ILLEGAL
    if kind == _MASK:
        return _copy_block(machine, is_store, base, register, machine.vstart, (machine.vl + 7) >> 3)
    indexed = kind == _INDEXED
    if indexed and not _index_addresses(c, machine, base, width):
        return _ILLEGAL
    data_width = machine.sew_log2 if indexed else width
    emul = data_width - machine.sew_log2 + machine.lmul_log2
    group = np.int64(1) << max(emul, 0)
    if not is_group(register, emul) or fields * group > 8 or register + fields * group > 32:
        return _ILLEGAL
    if not is_store and not _load_is_legal(c, machine, group, fields, data_width, width, indexed):
        return _ILLEGAL
    size = np.int64(1) << (data_width - 3)
    stride = fields * size
    if kind == _STRIDED:
        stride = get(machine.registers, np.int64(c.rs2), _I64) if c.rs2 > 0 else np.int64(0)
        machine.stride = stride
        if not masked and fields == 1 and width == 5 and machine.vl > 0 and machine.vstart == 0:
            if _strided_words(machine, is_store, base, stride, register):
                return 0
    elif not indexed and not masked and fields == 1:
        if kind == _FIRST:
            _limit_to_memory(machine, base, size)
        return _copy_block(machine, is_store, base, register, machine.vstart << (width - 3), machine.vl * size)
    if kind == _FIRST:
        _limit_to_memory(machine, base, size * fields)
    return _copy_elements(machine, is_store, base, stride, register, group, fields, data_width, masked, indexed)
