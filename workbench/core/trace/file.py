"""The trace file: Parquet with zstd, one row per piece of up to `PIECE_INSTRUCTIONS` instructions, one column per list.

A piece holds its columns (`workbench.core.trace.columns`), the static instructions that it is the first to execute
(address, 32-bit word with 16-bit forms expanded, length, region) and the address after its last instruction. What holds
for the whole run is JSON under the key `METADATA_KEY` of the file's metadata.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Final, Literal

import numpy as np
from pydantic import Field, ValidationError

from workbench.base.config import StrictModel
from workbench.base.errors import InputError
from workbench.core.trace.columns import NAMES, Columns
from workbench.isa.code import INSTRUCTION_DTYPE
from workbench.isa.fusion import mark_fusion
from workbench.isa.predecode import decode_parcels

if TYPE_CHECKING:
    import pyarrow

VERSION: Final = 1
METADATA_KEY = b"workbench.trace"
PIECE_INSTRUCTIONS = 1 << 16
PIECES_PER_GROUP = 16
_LARGEST_GROUP_BYTES = 1 << 30
_AGAIN = "record it again with `workbench trace`"
_STATIC = {"static_pc": "int64", "static_word": "uint32", "static_length": "int8", "static_region": "int32"}


class About(StrictModel):
    """What a trace file says of its run.

    Attributes
    ----------
    origin: what executed the program. program: its name.
    vlen_bits: length of its vector registers; vector_instructions tells whether that matters.
    instructions: in the trace; untimed_instructions were executed besides, in machine mode, where nothing is timed.
    exit_code: of the program; None where the log does not say.
    regions: names of the numbers in `static_region`.
    notes: what the trace lacks, one sentence each.
    device_end: of bare-metal programs (`Program.device_end`), None with an operating system.
    """

    version: Literal[1]
    origin: Literal["execution", "spike", "qemu"]
    program: str
    vlen_bits: Annotated[int, Field(ge=128, le=65536)]
    instructions: Annotated[int, Field(ge=1)]
    vector_instructions: Annotated[int, Field(ge=0)]
    untimed_instructions: Annotated[int, Field(ge=0)] = 0
    exit_code: int | None
    regions: Annotated[tuple[str, ...], Field(min_length=1)]
    notes: tuple[str, ...]
    device_end: int | None = None


class Piece:
    """A row of the file: columns, new static instructions, number of instructions, address after the last."""

    def __init__(self, instructions: int, next_pc: int, columns: Columns, static: dict[str, np.ndarray]) -> None:
        self.instructions, self.next_pc, self.columns, self.static = instructions, next_pc, columns, static


def schema() -> pyarrow.Schema:
    """Names and types of the columns."""
    import pyarrow as pa

    fields = [("instructions", pa.int32()), ("next_pc", pa.int64())]
    fields += [(name, pa.list_(getattr(pa, kind)())) for name, kind in _STATIC.items()]
    return pa.schema(fields + [(name, pa.list_(pa.int64())) for name in NAMES])


class TraceWriter:
    """Writes pieces to a stream in a ``with`` block; `close` writes what is known at the end only."""

    def __init__(self, stream: BinaryIO) -> None:
        import pyarrow.parquet as parquet

        self._writer = parquet.ParquetWriter(
            stream, schema(), compression="zstd", compression_level=5, use_dictionary=False, write_statistics=False
        )
        self._pieces: list[Piece] = []

    def __enter__(self) -> TraceWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._writer.is_open = False  # the stream is going to be thrown away

    def write(self, piece: Piece) -> None:
        """Append a piece."""
        self._pieces.append(piece)
        if len(self._pieces) == PIECES_PER_GROUP:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        if not self._pieces:
            return
        columns: dict[str, Any] = {
            "instructions": [piece.instructions for piece in self._pieces],
            "next_pc": [piece.next_pc for piece in self._pieces],
        }
        for name in _STATIC:
            columns[name] = [piece.static[name] for piece in self._pieces]
        for name in NAMES:
            columns[name] = [getattr(piece.columns, name) for piece in self._pieces]
        self._writer.write_table(pa.table(columns, schema()))
        self._pieces = []

    def close(self, about: About) -> None:
        """Write the rest and the file's end."""
        self._flush()
        self._writer.add_key_value_metadata({METADATA_KEY: about.model_dump_json().encode()})
        self._writer.close()


