"""vsetvl: legal vector types and the vector length.

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapter "V", "Configuration-Setting Instructions".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.state import VILL


@inner_kernel
def set_vector_type(machine: Any, vtype: int, wanted: int, keep: int) -> Any:
    """Set vtype and vl; returns the new vl. `keep`: 0 use `wanted`, 1 the largest vl, 2 the present vl.

    An LMUL or SEW that is reserved, or an LMUL too small for SEW (SEW > LMUL * 64), sets vill. vl is
    min(wanted, VLMAX), as in QEMU and most hardware.
    """
    lmul = vtype & 7
    lmul = lmul - 8 if lmul >= 4 else lmul
    sew_log2 = 3 + (vtype >> 3 & 7)
    legal = np.uint64(vtype) < np.uint64(256) and lmul != -4 and sew_log2 <= 6 and not (lmul < 0 and sew_log2 > 6 + lmul)
    if not legal:
        machine.vtype = VILL
        machine.vl = 0
        machine.sew_log2 = 3
        machine.lmul_log2 = 0
        return np.int64(0)
    bits = machine.vlenb * 8
    elements_log2 = lmul - sew_log2
    largest = bits << elements_log2 if elements_log2 >= 0 else bits >> -elements_log2
    length = largest
    if keep == 0 and np.uint64(wanted) < np.uint64(largest):
        length = wanted
    elif keep == 2:
        length = min(machine.vl, largest)
    machine.vtype = vtype
    machine.sew_log2 = sew_log2
    machine.lmul_log2 = lmul
    machine.vl = length
    return np.int64(length)
