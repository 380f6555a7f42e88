"""Times a trace on a core: the same engine, fed with recorded instructions, so the cycles are those of a run there.

What the trace cannot know is said in its notes. A trace with vector instructions fits cores whose registers have the
length that it was recorded with: the program chose its vector lengths by that.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from workbench.base.errors import InputError
from workbench.base.progress import Progress
from workbench.core.config import CoreConfig
from workbench.core.logs.capture import StageLog, StageTable
from workbench.core.result import STOPPED_EXIT_CODE, Region, SimResult
from workbench.core.timing.initial import make_state
from workbench.core.timing.readout import TimingResult, read_result
from workbench.core.timing.replay import ROW_DTYPE, replay
from workbench.core.trace.columns import OK, PROBLEMS, Predictions, decode
from workbench.core.trace.file import PIECE_INSTRUCTIONS, About, TraceReader


def simulate_trace(
    path: str | Path, core: CoreConfig, *, max_instructions: int | None = None, progress: Progress | None = None,
    stages: StageLog | None = None,
) -> tuple[SimResult, StageTable | None]:  # fmt: skip
    """Time a trace; what a timed run of the program on `core` gives, and the logged pipeline stages if asked for.

    Parameters
    ----------
    max_instructions: stop there; a note says so.

    Raises
    ------
    InputError: the file is no whole trace, or does not fit the core.
    """
    reader = TraceReader(path)
    check_fits(reader.about, core, str(path))
    state = make_state(core, len(reader.about.regions), reader.about.device_end)
    if stages is not None:
        stages.watch(state)
    limit = min(max_instructions or reader.about.instructions, reader.about.instructions)
    done, seconds = 0, 0.0
    replay(state, reader.entries, np.zeros(0, ROW_DTYPE), np.zeros(1, np.int64), 0)  # compiles, so that this is not counted
    for rows, elements in _rows(reader):
        at = 0
        count = min(len(rows), limit - done)
        while at < count:
            part = min(count - at, stages.room(done) if stages else count)
            began = time.perf_counter()
            replay(state, reader.entries, rows[at:], elements, part)
            seconds += time.perf_counter() - began
            at, done = at + part, done + part
            if stages is not None:
                stages.arm(done)
        if progress is not None:
            progress.update(done, f"{done / max(seconds, 1e-9) / 1e6:.1f} MIPS")
        if done == limit:
            break
    else:
        raise InputError(path, f"{done:,} instructions", f"{limit:,}, as it says itself", "record it again")
    figures = read_result(state, len(reader.about.regions), core.memory.l1d.line_bytes)
    table = stages.table(reader.entries, reader.about.regions) if stages is not None else None
    return _result(reader.about, core, figures, seconds, limit), table


def _rows(reader: TraceReader) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    predictions = Predictions(PIECE_INSTRUCTIONS)
    room = np.zeros(PIECE_INSTRUCTIONS, ROW_DTYPE)
    for number, piece in enumerate(reader.pieces(), 1):
        elements = np.zeros(len(piece.columns.element) + 1, np.int64)
        problem = decode(
            piece.columns, piece.instructions, piece.next_pc, reader.entries, reader.pcs, reader.about.vlen_bits,
            predictions, room, elements,
        )  # fmt: skip
        if problem != OK:
            raise InputError(
                f"{reader.path}, piece {number}", PROBLEMS[problem], "columns that fit together",
                "record it again with `workbench trace`",
            )  # fmt: skip
        yield room[: piece.instructions], elements


def check_fits(about: About, core: CoreConfig, where: str) -> None:
    """InputError if a trace with vector instructions does not fit the core's vector unit."""
    if not about.vector_instructions:
        return
    if core.vector is None and core.npu is None:
        raise InputError(
            where, f"{about.vector_instructions:,} vector instructions", f"none, as {core.name} has no vector unit",
            "choose another core",
        )  # fmt: skip
    if about.vlen_bits != core.vlen_bits:
        raise InputError(
            where, f"vector instructions recorded with {about.vlen_bits}-bit registers",
            f"the {core.vlen_bits} bits of {core.name}", f"record it with `workbench trace --core {core.name}`",
        )  # fmt: skip


def _result(about: About, core: CoreConfig, figures: TimingResult, seconds: float, count: int) -> SimResult:
    notes = list(about.notes)
    executed = count + (about.untimed_instructions if count == about.instructions else 0)
    if count < about.instructions:
        notes.append(f"Stopped after {count:,} of the trace's {about.instructions:,} instructions.")
    rows = zip(about.regions, figures.region_instructions, figures.region_cycles, strict=False)
    regions = [Region(name or "(no symbol)", n, cycles) for name, n, cycles in rows if n]
    return SimResult(
        exit_code=_exit_code(about, count), stdout=b"", stderr=b"", instructions=executed, cycles=figures.cycles,
        frequency_mhz=core.frequency_mhz, cpi_stack=figures.cpi_stack, mpki=figures.mpki, activity=figures.activity,
        regions=tuple(sorted(regions, key=lambda r: (-r.cycles, -r.instructions, r.name))),
        host_seconds=seconds, top_down=figures.top_down, counters=figures.counters,
        notes=tuple(notes),
    )  # fmt: skip


def _exit_code(about: About, count: int) -> int:
    if count < about.instructions:
        return STOPPED_EXIT_CODE
    return about.exit_code or 0
