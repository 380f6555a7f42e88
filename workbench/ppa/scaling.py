"""Scaling of area, delay and energy between nodes.

Source: A. Stillmaker and B. Baas, "Scaling equations for the accurate prediction of CMOS device performance from 180 nm to
7 nm", Integration 58 (2017) 74-81: area ratios (table) and polynomials in the supply voltage (tables of coefficients),
high-performance devices. Their errata's worked example is a unit test. Nodes between two rows are interpolated (ours).
"""

from __future__ import annotations

from typing import Literal

_AREA = {  # node in nm: area of a 45 nm design there, relative to 45 nm
    180: 19.0, 130: 6.4, 90: 2.8, 65: 1.5, 45: 1.0, 32: 0.46, 20: 0.21, 16: 0.19, 14: 0.17, 10: 0.1, 7: 0.059,
}  # fmt: skip

_DELAY = {  # (a3, a2, a1, a0): picoseconds at V volts
    90: (-60.34, 262.5, -384.2, 210.9),
    65: (-53.3, 230.4, -333.9, 178.6),
    45: (-501.6, 1567.0, -1619.0, 566.1),
    32: (-1047.0, 2982.0, -2797.0, 873.5),
    20: (0.0, 34.63, -66.37, 41.15),
    16: (0.0, 24.8, -47.52, 28.87),
    14: (-40.66, 109.2, -100.6, 35.92),
    10: (-34.95, 93.65, -85.99, 30.4),
    7: (-28.58, 76.6, -70.26, 24.69),
}

_ENERGY = {  # (b2, b1, b0): relative energy at V volts
    90: (4.762, -4.781, 2.092),
    65: (3.755, -4.398, 1.975),
    45: (1.018, -0.3107, 0.1539),
    32: (0.8367, -0.4341, 0.1701),
    20: (0.373, -0.1582, 0.04104),
    16: (0.2958, -0.1241, 0.03024),
    14: (0.2363, -0.09675, 0.02239),
    10: (0.2068, -0.09311, 0.02375),
    7: (0.1776, -0.09097, 0.02447),
}


def _polynomial(coefficients: tuple[float, ...], voltage_v: float) -> float:
    value = 0.0
    for coefficient in coefficients:
        value = value * voltage_v + coefficient
    return value


def _at_node(values: dict[int, float], node_nm: float) -> float:
    """Linear in the node between the two nearest rows; the nearest row outside the table."""
    if node_nm in values:
        return values[int(node_nm)]
    above = min((n for n in values if n > node_nm), default=max(values))
    below = max((n for n in values if n < node_nm), default=min(values))
    if above == below:
        return values[above]
    share = (node_nm - below) / (above - below)
    return values[below] * (1 - share) + values[above] * share


def energy_factor(node_nm: float, voltage_v: float) -> float:
    """Relative energy of a switching event at a node and voltage; only ratios of two such factors mean anything."""
    return _at_node({node: _polynomial(c, voltage_v) for node, c in _ENERGY.items()}, node_nm)


def delay_factor(node_nm: float, voltage_v: float) -> float:
    """Relative delay of a gate at a node and voltage."""
    return _at_node({node: _polynomial(c, voltage_v) for node, c in _DELAY.items()}, node_nm)


def area_factor(node_nm: float) -> float:
    """Area of a design at a node relative to 45 nm."""
    return _at_node(_AREA, node_nm)


def scale(
    kind: Literal["area", "delay", "energy"], value: float, source: tuple[float, float], destination: tuple[float, float]
) -> float:
    """A quantity known at `source` (node in nm, volts) as it would be at `destination`."""
    if kind == "area":
        return value * area_factor(destination[0]) / area_factor(source[0])
    factor = delay_factor if kind == "delay" else energy_factor
    return value * factor(*destination) / factor(*source)
