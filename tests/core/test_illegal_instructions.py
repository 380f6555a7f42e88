"""What the manual reserves ends the program with one sentence; what it allows beside it does not."""

from __future__ import annotations

import pytest

from workbench.core.fault import ExecutionFault
from workbench.isa.encode import vtype

VSTART, FRM = 0x008, 0x002
E8M1, E32M1, E32M2, E64MF2 = vtype(8, 1), vtype(32, 1), vtype(32, 2), vtype(64, 0.5)

ILLEGAL = {
    "register group that is not aligned": (E32M2, [("vadd.vv", 1, 2, 4)]),
    "wider destination over the low part of its source": (E32M1, [("vwadd.vv", 2, 2, 8)]),
    "narrower destination over the high part of its source": (E32M1, [("vnsrl.wi", 3, 2, 1)]),
    "masked result over the mask": (E32M1, [("vadd.vv", 0, 2, 4, 0)]),
    "merge over the mask": (E32M1, [("vmerge.vvm", 0, 2, 4)]),
    "gather over its source": (E32M1, [("vrgather.vv", 2, 2, 4)]),
    "slide up over its source": (E32M1, [("vslideup.vi", 2, 2, 1)]),
    "compress over its mask": (E32M1, [("vcompress.vm", 4, 2, 4)]),
    "mask prefix over its source": (E32M1, [("vmsbf.m", 2, 2)]),
    "elements wider than 64 bits": (vtype(64, 1), [("vwadd.vv", 2, 4, 6)]),
    "extension from less than 8 bits": (vtype(16, 1), [("vsext.vf4", 2, 4)]),
    "floats of 8 bits": (E8M1, [("vfadd.vv", 2, 4, 6)]),
    "index group larger than eight registers": (vtype(8, 4), [("vluxei64.v", 8, "s0", 16)]),
    "segments beyond eight registers": (vtype(32, 4), [("vlseg4e32.v", 8, "s0")]),
    "segments beyond v31": (E32M1, [("vlseg4e32.v", 30, "s0")]),
    "segments over their indices": (E32M1, [("vluxseg2ei32.v", 4, "s0", 5)]),
    "whole registers that are not aligned": (E32M1, [("vl4re32.v", 2, "s0")]),
    "masked load over the mask": (E32M1, [("vle32.v", 0, "s0", 0)]),
    "reduction from a vstart": (E32M1, [("csrrwi", 0, VSTART, 1), ("vredsum.vs", 2, 4, 6)]),
    "compress from a vstart": (E32M1, [("csrrwi", 0, VSTART, 1), ("vcompress.vm", 2, 4, 6)]),
    "arithmetic without a vector type": (E64MF2, [("vadd.vv", 2, 4, 6)]),
    "reserved rounding mode of a vector": (E32M1, [("csrrwi", 0, FRM, 5), ("vfadd.vv", 2, 4, 6)]),
    "reserved rounding mode of a scalar": (E32M1, [("csrrwi", 0, FRM, 6), ("fadd.s", 1, 2, 3)]),
    "reserved static rounding mode": (E32M1, [("fadd.s", 1, 2, 3, 5)]),
}
LEGAL = {
    "wider destination over the high part of its source": (E32M1, [("vwadd.vv", 2, 3, 8)]),
    "narrower destination over the low part of its source": (E32M1, [("vnsrl.wi", 2, 2, 1)]),
    "masked comparison over the mask": (E32M1, [("vmseq.vv", 0, 2, 4, 0)]),
    "masked reduction over the mask": (E32M1, [("vredsum.vs", 0, 2, 4, 0)]),
    "slide down over its source": (E32M1, [("vslidedown.vi", 2, 2, 1)]),
    "whole registers without a vector type": (E64MF2, [("vl2re32.v", 2, "s0")]),
    "sign injection in a dynamic mode that is not reserved": (E32M1, [("csrrwi", 0, FRM, 4), ("vfsgnj.vv", 2, 4, 6)]),
}


@pytest.mark.parametrize("name", ILLEGAL)
def test_reserved_is_illegal(execute, name):
    kind, lines = ILLEGAL[name]
    with pytest.raises(ExecutionFault, match="an illegal instruction at 0x"):
        execute([("vsetivli", 0, 2, kind), *lines])


@pytest.mark.parametrize("name", LEGAL)
def test_allowed_is_executed(execute, name):
    kind, lines = LEGAL[name]
    execute([("vsetivli", 0, 2, kind), *lines])


def test_an_atomic_access_that_is_not_aligned_is_named_with_its_address(execute):
    with pytest.raises(ExecutionFault, match="an atomic access to 0x100004, which is not aligned, at .* `amoadd.d"):
        execute([("addi", "t0", "s0", 4), ("amoadd.d", "a1", "a2", "t0")])
