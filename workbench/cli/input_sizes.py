"""The options `--batch` and `--dim`: numbers for the open dimensions of a network."""

from __future__ import annotations


def read_sizes(batch: int | None, dims: list[str] | None) -> dict[str, int]:
    """Sizes by the name of a dimension, from ``--batch N`` and ``--dim NAME=N``; InputError if one is not of that form."""
    from workbench.base.errors import InputError

    sizes = {} if batch is None else {"batch": batch}
    for text in dims or []:
        name, _, number = text.rpartition("=")
        if not name or not number.isdecimal():
            raise InputError("--dim", repr(text), "NAME=N, or INPUT.AXIS=N", "give a name and a number")
        sizes[name] = int(number)
    return sizes
