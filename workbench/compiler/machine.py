"""LLVM IR to an RV64GCV object file and to assembly, in process, with llvmlite's LLVM."""

from __future__ import annotations

import functools
from typing import Any

FEATURES = "+m,+a,+f,+d,+c,+v,+zfh,+zvfh,-relax"
"""RV64GCV, with Zfh and Zvfh for what is in half precision; no linker relaxation, so that branches inside a function need no
relocation."""


@functools.cache
def _machine() -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple("riscv64-unknown-linux-gnu")
    return target.create_target_machine(
        cpu="generic-rv64", features=FEATURES, opt=2, reloc="static", codemodel="small", abiname="lp64d"
    )  # fmt: skip


def make_object(text: str) -> bytes:
    """Compile a module to a relocatable ELF file; only code generation runs, no IR passes."""
    import llvmlite.binding as llvm

    return bytes(_machine().emit_object(llvm.parse_assembly(text)))


def make_assembly(text: str) -> str:
    """Compile a module to assembly text."""
    import llvmlite.binding as llvm

    return str(_machine().emit_assembly(llvm.parse_assembly(text)))
