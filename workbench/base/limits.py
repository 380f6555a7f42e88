"""Upper bounds that readers check against declared sizes before they allocate."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.base.errors import InputError


@dataclass(frozen=True)
class Limits:
    """Largest sizes accepted from a file; a reader refuses more before it allocates.

    Attributes
    ----------
    file_bytes: size of one input file, also after decompression.
    nodes, pins: objects and pins of a netlist.
    tensor_bytes: one tensor of a network.
    memory_bytes: address space given to a simulated program.
    hierarchy_depth: nesting of modules, parentheses or messages.
    """

    file_bytes: int = 1 << 30
    nodes: int = 5_000_000
    pins: int = 50_000_000
    tensor_bytes: int = 1 << 31
    memory_bytes: int = 1 << 32
    hierarchy_depth: int = 100

    def check(self, where: str, field: str, value: int) -> None:
        """Raise InputError if `value` is above the limit named `field`."""
        limit = getattr(self, field)
        if value > limit:
            unit = field.replace("_", " ")
            raise InputError(where, f"{value:,} {unit}", f"at most {limit:,}", "raise the limit or use a smaller input")


DEFAULT_LIMITS = Limits()
