"""Holds our LEF/DEF reader against KLayout's: outlines of all components and places of all their signal pins.

    pip install klayout
    python benchmarks/check_def_with_klayout.py DESIGN.def

KLayout is not a dependency (107 MB installed), so this is a command and no test. Pins are compared as sets of places in
database units: ours are the middles of the boxes around a pin's first port, KLayout's of each pin shape; so use LEF files
with one rectangle a pin (fakeram45 has them).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from workbench.netlist.netlist import ORIENTATIONS
from workbench.netlist.readers.def_entries import parse_def
from workbench.netlist.readers.lef import LefLibrary, parse_lef
from workbench.netlist.readers.lefdef import load_def_design
from workbench.netlist.readers.lefdef_files import lef_files
from workbench.place.cost_model import TURN


def klayout_view(path: Path, units: int) -> tuple[list, dict]:
    """Outlines (macro, box) and pin places by macro of all components, in database units."""
    import klayout.db as kdb

    options = kdb.LoadLayoutOptions()
    config = options.lefdef_config
    config.dbu, config.read_lef_with_def = 1 / units, False
    config.lef_files = [str(file.resolve()) for file in lef_files(path).lef]
    config.macro_resolution_mode = 1  # take the LEF's geometry also where it names a FOREIGN cell
    config.produce_cell_outlines, config.cell_outline_layer = True, "OUTLINE"
    layout = kdb.Layout()
    layout.read(str(path.resolve()), options)
    outlines, pins = list[tuple](), dict[str, set]()
    for instance in layout.top_cell().each_inst():
        for index in layout.layer_indexes():
            name = layout.get_info(index).name
            for shape in instance.cell.shapes(index).each():
                if name == "OUTLINE":
                    box = shape.bbox().transformed(instance.trans)
                    outlines.append((instance.cell.name, box.left, box.bottom, box.right, box.top))
                elif name.endswith(".PIN") and shape.is_box():
                    box = shape.bbox().transformed(instance.trans)
                    pins.setdefault(instance.cell.name, set()).add((box.left + box.right, box.bottom + box.top))
    return sorted(outlines), pins


def our_view(path: Path) -> tuple[list, dict]:
    """The same from the netlist that our reader makes."""
    file = parse_def(path.read_text(), str(path))
    library = LefLibrary()
    for lef in lef_files(path).lef:
        parse_lef(lef.read_text(), str(lef), library)
    netlist = load_def_design(path).netlist
    left, bottom = file.die[:2]
    macro_of = {component.name: component.macro for component in file.components}
    outlines, pins = list[tuple](), dict[str, set]()
    for i, name in enumerate(netlist.object_names):
        if name not in macro_of or netlist.kind[i] == 2:
            continue
        macro = library.macros[macro_of[name]]
        turned = ORIENTATIONS[netlist.orientation[i]][-1] in "EW"
        size = np.array([netlist.width_um[i], netlist.height_um[i]])[:: -1 if turned else 1] * file.units
        pins.setdefault(macro.name, set())
        centre = np.array([netlist.x_um[i], netlist.y_um[i]]) * file.units + (left, bottom)
        low, high = np.rint(centre - size / 2).astype(int), np.rint(centre + size / 2).astype(int)
        outlines.append((macro.name, *low.tolist(), *high.tolist()))
        a, b, c, d = TURN[netlist.orientation[i]]
        for pin in macro.pins.values():
            x, y = pin.x_um - macro.width_um / 2, pin.y_um - macro.height_um / 2
            place = 2 * (centre + np.array([a * x + b * y, c * x + d * y]) * file.units)
            pins[macro.name].add(tuple(np.rint(place).astype(int).tolist()))
    return sorted(outlines), pins


def main(path: Path) -> int:
    """Print what agrees; 1 if anything differs."""
    ours, our_pins = our_view(path)
    units = parse_def(path.read_text(), str(path)).units
    theirs, their_pins = klayout_view(path, units)
    theirs = [outline for outline in theirs if outline[0] in our_pins]  # without the fillers that we leave out
    print(f"{len(ours)} outlines, KLayout {len(theirs)}: {'equal' if ours == theirs else 'different'}")
    same = True
    for name in our_pins:
        missing = our_pins[name] - their_pins.get(name, set())
        same &= not missing
        print(f"{name}: {len(our_pins[name])} places of pins, {len(missing)} not among KLayout's")
    return 0 if same and ours == theirs else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
