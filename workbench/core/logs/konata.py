"""Pipeline logs that Konata opens: the Kanata format and gem5's O3PipeView lines.

Source
------
github.com/shioyadan/Konata, docs/kanata-log-format.md (Kanata 0004); gem5, src/cpu/o3/commit.cc (O3PipeView).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.core.logs.capture import StageTable
from workbench.core.logs.text import STAGES, Described

TICKS_PER_CYCLE = 1000  # what gem5's util/o3-pipeview.py takes by default
_BEGIN, _WAKE, _RETIRE = 0, 1 + len(STAGES), 2 + len(STAGES)  # ranks of events in one cycle; stages lie between


def kanata(table: StageTable) -> Iterator[str]:
    """The text of a Kanata log, in pieces: one lane, a wake-up line for each source register's producer."""
    yield "Kanata\t0004\n"
    rows = Described(table)
    if not len(rows.rows):
        return
    cycles, numbers, ranks = _events(rows)
    now = int(cycles[0])
    yield f"C=\t{now}\n"
    entries, pcs = rows.rows["entry"].tolist(), rows.rows["pc"].tolist()
    producers = rows.producers
    for cycle, k, rank in zip(cycles.tolist(), numbers.tolist(), ranks.tolist(), strict=True):
        if cycle > now:
            yield f"C\t{cycle - now}\n"
            now = cycle
        if rank == _BEGIN:
            yield f"I\t{k}\t{table.first + k}\t0\nL\t{k}\t0\t{pcs[k]:x}: {rows.text(entries[k], pcs[k])}\n"
            yield f"L\t{k}\t1\t{_detail(rows, k)}\n"
        elif rank == _RETIRE:
            yield f"R\t{k}\t{table.first + k}\t0\n"
        elif rank == _WAKE:
            yield "".join(f"W\t{k}\t{producer}\t0\n" for producer in producers[k])
        else:
            yield f"S\t{k}\t0\t{STAGES[rank - 1]}\n"


def _events(rows: Described) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(cycle, row, rank) of every line, in the order of the file; stages of no cycles are left out."""
    number = np.arange(len(rows.rows))
    ends = np.concatenate([rows.begins[:, 1:], rows.rows["commit"][:, None]], axis=1)
    found = [(rows.begins[:, 0], number, np.full(len(number), _BEGIN))]
    for place in range(len(STAGES)):
        held = np.flatnonzero(ends[:, place] > rows.begins[:, place])
        found.append((rows.begins[held, place], held, np.full(len(held), place + 1)))
    woken = np.array([k for k, producers in enumerate(rows.producers) if producers], np.int64)
    found.append((rows.begins[woken, 4], woken, np.full(len(woken), _WAKE)))
    found.append((rows.rows["commit"], number, np.full(len(number), _RETIRE)))
    cycles, numbers, ranks = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((ranks, numbers, cycles))
    return cycles[order], numbers[order], ranks[order]


def _detail(rows: Described, k: int) -> str:
    row = rows.rows[k]
    engine = f"; vector engine {row['engine_start']} to {row['engine_done']}" if row["engine_start"] else ""
    stored = f"; store leaves the store queue at {row['stored']}" if row["stored"] else ""
    return f"{rows.function(int(row['entry']))}; fetch {row['fetch']}, commit {row['commit']}{engine}{stored}"


def o3pipeview(table: StageTable) -> Iterator[str]:
    """The lines of gem5's O3PipeView trace: seven per instruction, in order of retirement."""
    rows = Described(table)
    for k, (row, begins) in enumerate(zip(rows.rows, rows.begins.tolist(), strict=True)):
        entry, pc = int(row["entry"]), int(row["pc"])
        ticks = [cycle * TICKS_PER_CYCLE for cycle in begins]
        yield (
            f"O3PipeView:fetch:{ticks[0]}:0x{pc:08x}:0:{table.first + k + 1}:{rows.text(entry, pc)}\n"
            f"O3PipeView:decode:{ticks[1]}\nO3PipeView:rename:{ticks[2]}\nO3PipeView:dispatch:{ticks[3]}\n"
            f"O3PipeView:issue:{ticks[4]}\nO3PipeView:complete:{ticks[5]}\n"
            f"O3PipeView:retire:{row['commit'] * TICKS_PER_CYCLE}:store:{row['stored'] * TICKS_PER_CYCLE}\n"
        )
