"""`workbench prune`: a network with fewer weights or channels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    model: Annotated[str, typer.Argument(help="ONNX file, or a name of `workbench list models`.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="ONNX file to write.")],
    sparsity: Annotated[float, typer.Option(help="Part to remove: from 0 to below 1.")],
    magnitude: Annotated[
        bool, typer.Option("--magnitude", help="Zero the smallest weights instead of removing channels.")
    ] = False,
    together: Annotated[
        bool, typer.Option("--global", help="With --magnitude: the smallest of all layers, not of each.")
    ] = False,
    multiple: Annotated[int, typer.Option(min=1, help="Numbers of channels left are multiples of this.")] = 8,
    batch: Annotated[int | None, typer.Option(min=1, help="Size of an open batch [default: 1].")] = None,
    dim: Annotated[list[str] | None, typer.Option(help="NAME=N or INPUT.AXIS=N: an open size (repeatable).")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Remove the channels with the smallest weights: layers have less to do. Train the network again afterwards."""
    from workbench.base.errors import InputError
    from workbench.base.files import check_writable, write_bytes
    from workbench.cli.input_sizes import read_sizes
    from workbench.cli.output import by_reason, show
    from workbench.graph.macs import count_macs
    from workbench.graph.prune import prune_channels, prune_weights
    from workbench.graph.zoo import load_model

    if together and not magnitude:
        raise InputError("--global", "a choice of weights", "--magnitude with it", "add it")
    check_writable(output)
    graph = load_model(model, read_sizes(batch, dim))
    result = prune_weights(graph, sparsity, together) if magnitude else prune_channels(graph, sparsity, multiple)
    write_bytes(output, result.model)
    notes = []
    if magnitude:
        notes.append(
            "Zeros are multiplied like other weights: latency stays. Removing channels (no --magnitude) shortens it."
        )
    notes += by_reason("Layers with all their channels", result.reasons)
    figures = {
        "network": str(output),
        "macs_before": count_macs(graph),
        "macs": count_macs(result.graph),
        "parameters_before": graph.parameters,
        "parameters": result.graph.parameters,
        "zero_weights": round(result.zeros, 4),
        "layers_pruned": len(result.removed),
        "channels_removed": sum(result.removed.values()),
    }
    show({**figures, "notes": notes} if notes else figures, json)
