"""One full evaluation by the public Python evaluator of MacroPlacement, timed; a script of its own for a process of its own.

    python benchmarks/placement_public_evaluator.py FOLDER NETLIST.pb.txt PLACEMENT.plc CANVAS_JSON

FOLDER holds `plc_client_os.py` (github.com/TILOS-AI-Institute/MacroPlacement, CodeElements/Plc_client); nothing of it is
part of this project. CANVAS_JSON: width, height, columns, rows, routes [h, v], macro_routes [h, v], smooth_range. Prints
JSON: seconds, wirelength, density, congestion. Two things are added from outside so that it runs at all: a stand-in for the
`absl` package that it imports for logging, and ports on the canvas edge are clamped to the grid (it fails on them).
"""

from __future__ import annotations

import json
import logging
import sys
import time
import types


def main() -> None:
    """Evaluate and print."""
    folder, netlist, placement, canvas = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
    absl = types.ModuleType("absl")
    absl.logging = logging  # type: ignore[attr-defined]
    sys.modules["absl"] = absl
    sys.path.insert(0, folder)
    from plc_client_os import PlacementCost  # type: ignore[import-not-found]

    within = PlacementCost._PlacementCost__get_grid_cell_location

    def clamped(self, x, y):  # type: ignore[no-untyped-def]
        row, column = within(self, x, y)
        return min(max(row, 0), self.grid_row - 1), min(max(column, 0), self.grid_col - 1)

    PlacementCost._PlacementCost__get_grid_cell_location = clamped
    cost = PlacementCost(netlist)
    cost.set_canvas_size(canvas["width"], canvas["height"])
    cost.set_placement_grid(canvas["columns"], canvas["rows"])
    cost.set_routes_per_micron(*canvas["routes"])
    cost.set_macro_routing_allocation(*canvas["macro_routes"])
    cost.set_congestion_smooth_range(canvas["smooth_range"])
    cost.set_canvas_boundary_check(False)
    cost.restore_placement(placement, ifReadComment=False)
    began = time.perf_counter()
    parts = cost.get_cost(), cost.get_density_cost(), cost.get_congestion_cost()
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, **dict(zip(("wirelength", "density", "congestion"), parts, strict=True))}))


if __name__ == "__main__":
    main()
