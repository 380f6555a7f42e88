"""Simulated annealing of hard and soft macros on the exact proxy cost: the baseline that the others are measured by."""

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
from workbench.place.agents.base import PlacementOptions, PlacementResult, as_written, known_settings, read_params
from workbench.place.annealing import ANNEALING_DTYPE, Movable, anneal
from workbench.place.annealing_moves import KINDS, SHIFT
from workbench.place.cost import cost_weights, evaluate
from workbench.place.cost_model import CostModel, CostState, make_model, make_state
from workbench.place.force_directed import PHASES, STEPS, make_soft_macros, place_by_force
from workbench.place.net_boxes import make_net_boxes
from workbench.place.obstacles import Obstacles, make_obstacles
from workbench.place.start import starting_floorplan
from workbench.place.trial_kernels import make_trial_memory

SLICE_SECONDS = 0.25
"""Length of one call of the kernel, so that progress, the clock and Ctrl-C are looked at often."""
SLICE_TRIALS = 5000
"""Length of one call when the amount of work is fixed."""
TYPICAL_MOVES = 2000
"""Trial moves per movable macro of a run of usual length (model: ours)."""
SLICES_AFRESH = 50
"""After so many calls everything is made afresh from the coordinates, so that rounding does not add up."""
FORCE_INTERVAL = 5
"""With `soft="fd"`: trial moves per hard macro between two placements of the soft macros (2 to 5 in §11)."""


@dataclass(frozen=True)
class AnnealingSettings:
    """Settings (model: ours, tuned with benchmarks/placement_quality.py).

    Temperatures are in units of the proxy cost and *times the number of movable macros*: the fewer there are, the more
    of the cost a single one carries.

    Attributes
    ----------
    hot, cold: temperature at the start of a run of `TYPICAL_MOVES` and at the end of any; in between it falls
        geometrically with the time used. Longer runs begin hotter, as they have the time to cool (`_suit`).
    warm: temperature at the start when a placement is given, which is not to be destroyed.
    hotter: exponent with which the temperature at the start grows with the length of a run.
    hottest: most by which it grows, and shrinks for short runs.
    wide, narrow: reach of shifts at the start and at the end, as shares of the canvas.
    hard_share: share of trial moves for hard macros.
    soft_..., hard_...: shares of the kinds of moves among those of soft and of hard macros; the rest are shifts.
    """

    hot: float = 0.15
    warm: float = 0.1
    cold: float = 1e-3
    hotter: float = 0.4
    hottest: float = 3.0
    wide: float = 0.3
    narrow: float = 0.005
    hard_share: float = 0.3
    soft_jump: float = 0.2
    soft_median: float = 0.1
    soft_swap: float = 0.02
    soft_relief: float = 0.1
    hard_jump: float = 0.15
    hard_median: float = 0.05
    hard_swap: float = 0.15
    hard_flip: float = 0.1
    hard_group: float = 0.0

    def shares(self) -> np.ndarray:
        """Shares of the kinds of moves, of soft macros [0] and of hard ones [1]."""
        given = known_settings(self)
        table = np.array([[given.get(f"{own}_{kind}", 0.0) for kind in KINDS] for own in ("soft", "hard")])
        table[:, SHIFT] = 1.0 - table.sum(axis=1)
        return table


class AnnealingAgent:
    """Anneals for a given time, or for a given number of trial moves (then it is deterministic)."""

    def place(
        self, design: Design, *, seconds: float, seed: int, progress: Progress, options: PlacementOptions
    ) -> PlacementResult:
        """Place a design; see `Agent`."""
        settings = AnnealingSettings(**read_params(options.params, known_settings(AnnealingSettings())))
        if settings.cold <= 0 or min(settings.hot, settings.warm) < settings.cold:
            raise InputError("--param", "temperatures that do not fall", "hot and warm >= cold > 0", "correct them")
        if settings.shares().min() < 0 or not 0 <= settings.hard_share <= 1:
            raise InputError("--param", "shares of moves below 0 or above 1 in all", "shares", "correct them")
        if settings.hottest < 1:
            raise InputError("--param", "hottest below 1", "hottest >= 1", "correct it")
        if not 0 < settings.narrow <= settings.wide <= 1:
            raise InputError("--param", "reaches of shifts out of range", "0 < narrow <= wide <= 1", "correct them")
        rng = make_rng(seed)
        start = starting_floorplan(design.netlist, design.canvas, rng, options.init, options.on_grid)
        heat = settings.hot if options.init is None else settings.warm
        run = Annealing(start, make_model(design.netlist, design.canvas), settings, rng, options.on_grid, heat, options.soft)
        if options.steps is not None:
            return run.by_trials(options.steps, progress)
        return run.by_time(seconds, progress)


