"""``workbench simulate``: time a recorded trace on a core."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    trace: Annotated[Path, typer.Argument(metavar="TRACE", help="a file of `workbench trace`")],
    core: Annotated[str, typer.Option(help="a name in cores/ or a TOML file")] = "xiangshan_kunminghu_v2",
    max_instructions: Annotated[int | None, typer.Option(help="stop after so many instructions", min=1)] = None,
    kanata: Annotated[Path | None, typer.Option(help="pipeline log for Konata to write")] = None,
    o3pipeview: Annotated[Path | None, typer.Option(help="the same as gem5's O3PipeView lines")] = None,
    chrome_trace: Annotated[Path | None, typer.Option(help="pipeline log for Perfetto to write (Chrome trace JSON)")] = None,
    log_from: Annotated[int, typer.Option(min=0, help="pipeline logs begin after so many instructions")] = 0,
    log_count: Annotated[int, typer.Option(min=1, help="pipeline logs hold up to so many instructions")] = 100_000,
    stats: Annotated[Path | None, typer.Option(help="statistics in gem5's text form to write")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Time a trace on CORE: the figures of `workbench run` there, without executing the program again."""
    from workbench.base.progress import Progress
    from workbench.cli.output import show
    from workbench.cli.run_logs import Logs
    from workbench.cli.run_program import summary
    from workbench.core.config import load_core
    from workbench.core.trace.simulate import simulate_trace

    config = load_core(core)
    logs = Logs(kanata, o3pipeview, chrome_trace, stats, log_from, log_count)
    logs.check()
    with Progress(f"simulate {trace.name}", None, "instructions", quiet=as_json) as progress:
        result, table = simulate_trace(
            trace, config, max_instructions=max_instructions, progress=progress, stages=logs.stages
        )
    result = logs.write_tables(result, config, table, trace.name)
    show(summary(result, with_output=False), as_json)
