"""Clock frequency: pipeline depth in FO4 delays for the core; logic depth and floorplanned wires for an accelerator.

* Core: its published frequency, bounded by 1 / (cycle_fo4 x FO4), the shortest cycle of a core in that technology.
* Accelerator: cycle = (flip-flop + logic x FO4 + delay of the longest wire) / (1 - uncertainty). A netlist's logic depth
  runs from register to register and counts 3 FO4 for the flip-flop, which the library's own delay replaces here. Every net
  between macros may lie on the longest path, so logic and wire add up: a lower bound of the clock.
* Wire: the lesser of an unrepeated RC wire and an optimally repeated one (H. Bakoglu, Circuits, Interconnections, and
  Packaging for VLSI, 1990, ch. 5; derived again in `tests/ppa/test_clock.py` by numerical optimisation).

Accuracy: Ara2 is published at 1.35 GHz with a path of 40 FO4; `tests/ppa/test_clock.py` has the figure this model gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import numpy as np

from workbench.netlist.netlist import Floorplan, ObjectKind
from workbench.place.cost_model import TURN
from workbench.ppa.technology import Technology

_PARASITIC = 1.0  # output capacitance of an inverter over its input capacitance (Weste and Harris, 4th ed., ch. 4.4)
_LN2 = log(2.0)
FLIP_FLOP_FO4 = 3.0
"""What `depth_fo4` in a netlist.toml counts for the flip-flop."""


@dataclass(frozen=True)
class Wires:
    """Lengths in a floorplan, µm: driver to farthest sink for delay, half-perimeter for energy.

    Attributes
    ----------
    longest_um: largest distance between a driver and one of its sinks (nets to ports left out).
    longest_net: its driver and farthest sink.
    mean_um: mean half-perimeter of the nets between macros, weighted by the nets' weights.
    total_um: weighted sum of all half-perimeters.
    """

    longest_um: float
    longest_net: tuple[str, str]
    mean_um: float
    total_um: float


def pin_positions(floorplan: Floorplan) -> tuple[np.ndarray, np.ndarray]:
    """Where every pin lies, µm: its owner's centre plus its turned offset (soft macros' pins are at the centre)."""
    netlist, owner = floorplan.netlist, floorplan.netlist.pin_object
    turn = TURN[floorplan.orientation[owner]]
    dx, dy = netlist.pin_x_um, netlist.pin_y_um
    soft = netlist.kind[owner] == ObjectKind.SOFT_MACRO
    x = floorplan.x_um[owner] + np.where(soft, 0.0, turn[:, 0] * dx + turn[:, 1] * dy)
    y = floorplan.y_um[owner] + np.where(soft, 0.0, turn[:, 2] * dx + turn[:, 3] * dy)
    return x, y


def measure_wires(floorplan: Floorplan) -> Wires:
    """Wire lengths of a placed netlist."""
    netlist = floorplan.netlist
    x, y = pin_positions(floorplan)
    is_port = netlist.kind == ObjectKind.PORT
    longest, ends, mean, weights, total = 0.0, ("", ""), 0.0, 0.0, 0.0
    for net in range(netlist.nets):
        pins = netlist.net_pin[netlist.net_start[net] : netlist.net_start[net + 1]]
        half_perimeter = float(np.ptp(x[pins]) + np.ptp(y[pins])) if len(pins) else 0.0
        total += float(netlist.net_weight[net]) * half_perimeter
        inner = pins[~is_port[netlist.pin_object[pins]]]
        if len(inner) < 2 or inner[0] != pins[0]:
            continue
        mean += float(netlist.net_weight[net]) * half_perimeter
        weights += float(netlist.net_weight[net])
        distance = np.abs(x[inner] - x[inner[0]]) + np.abs(y[inner] - y[inner[0]])
        far = int(np.argmax(distance))
        if distance[far] > longest:
            longest = float(distance[far])
            ends = tuple(netlist.object_names[netlist.pin_object[pin]] for pin in (inner[0], inner[far]))  # type: ignore[assignment]
    return Wires(longest, ends, mean / weights if weights else 0.0, total)


def wire_delay_ps(length_um: float, technology: Technology) -> float:
    """Delay of a wire of that length: driven by one FO4-sized inverter, or repeated where that is faster.

    Repeated: sqrt(ln 2) (2 + sqrt(2 (1 + p))) / sqrt(4 + p) x sqrt(FO4 R C) per length. Unrepeated: 0.38 R C length².
    """
    rc_ps = technology.wire.resistance_ohm_per_um * technology.wire.capacitance_ff_per_um * 1e-3
    repeated = repeated_wire_ps_per_um(technology.logic.fo4_ps, rc_ps) * length_um
    return min(repeated, 0.38 * rc_ps * length_um**2 + technology.logic.fo4_ps)


def repeated_wire_ps_per_um(fo4_ps: float, rc_ps_per_um2: float) -> float:
    """Delay per µm of an optimally repeated wire with that product of resistance and capacitance per µm."""
    return sqrt(_LN2) * (2 + sqrt(2 * (1 + _PARASITIC))) / sqrt(4 + _PARASITIC) * sqrt(fo4_ps * rc_ps_per_um2)


def cycle_ps(logic_depth_fo4: float, wire_um: float, technology: Technology) -> float:
    """Shortest cycle of a register-to-register path of that depth (3 FO4 of it for the flip-flop) and wire."""
    logic = technology.logic
    gates_ps = max(logic_depth_fo4 - FLIP_FLOP_FO4, 0.0) * logic.fo4_ps
    path = logic.flip_flop_ps + gates_ps + wire_delay_ps(wire_um, technology)
    return path / (1 - logic.clock_uncertainty)


def core_limit_mhz(technology: Technology) -> float:
    """Highest clock of a core in a technology."""
    return 1e6 / (technology.logic.core_cycle_fo4 * technology.logic.fo4_ps)
