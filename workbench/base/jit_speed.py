"""Makes Numba's own Python quicker while it compiles: what it looks up again and again, and how it is looked up.

What is compiled stays the same. The text of records took a third of the time that Numba took for the timing engine,
comparisons of flags a fifth of its own Python for annealing.

Imported only where a kernel is compiled or loaded, as it needs Numba's own classes.
"""

from __future__ import annotations

import gc
from functools import cache
from typing import Any

from numba.core.targetconfig import TargetConfig
from numba.core.types import Record


def compiled_quickly(dispatcher: Any) -> Any:
    """The dispatcher, which now compiles without collecting garbage, of which there is little, and with quick look-ups."""
    compile_types = dispatcher.compile

    def compile(types: Any) -> Any:
        collects = gc.isenabled()
        gc.disable()
        try:
            use_quick_lookups()
            return compile_types(types)
        finally:
            if collects:
                gc.enable()

    dispatcher.compile = compile
    return dispatcher


@cache
def use_quick_lookups() -> None:
    """Replace what Numba's types and flags are looked up under by equals that are had at once."""
    record: Any = Record
    config: Any = TargetConfig
    record.__repr__ = _remembered(record.__repr__)
    config.values, config.__hash__ = _flags, _flags_hash


def _remembered(spell: Any) -> Any:
    """A record type's text, spelled out once: it names hundreds of fields."""

    def text(record: Any) -> str:
        if not hasattr(record, "_text"):
            record._text = spell(record)
        return str(record._text)

    return text


@cache
def _defaults(kind: Any) -> dict[str, Any]:
    return {name: option.default for name, option in kind.options.items()}


@cache
def _names_hash(kind: Any) -> int:
    return hash(tuple(sorted(kind.options)))


def _flags(config: Any) -> dict[str, Any]:
    """All options of a compiler configuration with their values; Numba asks a property for each, at every comparison."""
    kind: Any = type(config)
    return {**_defaults(kind), **config._values}


def _flags_hash(config: Any) -> int:
    """Numba's hash of a configuration: that of the names of its options, whatever their values."""
    kind: Any = type(config)
    return _names_hash(kind)
