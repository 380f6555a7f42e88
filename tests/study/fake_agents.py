"""Two quick agents with known results, for the tests of the comparison; to import this file enters them in the table.

`steady` shifts the soft macros of the design's own placement by a tenth of a micrometre a seed; `wavering` fails on seed 1,
puts a macro outside on seed 2, and otherwise does what `steady` does three seeds further.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import time
from pathlib import Path

from workbench.base.errors import InputError
from workbench.netlist.netlist import ObjectKind
from workbench.place.agents.base import AGENTS, PlacementResult, as_written
from workbench.place.cost import evaluate
from workbench.study import pool
from workbench.study.agent_comparison.plan import ComparisonPlan, Conditions, design_key
from workbench.study.agent_comparison.run import run_comparison


class Steady:
    lead = 0

    def place(self, design, *, seconds, seed, progress, options):
        floorplan = design.floorplan
        soft = floorplan.netlist.kind == ObjectKind.SOFT_MACRO
        placed = as_written(dataclasses.replace(floorplan, x_um=floorplan.x_um + soft * 0.1 * (seed + self.lead)))
        costs, interrupted = evaluate(placed), False
        try:
            for step in range(options.steps or 1):
                progress.update(step / (options.steps or 1), f"cost {costs.proxy:.4f}")
                time.sleep(options.params.get("nap", 0.0))
        except KeyboardInterrupt:
            interrupted = True
        history = ((0.0, 1, costs.proxy + 0.5), (0.5, 10, costs.proxy + 0.1), (1.0, 20, costs.proxy))
        return PlacementResult(placed, costs, history, 20, 2.0, interrupted)


class Wavering(Steady):
    lead = 3

    def place(self, design, *, seconds, seed, progress, options):
        if seed == 1 and seconds > 0:
            raise InputError("wavering", "seed 1", "another", "choose another")
        found = super().place(design, seconds=seconds, seed=seed, progress=progress, options=options)
        if seed != 2:
            return found
        x = found.floorplan.x_um.copy()
        x[design.netlist.indices(ObjectKind.MACRO)[0]] = -1e3
        beyond = dataclasses.replace(found.floorplan, x_um=x)
        return dataclasses.replace(found, floorplan=beyond, costs=evaluate(beyond))


AGENTS.update(steady=f"{__name__}:Steady", wavering=f"{__name__}:Wavering")
if __name__ not in pool._PRELOAD:
    pool._PRELOAD.append(__name__)


def small_design():
    """Six hard and six soft macros with their placement."""
    spec = importlib.util.spec_from_file_location("make_store", Path(__file__).with_name("make_store.py"))
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    return maker.small_design(6)


def small_plan(agents=("steady", "wavering"), seeds=(0, 1, 2, 3), **conditions):
    """A plan for the small design."""
    asked = Conditions(**({"seconds": 1.0, "steps": 1} | conditions))
    return ComparisonPlan(tuple(agents), ("small",), (design_key(small_design()),), tuple(seeds), asked, agents[0])


def compare(folder, plan, **options):
    """Run a plan on the small design."""
    return run_comparison(plan, {"small": small_design()}, Path(folder), **options)
