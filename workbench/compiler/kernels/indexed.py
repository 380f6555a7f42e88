"""Reading or writing at computed places: ``y[i] = x[i + sum_c place_c[i]]`` and ``y[i + sum_c place_c[i]] = x[i]``.

Where the places do not change along the vector dimension, they are read as scalars and whole vectors are moved; else
every lane has its own address.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from workbench.compiler.elements import I32
from workbench.compiler.ir.builder import Builder
from workbench.compiler.ir.values import Address, Value
from workbench.compiler.kernels.algebra import Vector
from workbench.compiler.kernels.nest import (
    Dim,
    Locate,
    Operand,
    Pointers,
    chunks_over,
    load_vector,
    loop_over,
    store_vector,
)

COMBINED: dict[str, Callable[[Vector, Vector], Vector]] = {
    "none": lambda old, new: new, "add": lambda old, new: old + new, "mul": lambda old, new: old * new,
    "max": lambda old, new: old.maximum(new), "min": lambda old, new: old.minimum(new),
}  # fmt: skip


@dataclass(frozen=True)
class Component:
    """One index of a place: where it lies (bytes from ``i``), what a step means (bytes), and the size of its axis."""

    offset: int
    step: int
    size: int


@dataclass(frozen=True)
class Indexed:
    """Operands ``x`` (read), ``y`` (written) and ``i`` (indices); `scatters` moves y by the indices, else x."""

    operands: dict[str, Operand]
    components: tuple[Component, ...]
    loops: tuple[Dim, ...]
    vector: Dim
    scatters: bool = False
    reduction: str = "none"
    lmul: int = 4
    parallel: ClassVar[tuple[str, ...]] = ("loops", "vector")

    def describe(self) -> str:
        """The schedule, for people."""
        how = "every element on its own" if self.vector.stride("i") else "whole vectors"
        return f"{'scatter' if self.scatters else 'gather'}, {how}, LMUL {self.lmul}"

    def smaller(self) -> Indexed | None:
        """A schedule that needs fewer vector registers; None if this is the smallest."""
        return replace(self, lmul=self.lmul // 2) if self.lmul > 1 else None

    def emit(self, builder: Builder, locate: Locate) -> None:
        """Generate the code."""
        pointers = {name: operand.pointer(locate) for name, operand in self.operands.items()}
        if self.vector.stride("i"):
            loop_over(
                builder, self.loops, pointers,
                lambda inside: chunks_over(builder, self.vector, self.lmul, inside, lambda p: self._lanes(builder, p)),
            )  # fmt: skip
        else:
            loop_over(builder, self.loops, pointers, lambda inside: self._vectors(builder, inside))

    @property
    def _moved(self) -> str:
        return "y" if self.scatters else "x"

    def _vectors(self, builder: Builder, pointers: Pointers) -> None:
        """One place for all lanes."""
        place = pointers[self._moved]
        for component in self.components:
            place = self._scalar(builder, Address(pointers["i"], component.offset), component, place)

        def chunk(here: Pointers) -> None:
            value = load_vector(builder, self, "x", Address(here["x"]))
            if self.reduction != "none":
                old = load_vector(builder, self, "y", Address(here["y"]))
                value = COMBINED[self.reduction](Vector(builder, old), Vector(builder, value)).value
            store_vector(builder, self, "y", value, Address(here["y"]))

        chunks_over(builder, self.vector, self.lmul, {**pointers, self._moved: place}, chunk)

    def _scalar(self, builder: Builder, address: Address, component: Component, place: Value) -> Value:
        """The pointer moved by one index; negative ones count from the end, and none leaves the axis."""
        index = builder.load(address, I32)
        negative = builder.emit("i1", f"icmp slt i32 {index.text}, 0")
        behind = builder.emit("i32", f"add i32 {index.text}, {component.size}")
        index = builder.emit("i32", f"select i1 {negative.text}, i32 {behind.text}, i32 {index.text}")
        inside = builder.emit("i1", f"icmp ult i32 {index.text}, {component.size}")
        index = builder.emit("i32", f"select i1 {inside.text}, i32 {index.text}, i32 0")
        wide = builder.emit("i64", f"sext i32 {index.text} to i64")
        bytes_ = builder.emit("i64", f"mul i64 {wide.text}, {component.step}")
        return builder.emit("ptr", f"getelementptr i8, ptr {place.text}, i64 {bytes_.text}")

    def _lanes(self, builder: Builder, pointers: Pointers) -> None:
        """One place for every lane, as a byte offset from the pointer that all share."""
        offsets = Vector(builder, builder.lanes()) * self.vector.stride(self._moved)
        for component in self.components:
            address = Address(pointers["i"], component.offset)
            index = Vector(builder, load_vector(builder, self, "i", address))
            index = index.compare("lt", 0).choose(index + component.size, index)
            index = index.within(0, component.size - 1)
            offsets = offsets + index * component.step
        if self.scatters:
            value = Vector(builder, load_vector(builder, self, "x", Address(pointers["x"])))
            if self.reduction != "none":
                old = Vector(builder, builder.vgather(pointers["y"], offsets.value, self.operands["y"].element))
                value = COMBINED[self.reduction](old, value)
            builder.vscatter(value.value, pointers["y"], offsets.value, self.operands["y"].element)
        else:
            value = Vector(builder, builder.vgather(pointers["x"], offsets.value, self.operands["x"].element))
            store_vector(builder, self, "y", value.value, Address(pointers["y"]))


@dataclass(frozen=True)
class Interpolation:
    """``y[i, o] = sum_t w[o, t] * x[i, p[o, t]]``: tables of byte offsets ``p`` and weights ``w`` with `taps` columns."""

    operands: dict[str, Operand]
    loops: tuple[Dim, ...]
    results: Dim
    taps: int
    vector: Dim
    lmul: int = 4
    parallel: ClassVar[tuple[str, ...]] = ("loops", "results")

    def describe(self) -> str:
        """The schedule, for people."""
        return f"interpolation, {self.taps} taps, LMUL {self.lmul}"

    def smaller(self) -> Interpolation | None:
        """A schedule that needs fewer vector registers; None if this is the smallest."""
        return replace(self, lmul=self.lmul // 2) if self.lmul > 1 else None

    def emit(self, builder: Builder, locate: Locate) -> None:
        """Generate the code."""
        pointers = {name: operand.pointer(locate) for name, operand in self.operands.items()}
        loop_over(builder, (*self.loops, self.results), pointers, lambda inside: self._row(builder, inside))

    def _row(self, builder: Builder, pointers: Pointers) -> None:
        places, weights = [], []
        for tap in range(self.taps):
            offset = builder.load(Address(pointers["p"], 4 * tap), I32)
            wide = builder.emit("i64", f"sext i32 {offset.text} to i64")
            places.append(builder.emit("ptr", f"getelementptr i8, ptr {pointers['x'].text}, i64 {wide.text}"))
            weights.append(builder.load(Address(pointers["w"], 4 * tap)))
        names = {f"x{tap}": place for tap, place in enumerate(places)}

        def chunk(here: Pointers) -> None:
            total = None
            for name, weight in zip(names, weights, strict=True):
                value = load_vector(builder, self, "x", Address(here[name]))
                total = (
                    builder.arithmetic("vfmul", value, weight) if total is None else builder.accumulate(total, weight, value)
                )
            assert total is not None
            store_vector(builder, self, "y", total, Address(here["y"]))

        step = self.vector.stride("x")
        dim = Dim(self.vector.count, {"y": self.vector.stride("y"), **dict.fromkeys(names, step)})
        chunks_over(builder, dim, self.lmul, {"y": pointers["y"], **names}, chunk)
