"""Floorplanning in a tight outline: annealing of a sequence pair whose blocks float in their white space.

For canvases that the hard macros nearly fill, where moves that keep every step free of overlap find no room. Only the
wirelength is searched for, exactly; quarter turns are tried where the netlist allows them (`Netlist.may_rotate`), mirror
images everywhere. Rounds of annealing from scratch follow each other, the best that fits is kept. Soft macros stand still
where a sketch has them while the hard ones are searched for, and are placed anew around the result.

Not for netlists with fixed macros or blockages, which a sequence pair cannot go around, nor for macros on the grid.

Source: see `sequence_pair` and `sequence_pair_annealing`; settings: model: ours, tuned in benchmarks/floorplan_gsrc.py.
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field

import numpy as np

from workbench.base.errors import InputError
from workbench.base.progress import Progress
from workbench.base.rng import make_rng
from workbench.netlist.design import Design
from workbench.netlist.netlist import Floorplan, ObjectKind
from workbench.place.agents.base import PlacementOptions, PlacementResult, Search, known_settings, read_params
from workbench.place.cost_model import make_model
from workbench.place.environment_soft_macros import place_soft_macros
from workbench.place.sequence_pair import copy_packing, wire_of
from workbench.place.sequence_pair_annealing import RUN_DTYPE, anneal
from workbench.place.sequence_pair_model import floorplan_of, lay_out, make_blocks, make_packing
from workbench.place.start import sketch, starting_floorplan

SLICE_SECONDS = 0.25
"""Length of one call of the kernel, so that progress, the clock and Ctrl-C are looked at often."""
SLICE_TRIALS = 20000
"""Length of one call when the amount of work is fixed."""
RETURN_FROM = 0.4
"""Share of a round after which a state that does not fit gives way to the best that does, slice by slice (model: ours)."""
PRESSURE = 3.0
"""While nothing has fitted, penalty and first temperature rise by this factor from round to round (model: ours)."""


@dataclass(frozen=True)
class SequencePairSettings:
    """Settings. Temperatures are in units of the first wirelength divided by the number of blocks.

    Attributes
    ----------
    hot, cold: temperature at the start and at the end of a round; in between it falls geometrically.
    hotter, bolder: factors on `hot` and `random_share` in every second round; netlists of few blocks, which hardly fit,
        need it.
    wide, narrow: spread around the wished place of a moved block at the start and at the end, share of the outline.
    penalty, last_penalty: for each µm beyond the outline, in units of the first wirelength divided by the outline's width,
        at the start and at the end of a round.
    round_trials: trials of one round per block; a shorter time is one round.
    slide_share, turn_share, swap_share, random_share: shares of the kinds of moves; the rest are insertions.
    """

    hot: float = 0.3
    hotter: float = 7.0
    bolder: float = 2.5
    cold: float = 6e-4
    wide: float = 0.5
    narrow: float = 0.01
    penalty: float = 3.0
    last_penalty: float = 6.0
    round_trials: float = 30000.0
    slide_share: float = 0.3
    turn_share: float = 0.1
    swap_share: float = 0.2
    random_share: float = 0.2


class SequencePairAgent:
    """Anneals in rounds for a given time, or for a given number of trial moves (then it is deterministic)."""

    def place(
        self, design: Design, *, seconds: float, seed: int, progress: Progress, options: PlacementOptions
    ) -> PlacementResult:
        """Place a design; see `Agent`."""
        settings = SequencePairSettings(**read_params(options.params, known_settings(SequencePairSettings())))
        _check(design, settings, options)
        rounds = _Rounds(design, settings, make_rng(seed), options)
        return rounds.run(seconds, options.steps, progress)


def _check(design: Design, settings: SequencePairSettings, options: PlacementOptions) -> None:
    netlist = design.netlist
    hard = netlist.indices(ObjectKind.MACRO)
    if not len(hard):
        raise InputError(design.name, "no hard macro", "one or more for sequence_pair", "use another agent")
    if netlist.is_fixed[hard].any() or len(design.canvas.blockages):
        raise InputError(
            design.name, "fixed macros or blockages", "none for sequence_pair, which cannot go around them",
            "use another agent",
        )  # fmt: skip
    if options.on_grid:
        raise InputError("--grid", "sequence_pair", "an agent that keeps to the grid", "use --no-grid")
    if not (0 < settings.cold <= settings.hot and settings.hotter >= 1 and 0 < settings.penalty <= settings.last_penalty):
        raise InputError(
            "--param", "temperatures that do not fall or penalties that do", "hot >= cold > 0 < penalty <= last_penalty",
            "correct them",
        )  # fmt: skip


@dataclass
class _Rounds:
    """The arrays of the search, and the best floorplan so far."""

    design: Design
    settings: SequencePairSettings
    rng: np.random.Generator
    options: PlacementOptions
    offered: float = field(default=np.inf)
    trials: int = 0
    rounds_begun: int = 0
    pressure: float = 1.0

    def __post_init__(self) -> None:
        netlist, canvas = self.design.netlist, self.design.canvas
        self.base = self.options.init or sketch(netlist, canvas, self.rng)
        self.has_soft = bool((netlist.kind == ObjectKind.SOFT_MACRO).any())
        self.model = make_model(netlist, canvas)
        self.blocks = make_blocks(self.base, self.model)
        self.packing, self.kept, self.best = (make_packing(self.blocks) for _ in range(3))
        self.wish = np.zeros_like(self.packing.low)
        self.record = np.zeros(1, RUN_DTYPE)
        self.record["width"], self.record["height"], self.record["may_rotate"] = (
            canvas.width_um, canvas.height_um, netlist.may_rotate,
        )  # fmt: skip
        for name in ("slide_share", "turn_share", "swap_share"):
            self.record[name] = getattr(self.settings, name)
        self.record["best_wire"] = np.inf
        self._begin_round()
        anneal(self.blocks, self.packing, self.kept, self.best, self.wish, self.record, self.rng, 0)  # compiles
        self.search = Search(self.model)

    def _begin_round(self) -> None:
        """Lay the blocks out as in the first floorplan again; what was found before stays in `best`."""
        has_found = not np.isinf(self.record["best_wire"][0])
        self.pressure = 1.0 if has_found or not self.rounds_begun else self.pressure * PRESSURE
        self.rounds_begun += 1
        record = self.record
        record["excess"] = lay_out(self.blocks, self.packing, self.base)
        record["wire"] = wire_of(self.blocks, self.packing, self.packing.low)
        self.unit = float(record["wire"][0]) / len(self.blocks.width)
        self.price = float(record["wire"][0]) / self.design.canvas.width_um
        self._set_schedule(0.0, 0.0, 1)

    def _set_schedule(self, begin: float, end: float, trials: int) -> None:
        """Temperature, window and penalty for the part of a round from `begin` to `end` (0 to 1)."""
        settings, record, share = self.settings, self.record, (end - begin) / trials
        is_bold = self.rounds_begun % 2 == 0
        hot = settings.hot * self.pressure * (settings.hotter if is_bold else 1.0)
        record["random_share"] = settings.random_share * (settings.bolder if is_bold else 1.0)
        record["temperature"] = self.unit * hot * (settings.cold / hot) ** begin
        record["cooling"] = (settings.cold / hot) ** share
        record["window"] = settings.wide * (settings.narrow / settings.wide) ** begin
        record["narrowing"] = (settings.narrow / settings.wide) ** share
        record["penalty"] = (
            self.price * self.pressure * settings.penalty * (settings.last_penalty / settings.penalty) ** begin
        )
        record["hardening"] = (settings.last_penalty / settings.penalty) ** share

    def run(self, seconds: float, steps: int | None, progress: Progress) -> PlacementResult:
        """Rounds until the time is over or the trials are made."""
        if self.options.init is not None:
            self._offer(self.options.init)
        try:
            self._anneal(seconds, steps, progress)
            is_interrupted = False
        except KeyboardInterrupt:
            is_interrupted = True
        self._offer_best()
        if self.search.best is None:  # nothing fitted: take a plain legal start if there is one
            netlist, canvas = self.design.netlist, self.design.canvas
            self._offer(starting_floorplan(netlist, canvas, self.rng, self.options.init, False))
        result = self.search.result(is_interrupted, self.design.name)
        return dataclasses.replace(result, evaluations=self.trials, notes=self._notes())

    def _anneal(self, seconds: float, steps: int | None, progress: Progress) -> None:
        """Slices of annealing; the schedule of each is set from the share of the work that is done when it begins."""
        share, current, rate = 0.0, 0, self._measure_speed() if steps is None else 0.0
        seconds = max(seconds, SLICE_SECONDS)  # a slice is the least
        total = rate * seconds if steps is None else float(steps)
        rounds = max(1, round(total / (self.settings.round_trials * len(self.blocks.width))))
        while share < 1:
            if int(share * rounds) > current:
                current = int(share * rounds)
                self._offer_best()
                self._begin_round()
            slice_trials = max(200, int(rate * SLICE_SECONDS)) if steps is None else min(SLICE_TRIALS, steps - self.trials)
            ahead = SLICE_SECONDS / seconds if steps is None else slice_trials / steps
            place = share * rounds - current
            if place > RETURN_FROM and self.record["excess"][0] > 0 and not np.isinf(self.record["best_wire"][0]):
                copy_packing(self.best, self.packing)
                self.record["wire"], self.record["excess"] = self.record["best_wire"], 0.0
            self._set_schedule(place, min(1.0, place + ahead * rounds), slice_trials)
            rate = self._slice(slice_trials)
            share = self.search.seconds / seconds if steps is None else self.trials / steps
            if not self.has_soft:
                self._offer_best()
            best = f"wire {self.search.costs.wirelength_um:,.0f} µm, " if self.search.costs else ""
            progress.update(min(1.0, share) * (progress.total or 1), f"{best}{self.trials:,} trials")

    def _measure_speed(self) -> float:
        """Trials a second, from a short slice at the first temperature."""
        return self._slice(1000)

    def _slice(self, trials: int) -> float:
        """Make trials; returns how many a second."""
        began = time.monotonic()
        anneal(self.blocks, self.packing, self.kept, self.best, self.wish, self.record, self.rng, trials)
        self.trials += trials
        return trials / max(1e-6, time.monotonic() - began)

    def _offer_best(self) -> None:
        """Offer the best packing if it is new."""
        wire = float(self.record["best_wire"][0])
        if wire < self.offered:
            self.offered = wire
            self._offer(floorplan_of(self.best, self.base))

    def _offer(self, floorplan: Floorplan) -> None:
        if self.has_soft:
            floorplan = place_soft_macros(floorplan)
        self.search.evaluations = self.trials
        self.search.offer(floorplan)

    def _notes(self) -> tuple[str, ...]:
        canvas, netlist = self.design.canvas, self.design.netlist
        hard = netlist.indices(ObjectKind.MACRO)
        white = canvas.width_um * canvas.height_um / float(netlist.width_um[hard] @ netlist.height_um[hard]) - 1
        turned = "quarter turns tried" if netlist.may_rotate else "no quarter turns"
        return (f"White space {white:.1%} of the hard macros' area; {turned}; only wirelength was searched for.",)
