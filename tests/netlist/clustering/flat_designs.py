"""Small flat designs for the tests of clustering, with and without places."""

from __future__ import annotations

import numpy as np

from workbench.netlist.netlist import Canvas, Netlist, ObjectKind
from workbench.netlist.readers.protobuf import parse_protobuf

CANVAS = Canvas(100.0, 80.0, 10, 8, 70.0, 70.0, 50.0, 50.0)


def node(name: str, kind: str, inputs: list[str], **numbers: float | str) -> str:
    """One node as text."""
    drives = "".join(f'input: "{sink}" ' for sink in inputs)
    attributes = "".join(
        f'attr {{ key: "{key}" value {{ placeholder: "{value}" }} }} ' if isinstance(value, str)
        else f'attr {{ key: "{key}" value {{ f: {value!r} }} }} ' for key, value in {"type": kind, **numbers}.items()
    )  # fmt: skip
    return f'node {{ name: "{name}" {drives}{attributes}}}\n'


def random_flat(seed: int, cells: int = 200, macros: int = 3, ports: int = 8, placed: bool = True) -> Netlist:
    """A flat netlist with local wiring: cells on a grid of places drive cells that are near them in number."""
    rng = np.random.default_rng(seed)
    names = [f"c{i}" for i in range(cells)]
    pins = [f"m{i}/in{j}" for i in range(macros) for j in range(3)]
    outs = [f"p{i}" for i in range(ports)]

    def sinks(i: int) -> list[str]:
        near = np.unique(np.clip(i + rng.integers(-9, 10, rng.integers(0, 5)), 0, cells - 1))
        far = [*(pins[i % len(pins)] for _ in range(bool(pins) and rng.random() < 0.1)), *outs[-1:] * (rng.random() < 0.05)]
        return [*(names[j] for j in near), *far]

    def place(i: int) -> dict[str, float]:
        return {"x": 1.0 + 98.0 * i / cells, "y": 2.0 + (37 * i) % 76} if placed else {}

    text = [
        node(outs[i], "PORT", [] if i == ports - 1 else sinks(i * cells // ports), x=0.0 if i < 5 else 100.0, y=10.0 * i)
        for i in range(ports)
    ]
    for i in range(macros):
        text.append(node(f"m{i}", "MACRO", [], width=12.0, height=9.0, x=20.0 + 30 * i, y=40.0))
        text += [
            node(f"m{i}/in{j}", "MACRO_PIN", [], macro_name=f"m{i}", x_offset=-6.0, y_offset=float(j)) for j in range(3)
        ]
        text.append(node(f"m{i}/out", "MACRO_PIN", sinks(50 * i % cells), macro_name=f"m{i}", x_offset=6.0, y_offset=0.0))
    text += [
        node(names[i], "STDCELL", sinks(i), width=float(rng.uniform(0.4, 2)), height=1.4, **place(i)) for i in range(cells)
    ]
    rng.shuffle(text)
    return parse_protobuf("".join(text), "random.pb.txt")


def cells_of(netlist: Netlist) -> np.ndarray:
    """Indices of the standard cells."""
    return netlist.indices(ObjectKind.SOFT_MACRO)