@dataclass
class Annealing:
    """One annealing run: a start, settings, the temperature to begin with and the arrays that the kernel works on.

    A run may be made in parts, each between two shares of the cooling; the first one decides how hot it begins.
    """

    start: Floorplan
    model: CostModel
    settings: AnnealingSettings
    rng: np.random.Generator
    on_grid: bool
    heat: float
    soft: str = "free"
    began: float = 0.0
    by_count: bool = False
    history: list[tuple[float, int, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state: CostState = make_state(self.model, self.start)
        self.kept: CostState = make_state(self.model, self.start)
        self.memory = make_trial_memory(*cost_weights(self.start.canvas))
        self.boxes = make_net_boxes(self.model)
        self.movable = _movable(self.start)
        self.obstacles: Obstacles = make_obstacles(self.start)
        self.run = np.zeros(1, ANNEALING_DTYPE)
        settings, hard, soft = self.settings, len(self.movable.hard), len(self.movable.soft)
        self.run["hard_share"] = settings.hard_share if hard and soft and self.soft == "free" else float(hard > 0)
        if self.soft == "fd":
            self.by_force = make_soft_macros(self.start.netlist, self.model, self.start.orientation)
            place_by_force(self.model, self.state, self.by_force, PHASES, STEPS)
        self.run["shares"] = settings.shares()
        self.run["on_grid"] = self.on_grid
        self.run["best_cost"] = np.inf
        self.cold = settings.cold / max(1, hard + soft)
        self._suit(TYPICAL_MOVES * (hard + soft))
        self._begin_part()
        self._slice(0.0, 0.0, 0)  # compiles the kernel if need be: the clock starts afterwards
        self.history = [(0.0, 0, float(self.memory.totals["cost"][0]))]

    def _suit(self, trials: float) -> None:
        """Choose the temperature at the start for a run of so many trial moves."""
        movable = max(1, len(self.movable.hard) + len(self.movable.soft))
        longer = (max(trials, 1.0) / (TYPICAL_MOVES * movable)) ** self.settings.hotter
        most = self.settings.hottest
        self.hot = max(self.heat / movable * min(max(longer, 1 / most), most), self.cold)

    def by_trials(self, trials: int, progress: Progress, shares: tuple[float, float] = (0.0, 1.0)) -> PlacementResult:
        """Make a number of trial moves between two shares of the cooling; the same seed gives the same result."""
        done, interrupted, self.by_count = 0, False, True
        if self.run["trials"][0] == 0:
            self._suit(trials / max(shares[1] - shares[0], 1e-9))
        self._begin_part()
        try:
            while done < trials and self._can_move():
                length = min(self._longest_slice(), trials - done)
                self._slice(_between(shares, done / trials), _between(shares, (done + length) / trials), length)
                done += length
                progress.update(done / trials * (progress.total or 1), self._note())
        except KeyboardInterrupt:
            interrupted = True
        return self._result(interrupted)

    def by_time(self, seconds: float, progress: Progress, shares: tuple[float, float] = (0.0, 1.0)) -> PlacementResult:
        """Make as many trial moves as the time allows between two shares of the cooling."""
        rate, interrupted, suits = 20_000.0, False, self.run["trials"][0] == 0
        self._begin_part()
        try:
            while (elapsed := time.monotonic() - self.began) < seconds and self._can_move():
                length = min(SLICE_SECONDS, seconds - elapsed)
                trials = min(max(200, int(rate * length)), self._longest_slice())
                length = min(length, trials / rate)
                after = min(1.0, (elapsed + length) / seconds)
                self._slice(_between(shares, elapsed / seconds), _between(shares, after), trials)
                rate = trials / max(time.monotonic() - self.began - elapsed, 1e-6)
                if suits:
                    self._suit(self.run["trials"][0] / max(after * (shares[1] - shares[0]), 1e-9))
                progress.update(min(elapsed + length, seconds) / seconds * (progress.total or 1), self._note())
        except KeyboardInterrupt:
            interrupted = True
        return self._result(interrupted)

    def level(self, since: float) -> float:
        """Mean cost of the last part from a share of the cooling on, by which runs at the same temperature are compared."""
        costs = [cost for share, cost in self.levels if share >= since]
        return float(np.mean(costs)) if costs else float(self.memory.totals["cost"][0])

    def _begin_part(self) -> None:
        """Time and levels count from here."""
        self.levels: list[tuple[float, float]] = []
        self.began = time.monotonic()

    def _can_move(self) -> bool:
        return len(self.movable.hard) > 0 or (len(self.movable.soft) > 0 and self.soft == "free")

    def _longest_slice(self) -> int:
        """Trial moves until the soft macros are placed anew by force, or any number."""
        return FORCE_INTERVAL * len(self.movable.hard) if self.soft == "fd" else SLICE_TRIALS if self.by_count else 1 << 40

    def _slice(self, share: float, share_after: float, trials: int) -> None:
        """One call of the kernel, between two shares of the whole run."""
        run, settings = self.run, self.settings
        per_trial = (share_after - share) / max(1, trials)
        run["temperature"] = self.hot * (self.cold / self.hot) ** share
        run["cooling"] = (self.cold / self.hot) ** per_trial
        run["window"] = settings.wide * (settings.narrow / settings.wide) ** share
        run["narrowing"] = (settings.narrow / settings.wide) ** per_trial
        self._anneal(trials, trials == 0 or len(self.history) % SLICES_AFRESH == 0)
        self.levels.append((share_after, float(self.memory.totals["cost"][0])))
        if trials == 0:
            run["best_cost"] = self.memory.totals["cost"]
            self._keep_state()
        elif self.soft == "fd":
            place_by_force(self.model, self.state, self.by_force, PHASES, STEPS)
            self._anneal(0, True)
            if self.memory.totals["cost"][0] < run["best_cost"][0]:
                run["best_cost"] = self.memory.totals["cost"]
                self._keep_state()
        self.history.append((time.monotonic() - self.began, int(run["trials"][0]), float(run["best_cost"][0])))

    def _anneal(self, trials: int, afresh: bool) -> None:
        anneal(
            self.model, self.state, self.kept, self.movable, self.memory, self.boxes, self.obstacles, self.run, self.rng,
            trials, afresh,
        )  # fmt: skip

    def _keep_state(self) -> None:
        """The state as it is becomes the best."""
        self.movable.best_x[:], self.movable.best_y[:] = self.state.x, self.state.y
        self.movable.best_orientation[:] = self.state.orientation

    def _note(self) -> str:
        return f"cost {self.run['best_cost'][0]:.5f}, {self.run['trials'][0] / 1000:.0f}k moves"

    def _result(self, interrupted: bool) -> PlacementResult:
        movable = self.movable
        turned = movable.best_orientation.astype(np.int8)
        best = dataclasses.replace(self.start, x_um=movable.best_x, y_um=movable.best_y, orientation=turned)
        best = as_written(best)
        costs = evaluate(best, self.model)
        seconds = time.monotonic() - self.began
        evaluations = int(self.run["trials"][0] - self.run["illegal"][0])
        return PlacementResult(best, costs, tuple(self.history), evaluations, seconds, interrupted)


def _between(shares: tuple[float, float], part: float) -> float:
    """The share of the whole cooling at a part of the way between two shares."""
    return shares[0] + part * (shares[1] - shares[0])


def _movable(floorplan: Floorplan) -> Movable:
    netlist = floorplan.netlist
    free = ~netlist.is_fixed
    return Movable(
        np.flatnonzero(free & (netlist.kind == ObjectKind.MACRO)),
        np.flatnonzero(free & (netlist.kind == ObjectKind.SOFT_MACRO)),
        floorplan.x_um.copy(), floorplan.y_um.copy(), floorplan.orientation.astype(np.int64),
    )  # fmt: skip
