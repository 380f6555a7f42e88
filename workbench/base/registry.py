"""Named families of parts (agents, readers, operators, ...): one registration, one lookup, one error."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from workbench.base.errors import InputError

T = TypeVar("T")


def unknown_name(kind: str, name: str, known: list[str]) -> InputError:
    """The error for a name that no part of the family has; names the nearest ones."""
    near = difflib.get_close_matches(name, known, n=3) or sorted(known)
    return InputError(kind, f"{name!r}", f"one of {', '.join(near)}", f"see `workbench list {kind}s`")


class Registry(Generic[T]):
    """Parts of one kind by name, in order of registration."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._parts: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that enters a part under `name`; a name can be taken once."""

        def enter(part: T) -> T:
            if name in self._parts:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._parts[name] = part
            return part

        return enter

    def get(self, name: str) -> T:
        """The part called `name`; InputError naming the nearest names if there is none."""
        if name not in self._parts:
            raise unknown_name(self.kind, name, list(self._parts))
        return self._parts[name]

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._parts)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self._parts
