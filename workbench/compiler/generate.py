"""Machine code of layers: one object for all layers whose kernels differ only in where their operands lie.

A layer's code knows its operands as places ``p0``, ``p1``, ... whose addresses the linker puts in. The steps of a recurrent
layer and the blocks of a network that repeats itself are then the same text, for which LLVM runs once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from workbench.compiler.ir.builder import Builder
from workbench.compiler.ir.function import Module
from workbench.compiler.ir.values import Value
from workbench.compiler.kernels.threads import on_its_threads, wait_for_all
from workbench.compiler.link import Piece
from workbench.compiler.lowering import Draft
from workbench.compiler.machine import make_assembly, make_object
from workbench.compiler.memory import MemoryPlan
from workbench.compiler.phases import runs_shared
from workbench.compiler.spills import count_spills

_MOST_SHRINKS = 6
_FUNCTION = "layer"


@dataclass(frozen=True)
class LayerCode:
    """A layer's function: its IR and object, where it is called `_FUNCTION`, its symbol, and the addresses of its places."""

    symbol: str
    text: str
    code: bytes
    places: dict[str, int]

    @property
    def piece(self) -> Piece:
        """What the linker gets."""
        return Piece(self.code, {_FUNCTION: self.symbol}, self.places)

    def assembly(self) -> str:
        """Assembly text with the layer's own names and addresses."""
        addresses = "".join(f"\t.set\t{name}, {address:#x}\n" for name, address in self.places.items())
        named = self.text.replace(f'@"{_FUNCTION}"', f'@"{self.symbol}"')
        return addresses + make_assembly(named)


class _Places:
    """The buffers that a function's operands lie in: each is known by the first place in it that the function names.

    Buffers that one layer uses lie apart, so LLVM may take their places for different objects, which do not alias.
    """

    def __init__(self, module: Module, memory: MemoryPlan) -> None:
        self._module, self._memory = module, memory
        self._first: dict[int, tuple[str, int]] = {}

    def pointer(self, buffer: int, offset: int) -> Value:
        """The pointer to a place in a buffer."""
        name, first = self._first.setdefault(buffer, (f"p{len(self._first)}", offset))
        place = self._module.declare_place(name)
        if offset == first:
            return place
        return Value("ptr", f"getelementptr (i8, ptr {place.text}, i64 {offset - first})")

    @property
    def addresses(self) -> dict[str, int]:
        """Addresses by name."""
        return {name: self._memory.addresses[buffer] + first for buffer, (name, first) in self._first.items()}


class Generator:
    """Generates layers for threads over planned memory; equal texts are compiled once."""

    def __init__(self, memory: MemoryPlan, threads: int) -> None:
        self._memory, self._threads = memory, threads
        self._objects: dict[str, tuple[bytes, bool]] = {}

    def layer(self, symbol: str, draft: Draft, waits: frozenset[int]) -> LayerCode:
        """The function of a layer; threads wait before the kernels of the numbers `waits`.

        Kernels for which LLVM spills vector registers are made smaller.
        """
        for _ in range(_MOST_SHRINKS):
            text, places = self._text(draft.kernels, waits)
            code, spills = self._object(text)
            if not spills or not draft.shrink(self._spilling(draft, waits)):
                return LayerCode(symbol, text, code, places)
        text, places = self._text(draft.kernels, waits)
        return LayerCode(symbol, text, self._object(text)[0], places)

    def _spilling(self, draft: Draft, waits: frozenset[int]) -> set[int]:
        """Numbers of the kernels that spill on their own; all of them where none does."""
        alone = [self._text([kernel], waits)[0] for kernel in draft.kernels]
        spilling = {place for place, text in enumerate(alone) if self._object(text)[1]}
        return spilling or set(range(len(alone)))

    def _object(self, text: str) -> tuple[bytes, bool]:
        """The object of a text, and whether LLVM spilled vector registers."""
        if text not in self._objects:
            code = make_object(text)
            self._objects[text] = code, bool(count_spills(code))
        return self._objects[text]

    def _text(self, kernels: Sequence[Any], waits: frozenset[int]) -> tuple[str, dict[str, int]]:
        module = Module()
        places, builder = _Places(module, self._memory), Builder(module, _FUNCTION, self._threads)
        for number, kernel in enumerate(kernels):
            if number in waits:
                wait_for_all(builder)
            on_its_threads(builder, runs_shared(kernel), partial(kernel.emit, builder, places.pointer))
        if len(kernels) in waits:
            wait_for_all(builder)
        module.add(builder)
        return module.text(), places.addresses
