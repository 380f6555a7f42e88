"""The logs that `workbench run` and `workbench simulate` write beside their figures."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.compiler.execute import NetworkResult
    from workbench.core.config import CoreConfig
    from workbench.core.logs.capture import StageLog, StageTable, VisitLog
    from workbench.core.result import SimResult
    from workbench.isa.program import Program


DEFAULT_COUNT = 100_000
_ARGUMENTS = (
    "operator", "algorithm", "share", "instructions", "macs", "macs_per_cycle", "dram_bytes", "bound", "error_cycles",
)  # fmt: skip
_OUTSIDE = "start, inputs and outputs"


@dataclasses.dataclass
class Logs:
    """The log files asked for on the command line, and the range of instructions of the pipeline logs."""

    kanata: Path | None = None
    o3pipeview: Path | None = None
    chrome_trace: Path | None = None
    stats: Path | None = None
    first: int = 0
    count: int = DEFAULT_COUNT
    _stages: StageLog | None = None
    _visits: VisitLog | None = None

    def options(self) -> dict[str, Any]:
        """The files by the names of their options."""
        return {
            "--kanata": self.kanata,
            "--o3pipeview": self.o3pipeview,
            "--chrome-trace": self.chrome_trace,
            "--stats": self.stats,
        }

    def pipeline_options(self) -> dict[str, Any]:
        """Those that follow single instructions."""
        return {name: path for name, path in self.options().items() if name != "--stats"}

    def check(self) -> None:
        """Refuse a range that is too large and files that cannot be written, before the run."""
        from workbench.base.errors import InputError
        from workbench.base.files import check_writable
        from workbench.core.logs.capture import LARGEST_COUNT

        if self.count > LARGEST_COUNT:
            raise InputError("--log-count", f"{self.count:,}", f"at most {LARGEST_COUNT:,}", "log a part with --log-from")
        for path in self.options().values():
            if path is not None:
                check_writable(path)

    @property
    def is_of_layers(self) -> bool:
        """Whether a network's layers are all that the logs ask for: a sampled run has them."""
        has_range = self.first > 0 or self.count != DEFAULT_COUNT
        return self.chrome_trace is not None and not (self.kanata or self.o3pipeview or has_range)

    def write_layers(self, run: NetworkResult, core: CoreConfig) -> None:
        """Write the Chrome trace of a sampled run of a network: a slice for each layer, in order."""
        from workbench.base.files import write_text_pieces
        from workbench.core.logs.chrome_trace import Step, chrome_steps

        assert self.chrome_trace is not None
        steps = [Step(_OUTSIDE, run.outside_cycles)] if run.outside_cycles > 0 else []
        for layer in run.layers:
            about = {name: getattr(layer, name) for name in _ARGUMENTS}
            steps.append(Step(layer.name, layer.cycles, about))
        title = f"layers, sampled: the whole is within {run.latency_error:.1%} (--full has the pipeline too)"
        title = f"layers of {run.network.threads} threads" if run.network.threads > 1 else title
        about = {"program": run.network.name, "core": core.name, "frequency_mhz": core.frequency_mhz}
        write_text_pieces(self.chrome_trace, chrome_steps(title, steps, about))

    @property
    def stages(self) -> StageLog | None:
        """The log of stages, if a file needs it."""
        from workbench.core.logs.capture import StageLog

        if self._stages is None and (self.kanata or self.o3pipeview or self.chrome_trace):
            self._stages = StageLog(self.first, self.count)
        return self._stages

    @property
    def observers(self) -> list[Any]:
        """What the machine is to be watched by."""
        from workbench.core.logs.capture import VisitLog

        if self.chrome_trace and self._visits is None:
            self._visits = VisitLog()
        return [observer for observer in (self.stages, self._visits) if observer is not None]

    def write(
        self, result: SimResult, program: Program, core: CoreConfig, layers: dict[str, str] | None = None
    ) -> SimResult:
        """Write all files of a run of a program; `layers` maps function symbols to names of layers.

        Returns the result with a note where the logs hold only a part of the run.
        """
        if self.stages is None or (code := self.stages.code) is None:
            return self.write_tables(result, core, None)
        table = self.stages.table(code.entries, code.regions)
        return self.write_tables(result, core, table, program.name, layers)

    def write_tables(
        self, result: SimResult, core: CoreConfig, table: StageTable | None, what: str = "",
        layers: dict[str, str] | None = None,
    ) -> SimResult:  # fmt: skip
        """The same from the table of stages."""
        from workbench.base.files import write_text, write_text_pieces
        from workbench.core.logs.chrome_trace import chrome_trace
        from workbench.core.logs.konata import kanata, o3pipeview
        from workbench.core.logs.statistics import statistics_text

        if self.stats is not None:
            write_text(self.stats, statistics_text(result))
        if table is None:
            return result
        if self.kanata is not None:
            write_text_pieces(self.kanata, kanata(table))
        if self.o3pipeview is not None:
            write_text_pieces(self.o3pipeview, o3pipeview(table))
        if self.chrome_trace is not None:
            timeline = self._timeline(result, table, layers)
            about = {"program": what, "core": core.name, "frequency_mhz": core.frequency_mhz}
            write_text_pieces(self.chrome_trace, chrome_trace(timeline, table, about))
        assert self._stages is not None
        note = self._stages.note(result.instructions)
        return dataclasses.replace(result, notes=(*result.notes, note)) if note else result

    def _timeline(self, result: SimResult, table: StageTable, layers: dict[str, str] | None) -> Any:
        from workbench.core.logs.chrome_trace import Timeline, visits_of_rows

        visits = self._visits.visits() if self._visits is not None else visits_of_rows(table)
        title = "layers, by the commit of their instructions" if layers else "functions, by the commit of their instructions"
        return Timeline(title, visits, tuple((layers or {}).get(name, name) for name in table.regions), result.cycles)
