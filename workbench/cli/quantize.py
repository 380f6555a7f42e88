"""`workbench quantize`: a float network to one of bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.graph.quantise import Form, Method

_RANDOM_SAMPLES = 8


def command(
    model: Annotated[str, typer.Argument(help="ONNX file of float32, or a name of `workbench list models`.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="ONNX file to write.")],
    data: Annotated[
        Path | None,
        typer.Option(help="Samples to calibrate with: a .npy or .npz file, or a folder of them [default: random numbers]."),
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="How many of them, at most.")] = 32,
    per_tensor: Annotated[bool, typer.Option("--per-tensor", help="One scale for all filters of a layer.")] = False,
    method: Annotated[Method, typer.Option(help="How ranges follow from the samples.")] = Method.MINMAX,
    form: Annotated[Form, typer.Option(help="How the file says it.")] = Form.QDQ,
    batch: Annotated[int | None, typer.Option(min=1, help="Size of an open batch [default: 1].")] = None,
    dim: Annotated[list[str] | None, typer.Option(help="NAME=N or INPUT.AXIS=N: an open size (repeatable).")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of random samples.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Quantise a network to int8 with onnxruntime's quantiser, and say what that does to its outputs."""
    from workbench.base.files import check_writable, write_bytes
    from workbench.base.progress import Progress
    from workbench.cli.input_sizes import read_sizes
    from workbench.cli.output import by_reason, show
    from workbench.graph.quantise import quantise
    from workbench.graph.reference import random_inputs
    from workbench.graph.samples import read_samples
    from workbench.graph.zoo import load_model

    check_writable(output)
    graph = load_model(model, read_sizes(batch, dim))
    if data is not None:
        used = read_samples(data, graph)[:samples]
    else:
        used = [random_inputs(graph, seed + number) for number in range(min(samples, _RANDOM_SAMPLES))]
    count = len(used)
    with Progress(f"quantising {graph.name}", total=2 * count, unit="samples", quiet=json) as progress:
        result = quantise(
            graph, used, per_channel=not per_tensor, form=form, method=method, on_sample=progress.update,
            on_comparison=lambda done: progress.update(count + done),
        )  # fmt: skip
    write_bytes(output, result.model)
    notes = [] if data is not None else ["Calibrated with random numbers: latency is right, accuracy is not. Give --data."]
    figures = {
        "network": str(output),
        "bytes": len(result.model),
        "bytes_before": len(graph.model),
        "samples": len(used),
        "layers_in_integers": len(result.in_integers),
        "layers_in_floats": len(result.in_floats),
        "signal_to_noise_db": round(result.signal_to_noise_db, 2),
    }
    if result.agreement is not None:
        figures["same_class"] = result.agreement
    if result.other_floats:
        figures["other_operators_in_floats"] = result.other_floats
    notes += by_reason("In floats", result.reasons)
    show({**figures, "notes": notes} if notes else figures, json)