class TraceReader:
    """A trace file, checked as it is read; `about` is known at once.

    Raises
    ------
    InputError: the file is absent, no trace, damaged or of another version.
    """

    def __init__(self, path: str | Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as parquet

        self.path = Path(path)
        _check_beginning(self.path)
        try:
            self._file = parquet.ParquetFile(self.path, memory_map=True)
        except (pa.ArrowException, OSError, ValueError):
            raise self._damaged("a damaged or truncated file") from None
        self.about = self._read_about()
        if not self._file.schema_arrow.equals(schema(), check_metadata=False):
            raise self._damaged("columns that are not those of a trace")
        self.entries = np.zeros(0, INSTRUCTION_DTYPE)
        self.pcs = np.zeros(0, np.int64)

    def _damaged(self, found: str) -> InputError:
        return InputError(self.path, found, "a whole trace file", _AGAIN)

    def _read_about(self) -> About:
        data = (self._file.metadata.metadata or {}).get(METADATA_KEY)
        if data is None:
            raise InputError(self.path, "a Parquet file without a trace", "a trace file", _AGAIN)
        try:
            version = json.loads(data)["version"]
            if version != VERSION:
                raise InputError(self.path, f"a trace of version {version}", f"version {VERSION}", _AGAIN)
            return About.model_validate_json(data)
        except (ValueError, KeyError, TypeError, ValidationError):
            raise self._damaged("a damaged description of the run") from None

    def pieces(self) -> Iterator[Piece]:
        """The pieces in order; `entries` and `pcs` grow with each to the static instructions known so far."""
        for group in range(self._file.num_row_groups):
            if self._file.metadata.row_group(group).total_byte_size > _LARGEST_GROUP_BYTES:
                raise self._damaged("a row group of more than 1 GiB")
            yield from self._group(group)

    def _group(self, group: int) -> Iterator[Piece]:
        import pyarrow as pa

        try:
            table = self._file.read_row_group(group).combine_chunks()
            table.validate(full=True)
        except (pa.ArrowException, OSError, ValueError):
            raise self._damaged("a damaged or truncated file") from None
        if any(column.null_count or _has_null_values(column) for column in table.columns):
            raise self._damaged("empty fields")
        for row in range(table.num_rows):
            yield self._piece({name: table[name][row] for name in table.column_names})

    def _piece(self, row: dict[str, Any]) -> Piece:
        count = row["instructions"].as_py()
        if not 1 <= count <= PIECE_INSTRUCTIONS:
            raise self._damaged(f"a piece of {count:,} instructions")
        arrays = {name: row[name].values.to_numpy(zero_copy_only=False) for name in (*_STATIC, *NAMES)}
        static = {name: arrays[name] for name in _STATIC}
        self._learn(static)
        return Piece(count, row["next_pc"].as_py(), Columns(*(arrays[name] for name in NAMES)), static)

    def _learn(self, static: dict[str, np.ndarray]) -> None:
        if len({len(array) for array in static.values()}) != 1:
            raise self._damaged("a table of instructions with columns of different lengths")
        if not len(static["static_pc"]):
            return
        entries = decode_words(static["static_word"], static["static_length"])
        entries["region"] = static["static_region"]
        if not entries["op"].all():
            word = int(static["static_word"][int(np.argmin(entries["op"] != 0))])
            raise self._damaged(f"the word 0x{word:08x}, which is no instruction")
        if not ((entries["region"] >= 0) & (entries["region"] < len(self.about.regions))).all():
            raise self._damaged("a region without a name")
        self.entries = np.append(self.entries, entries)
        self.pcs = np.append(self.pcs, static["static_pc"])
        self.entries["fusion"] = 0
        mark_fusion(self.entries, self.pcs)


def decode_words(words: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """`INSTRUCTION_DTYPE` records of expanded words that took `lengths` bytes in memory."""
    halves = np.zeros(2 * len(words) + 1, np.uint16)
    halves[0:-1:2], halves[1::2] = words & 0xFFFF, words >> 16
    entries = decode_parcels(halves)[::2].copy()
    entries["length"] = lengths
    return entries


def _has_null_values(column: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_list(column.type) and any(chunk.values.null_count for chunk in column.chunks)


def _check_beginning(path: Path) -> None:
    """Refuse what is no Parquet file by its first bytes, so that the sentence can say what it is."""
    try:
        with path.open("rb") as stream:
            begin = stream.read(4)
    except FileNotFoundError:
        raise InputError(path, "no such file", "an existing file", "check the path") from None
    except OSError as error:
        raise InputError(path, f"an unreadable file ({error.strerror})", "a readable file", "check it") from None
    if begin == b"\x7fELF":
        raise InputError(path, "a program", "a trace file", "record it with `workbench trace`, or use `workbench run`")
    if begin != b"PAR1":
        shown = f"a file that begins with {begin.hex(' ')}" if begin else "an empty file"
        raise InputError(path, shown, "a trace file (50 41 52 31)", _AGAIN)
