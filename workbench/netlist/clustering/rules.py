"""What both ways of clustering share: nets that are cut, how full a soft macro is, connections and weights of pairs.

Source: cost-and-environment §6.
"""

from __future__ import annotations

import numpy as np

from workbench.netlist.netlist import Netlist

LARGEST_FANOUT = 500
"""Nets with more sinks (clocks, resets) say nothing about what belongs together: they are cut."""
SOFT_UTILIZATION = 0.5
"""Share of a soft macro that its cells fill."""


def sink_pins(netlist: Netlist) -> tuple[np.ndarray, np.ndarray]:
    """Net and pin of every sink, cut nets left out; two arrays of a length."""
    pins = np.diff(netlist.net_start)
    net = np.repeat(np.arange(netlist.nets), pins)
    kept = pins[net] - 1 <= LARGEST_FANOUT
    kept[netlist.net_start[:-1]] = False
    return net[kept], netlist.net_pin[kept]


def connections(netlist: Netlist) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Driver object, sink object and net of every driver-to-sink connection, cut nets left out; three arrays of a length."""
    net, sink = sink_pins(netlist)
    driver = netlist.net_pin[netlist.net_start[net]]
    return netlist.pin_object[driver], netlist.pin_object[sink], net


def pair_weights(first: np.ndarray, second: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The distinct pairs (first, second), ascending, and the summed weight of each; all arrays of a length."""
    pairs, place = np.unique(np.stack([first, second], axis=1), axis=0, return_inverse=True)
    return pairs[:, 0], pairs[:, 1], np.bincount(place.reshape(-1), weight, len(pairs))
