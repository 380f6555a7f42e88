"""Arrays that users bring: one input of a network, or samples to calibrate with."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from workbench.base.errors import InputError
from workbench.base.files import read_bytes
from workbench.base.limits import DEFAULT_LIMITS
from workbench.graph.graph import Graph

Sample = dict[str, np.ndarray]
"""Values by name of the input."""

_KINDS = (".npy", ".npz")


def read_array(path: Path) -> np.ndarray:
    """A .npy file of real numbers; its size is checked before anything is allocated for it."""
    return _parse(read_bytes(path), str(path))


def _parse(data: bytes, where: str) -> np.ndarray:
    try:
        stream = io.BytesIO(data)
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(stream)
        if math.prod(shape) * dtype.itemsize > len(data):
            raise InputError(where, f"an array of shape {list(shape)} in {len(data):,} bytes", "all of it", "write it again")
        array: np.ndarray = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError):
        raise InputError(where, "bytes that are not an array", "a .npy file", "write it with numpy.save") from None
    if array.dtype.kind not in "fiub":
        raise InputError(where, f"elements of type {array.dtype}", "real numbers", "convert them with array.astype")
    return array


def fitted(array: np.ndarray, graph: Graph, name: str, where: str) -> np.ndarray:
    """The array as the network takes it; InputError if its shape is another."""
    if array.shape != graph.shape(name):
        found, expected = f"an array of shape {list(array.shape)}", f"shape {list(graph.shape(name))} of input {name}"
        raise InputError(where, found, expected, "reshape it")
    return array.astype(graph.tensors[name].dtype)


def read_samples(path: Path, graph: Graph) -> list[Sample]:
    """The samples in a file or in all .npy and .npz files of a folder, in order of their names.

    A .npy file holds values of the only input, a .npz file those of every input by name: one sample (without the axis of a
    batch of 1, if you like), or several along one more axis in front (or along the axis of a batch of 1).
    """
    files = sorted(p for p in path.iterdir() if p.suffix in _KINDS) if path.is_dir() else [path]
    if not files:
        raise InputError(path, "a folder without .npy or .npz files", "samples", "write them with numpy.save or numpy.savez")
    return [sample for file in files for sample in _samples(file, graph)]


def _samples(path: Path, graph: Graph) -> Iterator[Sample]:
    arrays = _arrays(path, graph)
    for name, array in arrays.items():
        _check_numbers(array, graph, name, f"{path}, {name}")
    parts = {name: _parts(array, graph, name, f"{path}, {name}") for name, array in arrays.items()}
    counts = {name: len(part) for name, part in parts.items()}
    if not all(counts.values()):
        raise InputError(path, "no samples", "at least one", "write some along the first axis")
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{count} of {name}" for name, count in counts.items())
        raise InputError(path, f"samples: {found}", "as many of each input", "write the same number")
    for values in zip(*parts.values(), strict=True):
        yield dict(zip(parts, values, strict=True))


def _check_numbers(array: np.ndarray, graph: Graph, name: str, where: str) -> None:
    """Refuse numbers that would make ranges without meaning."""
    dtype = graph.tensors[name].dtype
    if array.dtype.kind == "f" and not dtype.startswith("float"):
        raise InputError(where, f"elements of type {array.dtype}", f"{dtype} as the input", "convert them with array.astype")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(where, "numbers that are not finite", "finite numbers", "remove or replace them")


def _arrays(path: Path, graph: Graph) -> dict[str, np.ndarray]:
    if path.suffix == ".npz":
        return _named_arrays(path, graph)
    if path.suffix != ".npy":
        raise InputError(path, f"a file of kind {path.suffix or 'unknown'}", ".npy, .npz or a folder", "convert it")
    if len(graph.inputs) != 1:
        expected = f"a .npz file with arrays {', '.join(graph.inputs)}"
        raise InputError(path, f"one array for {len(graph.inputs)} inputs", expected, "write it with numpy.savez")
    return {graph.inputs[0]: read_array(path)}


def _named_arrays(path: Path, graph: Graph) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(io.BytesIO(read_bytes(path))) as archive:
            found = [name.removesuffix(".npy") for name in archive.namelist()]
            DEFAULT_LIMITS.check(str(path), "file_bytes", sum(entry.file_size for entry in archive.infolist()))
            if sorted(found) != sorted(graph.inputs):
                expected = f"the inputs {', '.join(graph.inputs)}"
                raise InputError(path, f"arrays {', '.join(found) or 'none'}"[:200], expected, "name them so in numpy.savez")
            return {name: _parse(archive.read(f"{name}.npy"), f"{path}, {name}") for name in graph.inputs}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        raise InputError(path, "bytes that are not an archive of arrays", "a .npz file", "use numpy.savez") from None


def _parts(array: np.ndarray, graph: Graph, name: str, where: str) -> Sequence[np.ndarray]:
    """The samples in an array."""
    shape = graph.shape(name)
    if shape[:1] == (1,) and array.shape == shape[1:]:
        return [fitted(array[None], graph, name, where)]
    if array.shape[1:] == shape:
        return [fitted(part, graph, name, where) for part in array]
    if shape[:1] == (1,) and array.shape[1:] == shape[1:]:
        return [fitted(part[None], graph, name, where) for part in array]
    return [fitted(array, graph, name, where)]
