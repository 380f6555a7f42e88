"""`Technology`: one TOML per node with every constant that area, clock and energy are computed from, each with its source.

The constants come from open cell libraries at their typical corner (NanGate45, ASAP7), so absolute figures are those of
research libraries, not of a foundry; ratios between designs in one technology are what they are good for.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field

from workbench.base.config import SourcedModel, StrictModel, read_toml
from workbench.base.errors import InputError

_FOLDER = Path(__file__).parent / "technologies"

Positive = Annotated[float, Field(gt=0, le=1e6)]
NotNegative = Annotated[float, Field(ge=0, le=1e6)]
Share = Annotated[float, Field(ge=0, lt=1)]


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

    fo4_ps: Positive
    flip_flop_ps: NotNegative
    clock_uncertainty: Share
    core_cycle_fo4: Positive
    utilization: Annotated[float, Field(gt=0, le=1)]
    leakage_nw_per_um2: NotNegative
    clock_pin_fj: NotNegative
    clock_gated_share: Share


class Wire(StrictModel):
    """An intermediate-layer signal wire; `toggle_rate` is the share of moved bits that change the wire."""

    resistance_ohm_per_um: Positive
    capacitance_ff_per_um: Positive
    toggle_rate: Annotated[float, Field(ge=0, le=1)]


class Sram(StrictModel):
    """Single-port SRAM: area is `macro_overhead_um2` for every started `macro_bits`, and `bit_area_um2` a bit."""

    bit_area_um2: Positive
    macro_overhead_um2: NotNegative
    macro_bits: Annotated[int, Field(ge=1)]
    leakage_nw_per_bit: NotNegative


class Dram(StrictModel):
    """Main memory behind the controller."""

    energy_pj_per_bit: Positive


class Technology(SourcedModel):
    """A process node with its cell library; `name` is also the name of its cell areas in `netlist/cells.toml`."""

    name: str
    node_nm: Annotated[int, Field(ge=1, le=1000)]
    voltage_v: Positive
    logic: Logic
    wire: Wire
    sram: Sram
    dram: Dram


class Operations(SourcedModel):
    """Energy of one operation at a reference node; 32-bit operands unless the name says otherwise."""

    node_nm: Annotated[int, Field(ge=1, le=1000)]
    voltage_v: Positive
    int_add_32_pj: Positive
    int_multiply_32_pj: Positive
    int_add_8_pj: Positive
    int_multiply_8_pj: Positive
    fp_add_32_pj: Positive
    fp_multiply_32_pj: Positive
    fp_add_16_pj: Positive
    fp_multiply_16_pj: Positive
    fp_divide_32_pj: Positive
    sram_8_kib_64_bit_pj: Positive


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
