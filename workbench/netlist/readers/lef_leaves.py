"""Sizes of the leaves of RTL and gate-level designs from LEF files lying beside them."""

from __future__ import annotations

from pathlib import Path

from workbench.base.files import read_text
from workbench.base.limits import DEFAULT_LIMITS, Limits
from workbench.netlist.readers.lef import LefLibrary, LefMacro, parse_lef
from workbench.netlist.readers.lefdef_files import lef_beside
from workbench.netlist.readers.verilog_config import Leaf, MacroCell, VerilogConfig

_OUTPUTS = ("OUTPUT", "INOUT")


def with_lef_leaves(config: VerilogConfig, path: Path, limits: Limits = DEFAULT_LIMITS) -> VerilogConfig:
    """The configuration with the macros (CLASS BLOCK) and cells of LEF files beside `path`; what it names itself stays."""
    files = lef_beside(path)
    if not files:
        return config
    library = LefLibrary()
    for file in files:
        parse_lef(read_text(file, limits), str(file), library, limits)
    known = {*config.leaves, *config.macros}
    macros = {n: _macro(m) for n, m in library.macros.items() if m.kind.startswith("BLOCK") and n not in known}
    leaves = {n: _leaf(m) for n, m in library.macros.items() if not m.kind.startswith("BLOCK") and n not in known}
    return config.model_copy(update={"macros": config.macros | macros, "leaves": config.leaves | leaves})


def config_from_lef(path: Path, limits: Limits = DEFAULT_LIMITS) -> VerilogConfig | None:
    """A configuration for a file without a `netlist.toml`; None without LEF files beside it."""
    if not lef_beside(path):
        return None
    sources = {"leaves": "LEF", "macros": "LEF", "routes": "default", "target_utilization": "default"}
    bare = VerilogConfig(name=path.name.split(".")[0], top="top", files=[path.name], sources=sources)
    return with_lef_leaves(bare, path, limits)


def _outputs(macro: LefMacro) -> list[str]:
    """Names of output buses: ``q[3]`` is a bit of q."""
    found = {pin.name.split("[")[0]: None for pin in macro.pins.values() if pin.direction.split()[0] in _OUTPUTS}
    return list(found)


def _macro(macro: LefMacro) -> MacroCell:
    return MacroCell(width_um=macro.width_um, height_um=macro.height_um, outputs=_outputs(macro))


def _leaf(macro: LefMacro) -> Leaf:
    return Leaf(area_um2=macro.width_um * macro.height_um, outputs=_outputs(macro))
