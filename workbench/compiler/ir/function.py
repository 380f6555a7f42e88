"""Functions in textual LLVM IR: structured loops over carried values, and loads and stores of scalars.

Loops carry their pointers, so that address arithmetic is one addition per step, and become ``phi`` nodes directly: no
IR pass has to run before code generation. Loads and stores take the `Element` that is in memory and extend or shorten
narrow numbers.

Source: LLVM 22 language reference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from workbench.compiler.elements import FLOAT, Element
from workbench.compiler.ir.values import Address, Value, integer


class Module:
    """Functions and the intrinsics that they declare."""

    def __init__(self) -> None:
        self._functions: list[str] = []
        self._declarations: dict[str, str] = {}
        self._defined: set[str] = set()

    def declare(self, name: str, result: str, arguments: Sequence[str]) -> None:
        """Declare an external function once."""
        self._declarations.setdefault(name, f"declare {result} @{name}({', '.join(arguments)})")

    def declare_place(self, name: str) -> Value:
        """A pointer to memory whose address only the linker knows."""
        self._declarations.setdefault(name, f"@{name} = external global i8")
        return Value("ptr", f"@{name}")

    def add(self, function: Function) -> None:
        """Add a finished function."""
        self._functions.append(function.text())
        self._defined.add(function.name)

    def add_text(self, name: str, text: str) -> None:
        """Add a function that is text already."""
        self._functions.append(text)
        self._defined.add(name)

    def text(self) -> str:
        """The whole module."""
        head = 'target triple = "riscv64-unknown-linux-gnu"'
        external = [text for name, text in self._declarations.items() if name not in self._defined]
        return "\n".join([head, *external, *self._functions]) + "\n"


class Function:
    """One function without result, built in order.

    A function that several `threads` run is called with the number of the `thread`, counted from 0; others have no argument.
    """

    def __init__(self, module: Module, name: str, threads: int = 1) -> None:
        self.module, self.name, self.threads = module, name, threads
        self.thread = Value("i64", "%thread")
        self._lines: list[str] = ["entry:"]
        self._block = "entry"
        self._count = 0

    # --- plumbing -------------------------------------------------------------------------------------------------

    def text(self) -> str:
        """The function's definition."""
        body = "\n".join(self._lines)
        arguments = str(self.thread) if self.threads > 1 else ""
        return f'define void @"{self.name}"({arguments}) nounwind {{\n{body}\n  ret void\n}}\n'

    def emit(self, kind: str, expression: str) -> Value:
        """Append an instruction with a result of type `kind`."""
        self._count += 1
        name = f"%v{self._count}"
        self._lines.append(f"  {name} = {expression}")
        return Value(kind, name)

    def call(self, name: str, result: str, arguments: Sequence[Value]) -> Value:
        """Call a function or intrinsic, declaring it."""
        self.module.declare(name, result, [argument.type for argument in arguments])
        text = f'call {result} @"{name}"({", ".join(map(str, arguments))})'
        if result == "void":
            self._lines.append(f"  {text}")
            return Value("void", "")
        return self.emit(result, text)

    def _label(self) -> str:
        self._count += 1
        return f"b{self._count}"

    def _start(self, label: str) -> None:
        self._lines.append(f"{label}:")
        self._block = label

    # --- control --------------------------------------------------------------------------------------------------

    def loop(
        self, count: int | Value, carried: Sequence[Value], body: Callable[[list[Value]], Sequence[Value]]
    ) -> list[Value]:
        """Run `body` `count` times (a value: at least once); it receives the carried values and returns the next ones."""
        if isinstance(count, int):
            if count <= 0:
                return list(carried)
            if count == 1:
                return list(body(list(carried)))
            count = integer(count)
        left = [count, *carried]

        def step(values: list[Value]) -> tuple[Value, list[Value]]:
            after = list(body(values[1:]))
            rest = self.emit("i64", f"add i64 {values[0].text}, -1")
            return rest, [rest, *after]

        return self.repeat(left, step)[1:]

    def branch_if(self, condition: Value, then: Callable[[], object]) -> None:
        """Run `then` only where `condition` holds."""
        inside, after = self._label(), self._label()
        self._lines.append(f"  br i1 {condition.text}, label %{inside}, label %{after}")
        self._start(inside)
        then()
        self._lines.append(f"  br label %{after}")
        self._start(after)

    def repeat_until_zero(self, place: Value, left: Value, body: Callable[[Value, Value], tuple[Value, Value]]) -> None:
        """Repeat `body`, which maps a position and a remaining amount to the next ones, until nothing remains."""

        def step(values: list[Value]) -> tuple[Value, list[Value]]:
            after, rest = body(*values)
            return rest, [after, rest]

        self.repeat([place, left], step)

    def repeat(self, carried: list[Value], step: Callable[[list[Value]], tuple[Value, list[Value]]]) -> list[Value]:
        """Repeat `step` until the value that it returns first is zero."""
        before, label, end = self._block, self._label(), self._label()
        self._lines.append(f"  br label %{label}")
        self._start(label)
        phis = [Value(value.type, f"%p{self._count}_{i}") for i, value in enumerate(carried)]
        place = len(self._lines)
        condition, after = step(phis)
        lines = [
            f"  {phi.text} = phi {phi.type} [{first.text}, %{before}], [{then.text}, %{self._block}]"
            for phi, first, then in zip(phis, carried, after, strict=True)
        ]
        self._lines[place:place] = lines
        again = self.emit("i1", f"icmp ne i64 {condition.text}, 0")
        self._lines.append(f"  br i1 {again.text}, label %{label}, label %{end}")
        self._start(end)
        return after

    def fence(self) -> None:
        """Keep loads on their side: a barrier for the scheduler, which would otherwise spill vector registers."""
        self._lines.append('  fence syncscope("singlethread") seq_cst')

    def opaque(self, pointer: Value) -> Value:
        """The same pointer, hidden from the optimiser, which would otherwise compute it again for every access."""
        return self.emit("ptr", f'call ptr asm "", "=r,0"({pointer})')

    # --- addresses and scalars ------------------------------------------------------------------------------------

    def pointer(self, address: Address) -> Value:
        """The address as one pointer value."""
        if address.pointer is None:
            return Value("ptr", f"inttoptr (i64 {address.offset} to ptr)")
        if address.offset == 0:
            return address.pointer
        return self.emit("ptr", f"getelementptr i8, ptr {address.pointer.text}, i64 {address.offset}")

    def load(self, address: Address, element: Element = FLOAT) -> Value:
        """Load a scalar, extended to the type that it is computed in."""
        value = self.emit(element.memory, f"load {element.memory}, {self.pointer(address)}")
        if not element.is_narrow:
            return value
        operation = "fpext" if element.is_float else "sext" if element.is_signed else "zext"
        return self.emit(element.computed, f"{operation} {value} to {element.computed}")

    def store(self, value: Value, address: Address, element: Element = FLOAT) -> None:
        """Store a scalar, shortened to the type in memory."""
        if element.is_narrow:
            operation = "fptrunc" if element.is_float else "trunc"
            value = self.emit(element.memory, f"{operation} {value} to {element.memory}")
        self._lines.append(f"  store {value}, {self.pointer(address)}")
