"""What `workbench run` shows of a program's run beside its figures: call profile, phases, pictures."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.core.phases import PhaseLog
    from workbench.core.profile import CallProfile
    from workbench.core.result import SimResult
    from workbench.core.run import Machine

_PROFILE_LINES = 25


@dataclass
class Views:
    """The views asked for on the command line."""

    has_profile: bool = False
    folded: Path | None = None
    phases: Path | None = None
    interval: int | None = None
    pictures: Path | None = None
    _profile: CallProfile | None = field(default=None, init=False)
    _log: PhaseLog | None = field(default=None, init=False)

    @property
    def needs_profile(self) -> bool:
        """Whether the run is profiled."""
        return bool(self.has_profile or self.folded or self.pictures)

    def prepare(self, is_timed: bool) -> list[Any]:
        """What the machine is to be watched by; InputError, before the run, for files that cannot be written."""
        from workbench.base.errors import InputError
        from workbench.base.files import make_folder

        for_timed_runs = {"--phases": self.phases, "--interval": self.interval, "--pictures": self.pictures}
        for name, value in for_timed_runs.items():
            if value and not is_timed:
                raise InputError(name, "that option for a functional run", "a timed run", "leave --functional out")
        if self.pictures is not None:
            make_folder(self.pictures)
        for path in (self.folded, self.phases):
            if path is not None:
                make_folder(path.parent)
        if self.needs_profile:
            from workbench.core.profile import CallProfile

            self._profile = CallProfile()
        if self.phases or self.pictures:
            from workbench.core.phases import PhaseLog

            self._log = PhaseLog(self.interval)
        return [watcher for watcher in (self._profile, self._log) if watcher is not None]

    def write(self, machine: Machine, result: SimResult) -> None:
        """Write the files of a run that has ended."""
        from workbench.base.files import write_text

        if self._profile is not None:
            self._profile.finish(result.instructions, result.cycles)
        if self._log is not None:
            self._log.finish(machine)
        if self.folded is not None and self._profile is not None:
            write_text(self.folded, self._profile.folded())
        if self.phases is not None and self._log is not None:
            write_text(self.phases, self._log.csv())
        if self.pictures is not None and machine.core is not None:
            self._draw(self.pictures, f"{machine.program.name} on {machine.core.name}", result)

    def _draw(self, folder: Path, title: str, result: SimResult) -> None:
        from workbench.core.pictures import draw_cpi_stack, draw_functions, draw_phases

        draw_cpi_stack(result, title, folder / "cpi_stack.png")
        if self._profile is not None:
            draw_functions(self._profile.functions(), title, folder / "functions.png")
        if self._log is not None and self._log.phases():
            draw_phases(self._log.phases(), title, folder / "phases.png")

    def figures(self) -> dict[str, Any]:
        """What `--json` gains."""
        if not self.has_profile or self._profile is None:
            return {}
        rows = [{**asdict(f), "ipc": f.ipc} for f in self._profile.functions()]
        return {"profile": rows, "profile_is_complete": self._profile.is_complete}

    def print_profile(self) -> None:
        """The profile as a table for people."""
        if not self.has_profile or self._profile is None:
            return
        functions = self._profile.functions()
        shown = functions[:_PROFILE_LINES]
        head = f"{'alone':>7} {'with calls':>10} {'cycles':>14} {'instructions':>14} {'IPC':>6} {'calls':>10}  function"
        print(f"\n{head}")
        for f in shown:
            ipc = f"{f.ipc:.2f}" if f.cycles else "-"
            print(
                f"{f.share:>7.1%} {f.inclusive_share:>10.1%} {f.cycles:>14,} {f.instructions:>14,} {ipc:>6} {f.calls:>10,}  "
                f"{f.name}"
            )
        if len(functions) > len(shown):
            rest = sum(f.share for f in functions[_PROFILE_LINES:])
            print(f"{rest:>7.1%} in {len(functions) - _PROFILE_LINES} others (--json lists them)")
        if not self._profile.is_complete:
            print("There were more call paths than are kept: the last ones are counted with their callers.")
