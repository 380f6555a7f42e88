"""Families of made-up accelerator netlists that policies are trained on, and one that they are tested on.

Every family has the structure of something that is built: a systolic array fed by SRAM banks, a tiled many-core, the lanes
of a vector engine with their register files and scratchpad, memories on a network on chip, and logic clusters whose wiring
follows Rent's rule (Landman, Russo, IEEE Trans. Computers C-20(12), 1971). Numbers are drawn per design: macros (8 to 300),
their shapes, bus widths, ports and their sides, the canvas' aspect ratio, its grid, how full it is (40 to 75 %), and the
routing constants of the published designs. The same family and seed give the same design.

Model: ours. The ranges enclose those of the public clustered netlists of MacroPlacement (8 to 9 nets an object, 128 to 133
macros, half to 0.7 of the canvas covered). What they leave out: timing, real bus widths, macros of dozens of sizes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from workbench.base.rng import make_rng
from workbench.netlist.design import Design
from workbench.place.family_builder import ROUTES, Builder, Shape

HELD_OUT = "noc"
"""The family that shipped policies are not trained on."""


def family_design(family: str, seed: int, largest: int = 300) -> Design:
    """A design of a family with 8 to `largest` hard macros."""
    rng = make_rng(seed)
    macros = int(np.exp(rng.uniform(np.log(8), np.log(largest + 1))))
    builder = Builder(rng, grain=int(rng.integers(1, 7)))
    FAMILIES[family](builder, macros)
    return builder.design(f"{family}_{seed}", _shape(rng))


def _shape(rng: np.random.Generator) -> Shape:
    macro_share = float(rng.uniform(0.25, 0.52))
    soft_share = float(rng.uniform(0.12, min(0.3, 0.75 - macro_share)))
    grid = None if rng.random() < 0.5 else (int(rng.integers(18, 36)), int(rng.integers(18, 36)))
    return Shape(
        macro_share, max(soft_share, 0.40 - macro_share), float(np.exp(rng.uniform(-0.35, 0.35))),
        float(rng.uniform(300.0, 3000.0)), grid, int(rng.integers(len(ROUTES))),
    )  # fmt: skip


def _sram(rng: np.random.Generator) -> tuple[float, float]:
    """Relative width and height of one kind of SRAM."""
    area, aspect = rng.uniform(1.0, 3.0), np.exp(rng.uniform(-0.9, 0.9))
    return float(np.sqrt(area * aspect)), float(np.sqrt(area / aspect))


def _ports(builder: Builder, count: int, to: list[int], weight: float) -> None:
    """Ports along one or two sides, each connected to the next of some objects; half of them drive."""
    rng = builder.rng
    sides = rng.choice(4, int(rng.integers(1, 3)), replace=False)
    for k in range(count):
        port = builder.port(int(sides[k % len(sides)]), float(rng.uniform(0.05, 0.95)))
        target = to[k % len(to)]
        driver, sink = (port, target) if k % 2 else (target, port)
        builder.bus(driver, [sink], weight)


def _memory(builder: Builder, sram: tuple[float, float], user: int, weight: float) -> int:
    """An SRAM that one object writes and reads."""
    macro, nets = builder.macro(*sram), int(builder.rng.integers(2, 5))
    builder.bus(user, [macro], weight, nets)
    builder.bus(macro, [user], weight, nets)
    return macro


def _mesh(builder: Builder, nodes: np.ndarray, weight: float) -> None:
    """Links between neighbours of a grid of objects, both ways."""
    for a, b in ((nodes[:, :-1], nodes[:, 1:]), (nodes[:-1], nodes[1:])):
        for first, second in zip(a.ravel(), b.ravel(), strict=True):
            builder.bus(int(first), [int(second)], weight)
            builder.bus(int(second), [int(first)], weight)


def _systolic(builder: Builder, macros: int) -> None:
    """Processing elements in a grid; banks of operands feed rows and columns, banks of sums take the columns' results."""
    rng = builder.rng
    west = max(2, int(macros * rng.uniform(0.2, 0.4)))
    north = max(2, int(macros * rng.uniform(0.2, 0.4)))
    south = max(2, macros - west - north)
    rows, columns = int(rng.integers(4, 11)), int(rng.integers(4, 11))
    elements = np.array([[builder.logic(rng.uniform(0.8, 1.2)) for _ in range(columns)] for _ in range(rows)])
    bus = float(rng.choice([8.0, 16.0]))
    for a, b in ((elements[:, :-1], elements[:, 1:]), (elements[:-1], elements[1:])):
        for first, second in zip(a.ravel(), b.ravel(), strict=True):
            builder.bus(int(first), [int(second)], bus)
    control = builder.logic(1.5)
    for count, line in ((west, elements[:, 0]), (north, elements[0]), (south, elements[-1])):
        sram = _sram(rng)
        for k in range(count):
            feeder = line[k * len(line) // count]
            macro = _memory(builder, sram, int(feeder), 2 * bus)
            builder.bus(control, [macro], 4.0)
    _ports(builder, int(rng.integers(8, 40)), [control, *map(int, elements[0])], bus)


def _manycore(builder: Builder, macros: int) -> None:
    """Tiles with caches of their own, joined by a mesh of routers."""
    rng = builder.rng
    each = int(rng.integers(2, 7))
    tiles = max(2, round(macros / each))
    columns = int(np.ceil(np.sqrt(tiles)))
    rows = -(-tiles // columns)
    kinds = [_sram(rng) for _ in range(int(rng.integers(1, 3)))]
    logic = int(rng.integers(3, 7))
    routers = np.array([[builder.logic(0.6) for _ in range(columns)] for _ in range(rows)])
    for tile in range(tiles):
        parts = [builder.logic(float(rng.gamma(3.0, 0.4)) + 0.1) for _ in range(logic)]
        for k in range(each):
            _memory(builder, kinds[k % len(kinds)], parts[k % len(parts)], 32.0)
        for part in parts[1:]:
            builder.bus(parts[0], [part], 24.0)
            builder.bus(part, [parts[0]], 24.0)
        builder.bus(int(routers.ravel()[tile]), [parts[0]], 16.0)
        builder.bus(parts[0], [int(routers.ravel()[tile])], 16.0)
    _mesh(builder, routers, 16.0)
    _ports(builder, int(rng.integers(8, 60)), [int(r) for r in routers.ravel()], 8.0)


def _npu_lanes(builder: Builder, macros: int) -> None:
    """Lanes with banks of vector registers, a sequencer that drives all of them, and a scratchpad behind a crossbar."""
    rng = builder.rng
    banks = int(rng.integers(2, 5))
    lanes = max(1, int(macros * rng.uniform(0.4, 0.7) / banks))
    scratchpad = max(2, macros - lanes * banks)
    registers, words = _sram(rng), _sram(rng)
    sequencer = builder.logic(2.0)
    crossbar = [builder.logic(1.0) for _ in range(max(2, scratchpad // 3))]
    heads = []
    for lane in range(lanes):
        operands, multiplier, alu = builder.logic(1.0), builder.logic(2.0), builder.logic(1.5)
        for _ in range(banks):
            _memory(builder, registers, operands, 64.0)
        for unit in (multiplier, alu):
            builder.bus(operands, [unit], 128.0)
            builder.bus(unit, [operands], 64.0)
        builder.bus(crossbar[lane % len(crossbar)], [operands], 64.0)
        builder.bus(operands, [crossbar[lane % len(crossbar)]], 64.0)
        heads.append(operands)
    for first, second in zip(heads, heads[1:], strict=False):
        builder.bus(first, [second], 64.0)
    builder.bus(sequencer, heads, 16.0)
    for k in range(scratchpad):
        _memory(builder, words, crossbar[k % len(crossbar)], 64.0)
    for first, second in zip(crossbar, [*crossbar[1:], crossbar[0]], strict=True):
        builder.bus(first, [second], 64.0)
    _ports(builder, int(rng.integers(8, 40)), [sequencer, *crossbar], 16.0)


def _noc(builder: Builder, macros: int) -> None:
    """Clients and shared memories around a ring of routers, memory controllers at the ports."""
    rng = builder.rng
    routers = [builder.logic(0.8) for _ in range(int(rng.integers(4, 13)))]
    for first, second in zip(routers, [*routers[1:], routers[0]], strict=True):
        builder.bus(first, [second], 64.0)
        builder.bus(second, [first], 64.0)
    kinds = [_sram(rng) for _ in range(int(rng.integers(2, 5)))]
    left = macros
    while left > 0:
        bank, router = min(left, int(rng.integers(1, 9))), routers[int(rng.integers(len(routers)))]
        heads = [builder.logic(float(rng.gamma(2.0, 0.5)) + 0.1) for _ in range(int(rng.integers(1, 5)))]
        sram = kinds[int(rng.integers(len(kinds)))]
        for k in range(bank):
            _memory(builder, sram, heads[k % len(heads)], 32.0)
        for head in heads:
            builder.bus(router, [head], 32.0)
            builder.bus(head, [router], 32.0)
        left -= bank
    _ports(builder, int(rng.integers(16, 80)), routers, 16.0)


def _rent(builder: Builder, macros: int) -> None:
    """Logic clusters and macros in a hierarchy of halves; a half of g objects has about 4·g^p nets to the other half."""
    rng = builder.rng
    kinds = [_sram(rng) for _ in range(int(rng.integers(1, 5)))]
    exponent = rng.uniform(0.5, 0.7)
    objects = [builder.macro(*kinds[int(rng.integers(len(kinds)))]) for _ in range(macros)]
    objects += [builder.logic(float(rng.gamma(2.0, 0.5)) + 0.05) for _ in range(int(macros * rng.uniform(0.5, 1.5)))]
    order = rng.permutation(objects)

    def join(low: int, high: int) -> None:
        if high - low < 2:
            return
        middle = (low + high) // 2
        join(low, middle)
        join(middle, high)
        for _ in range(max(1, int(4 * (middle - low) ** exponent))):
            driver, far = order[rng.integers(low, middle)], order[rng.integers(middle, high)]
            sinks = {int(far), *(int(i) for i in order[rng.integers(low, high, rng.integers(0, 3))])} - {int(driver)}
            builder.bus(int(driver), sorted(sinks), float(rng.choice([1.0, 4.0, 16.0])))

    join(0, len(order))
    _ports(builder, int(rng.integers(8, 80)), [int(i) for i in order[:: max(1, len(order) // 20)]], 4.0)


FAMILIES: dict[str, Callable[[Builder, int], None]] = {
    "systolic": _systolic, "manycore": _manycore, "npu_lanes": _npu_lanes, "noc": _noc, "rent": _rent,
}  # fmt: skip
"""The families by name."""
