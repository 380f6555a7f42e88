"""`Technology`: one TOML per node with every constant that area, clock and energy are computed from, each with its source.

The constants come from open cell libraries at their typical corner (NanGate45, ASAP7), so absolute figures are those of
research libraries, not of a foundry; ratios between designs in one technology are what they are good for.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from workbench.base.config import SourcedModel, StrictModel, read_toml
from workbench.base.errors import InputError

_FOLDER = Path(__file__).parent / "technologies"


class Logic(StrictModel):
    """Standard-cell logic.

    Attributes
    ----------
    fo4_ps: delay of an inverter that drives four of its kind.
    flip_flop_ps: clock-to-output and setup time together.
    clock_uncertainty: share of the cycle lost to skew, jitter and margin.
    core_cycle_fo4: cycle of an aggressively pipelined core, flip-flops included; bounds the clock of every core.
    utilization: cell area over row area.
    leakage_nw_per_um2: of cell area.
    clock_pin_fj: energy of one flip-flop's clock per cycle with its share of the local tree.
    clock_gated_share: share of flip-flops whose clock is off in an average cycle.
    """

    fo4_ps: float
    flip_flop_ps: float
    clock_uncertainty: float
    core_cycle_fo4: float
    utilization: float
    leakage_nw_per_um2: float
    clock_pin_fj: float
    clock_gated_share: float


class Wire(StrictModel):
    """An intermediate-layer signal wire; `toggle_rate` is the share of moved bits that change the wire."""

    resistance_ohm_per_um: float
    capacitance_ff_per_um: float
    toggle_rate: float


class Sram(StrictModel):
    """Single-port SRAM: area is `macro_overhead_um2` for every started `macro_bits`, and `bit_area_um2` a bit."""

    bit_area_um2: float
    macro_overhead_um2: float
    macro_bits: int
    leakage_nw_per_bit: float


class Dram(StrictModel):
    """Main memory behind the controller."""

    energy_pj_per_bit: float


class Technology(SourcedModel):
    """A process node with its cell library; `name` is also the name of its cell areas in `netlist/cells.toml`."""

    name: str
    node_nm: int
    voltage_v: float
    logic: Logic
    wire: Wire
    sram: Sram
    dram: Dram


class Operations(SourcedModel):
    """Energy of one operation at a reference node; 32-bit operands unless the name says otherwise."""

    node_nm: int
    voltage_v: float
    int_add_32_pj: float
    int_multiply_32_pj: float
    fp_add_32_pj: float
    fp_multiply_32_pj: float
    fp_divide_32_pj: float
    sram_8_kib_64_bit_pj: float


def technology_names() -> list[str]:
    """Names of the technologies that come with the product."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def load_technology(name_or_path: str | Path) -> Technology:
    """The technology of that name (in any case) or in that TOML file.

    Raises
    ------
    InputError: there is none of that name, or the file is not a complete technology.
    """
    name = str(name_or_path)
    if name.lower() in technology_names():
        return _shipped(name.lower())
    if name.endswith(".toml"):
        return read_toml(name, Technology)
    raise InputError(
        "technology", repr(name), f"one of {', '.join(technology_names())}", "see `workbench list technologies`"
    )


@cache
def _shipped(name: str) -> Technology:
    return read_toml(_FOLDER / f"{name}.toml", Technology)


@cache
def operations() -> Operations:
    """Energies per operation at 45 nm, 0.9 V."""
    return read_toml(Path(__file__).parent / "operations.toml", Operations)
