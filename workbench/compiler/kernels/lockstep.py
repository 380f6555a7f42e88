"""Several values in lockstep: every instruction for all of them before the next, so that none waits for its own result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from workbench.compiler.ir.builder import Builder
from workbench.compiler.ir.values import Value


@dataclass(frozen=True)
class Several(Value):
    """Values of one type; type and text are those of the first."""

    parts: tuple[Value, ...] = ()


def several(values: Sequence[Value]) -> Value:
    """Values as one; a single one as it is."""
    return Several(values[0].type, values[0].text, tuple(values)) if len(values) > 1 else values[0]


def parts_of(value: Value, count: int) -> list[Value]:
    """The values that it stands for; one that is shared, `count` times."""
    return list(value.parts) if isinstance(value, Several) else [value] * count


def in_lockstep(builder: Builder, count: int) -> Builder:
    """The builder for operands of which some are `count` values: what these take part in is done for each of them."""
    return cast(Builder, _Lockstep(builder, count))


class _Lockstep:
    def __init__(self, builder: Builder, count: int) -> None:
        self._builder, self._count = builder, count

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._builder, name)
        return self._for_each(found) if callable(found) else found

    def _for_each(self, method: Callable[..., Value]) -> Callable[..., Value]:
        def each(*arguments: Any, **named: Any) -> Value:
            given = (*arguments, *named.values())
            if not any(isinstance(argument, Several) for argument in given):
                return method(*arguments, **named)
            results = [
                method(*(_part(a, place) for a in arguments), **{name: _part(a, place) for name, a in named.items()})
                for place in range(self._count)
            ]
            return several(self._builder.pin(results))

        return each


def _part(argument: Any, place: int) -> Any:
    return argument.parts[place] if isinstance(argument, Several) else argument
