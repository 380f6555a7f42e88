"""The hybrid: floorplans of a trained policy and of other sources as seeds, then exact search that goes with the winners.

1. *Seeds*: a policy's zero-shot floorplans (`policy_sampling`), the analytical placer's (`analytical_floorplan`), sketches
   as plain annealing begins with them, and the placement that was given, if any.
2. *Race*: a short annealing of every seed; the better half of the results, by their exact cost, is annealed again, each
   with twice as much time and from a lower temperature; and so on until one is left.
3. *Search*: annealing of the winner for the rest of the time. Long runs do it twice: hotter than ever, which may find
   another arrangement and may find none, then again from the best at the temperature of a short run, but slowly.

The result's notes say what every source and phase reached and which seed won, so that none takes credit for another
(DESIGN.md §3.9); `--param policy=0`, `analytical=0`, `sketches=0` switch a source off. Time counts from when the kernels
are compiled and torch is imported; seeds are made within it. With `steps`, trial moves stand for the time of race and
search. Model: ours; benchmarks/hybrid_against_annealing.py compares it with annealing at equal time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from workbench.base.errors import InputError
from workbench.base.progress import Progress
from workbench.base.rng import make_rng
from workbench.netlist.design import Design
from workbench.netlist.netlist import Floorplan, ObjectKind
from workbench.place.agents.annealing import HOTTEST, Annealing, AnnealingSettings
from workbench.place.agents.base import PlacementOptions, PlacementResult, as_written, read_params
from workbench.place.analytical import AnalyticalSettings, analytical_floorplan
from workbench.place.cost import Costs, evaluate
from workbench.place.cost_model import make_model
from workbench.place.legality import check
from workbench.place.start import starting_floorplan

SETTINGS = {
    "policy": 1.0, "analytical": 1.0, "sketches": 2.0, "seed_share": 0.1, "race_share": 0.25, "first": 0.15, "again": 0.15,
    "hot_share": 0.3, "episodes": 4.0,
}  # fmt: skip
"""policy, analytical, sketches: seeds of each source. seed_share: share of the time after which no more seeds are made.
race_share: share of the time for seeds and race. first, again: temperatures, like those of annealing (so the longer part is
the hotter), of the race's first round and of the search; its other rounds lie between. hot_share: share of a long search
that begins hotter. episodes: floorplans that the policy is asked for."""
LONG_SEARCH = 10_000
"""Trial moves per movable macro above which a search is long (model: ours, measured on ariane133)."""


@dataclass
class Candidate:
    """A floorplan in the race: the source and costs of its seed, and what search has made of it so far."""

    source: str
    seed: Costs
    floorplan: Floorplan
    costs: Costs


class HybridAgent:
    """Seeds from a policy and others, a race between them, exact local search of the winner."""

    def place(
        self, design: Design, *, seconds: float, seed: int, progress: Progress, options: PlacementOptions
    ) -> PlacementResult:
        """Place a design; see `Agent`."""
        settings = read_params(options.params, SETTINGS)
        if (
            not 0 < settings["race_share"] < 1
            or not 0 <= settings["hot_share"] <= 1
            or min(settings["again"], settings["first"]) < AnnealingSettings().cold
        ):
            raise InputError(
                "--param",
                "a setting out of range",
                "0 < race_share < 1, 0 <= hot_share <= 1 and temperatures that can fall",
                "correct it",
            )
        if settings["policy"] + settings["analytical"] + settings["sketches"] < 1:
            raise InputError("--param", "no source of seeds", "policy, analytical or sketches above 0", "correct it")
        if not ((design.netlist.kind == ObjectKind.MACRO) & ~design.netlist.is_fixed).any():
            settings |= {"policy": 0.0, "sketches": max(1.0, settings["sketches"])}  # a policy places hard macros only
        return Hybrid(design, seed, options, settings).place(seconds, progress)


class Hybrid:
    """One run: sources, candidates, history and notes. Making it compiles kernels; the clock starts with `place`."""

    def __init__(self, design: Design, seed: int, options: PlacementOptions, settings: dict[str, float]) -> None:
        self.design, self.seed, self.options, self.settings, self.rng = design, seed, options, settings, make_rng(seed)
        self.model = make_model(design.netlist, design.canvas)
        self.candidates: list[Candidate] = []
        self.history: list[tuple[float, int, float]] = []
        self.notes: list[str] = []
        self.evaluations, self.began = 0, 0.0
        self.refusal: InputError | None = None
        self._compile()

    def place(self, seconds: float, progress: Progress) -> PlacementResult:
        """All phases; Ctrl-C ends with the best so far."""
        self.seconds, self.progress, self.began = seconds, progress, time.monotonic()
        interrupted = False
        try:
            self._make_seeds()
            interrupted = bool(self.candidates) and not (self._race() and self._search())
        except KeyboardInterrupt:
            interrupted = True
        if not self.candidates:
            raise self.refusal or InputError(
                self.design.name,
                "no legal floorplan to begin with",
                "one",
                "give more time, or use annealing without --grid",
            )
        best = min(self.candidates, key=lambda candidate: candidate.costs.proxy)
        self.notes.append(f"The seed that won came from {best.source}: {best.seed.proxy:.5f} became {best.costs.proxy:.5f}.")
        return PlacementResult(
            best.floorplan, best.costs, tuple(self.history), self.evaluations, self._elapsed(), interrupted,
            tuple(self.notes),
        )  # fmt: skip

    def _elapsed(self) -> float:
        return time.monotonic() - self.began

    def _compile(self) -> None:
        """Compile and import what will be used, by using it on this design, so that this does not count as search."""
        start = starting_floorplan(self.design.netlist, self.design.canvas, make_rng(0), None, False)
        self._annealing(start, 1.0, make_rng(0))
        if self.settings["analytical"] >= 1:
            analytical_floorplan(self.design, make_rng(0), AnalyticalSettings(steps=1, rounds=1), model=self.model)
        if self.settings["policy"] >= 1:
            import torch  # noqa: F401

            from workbench.place.agents.policy_sampling import policy_floorplans

            policy_floorplans(self.design, seed=0, episodes=1, policy=self.options.policy)

    def _annealing(self, start: Floorplan, heat: float, rng: np.random.Generator, hottest: float = HOTTEST) -> Annealing:
        options = self.options
        return Annealing(start, self.model, AnnealingSettings(), rng, options.on_grid, heat, options.soft, hottest)

    def _make_seeds(self) -> None:
        """Seeds of every source, in turn, until their share of the time is gone (one seed at least)."""
        if self.options.init is not None:
            self._offer("the given placement", iter([self.options.init]))
        sources = {"the analytical placer": self._by_analysis, "the policy": self._by_policy, "a sketch": self._by_sketch}
        for name, source in sources.items():
            self._offer(name, source())

    def _offer(self, source: str, floorplans: Iterator[Floorplan]) -> None:
        """Make candidates of a source's floorplans, made legal and on the grid where asked, while there is time."""
        began, costs = self._elapsed(), []
        limit = np.inf if self.options.steps is not None else self.settings["seed_share"] * self.seconds
        while not self.candidates or self._elapsed() < limit:
            try:
                floorplan = next(floorplans, None)
                if floorplan is None:
                    break
                floorplan = as_written(
                    starting_floorplan(self.design.netlist, self.design.canvas, self.rng, floorplan, self.options.on_grid)
                )
            except InputError as refusal:  # no room for its macros: others may find some
                self.refusal = refusal
                continue
            found = evaluate(floorplan, self.model)
            self.evaluations += 1
            costs.append(found.proxy)
            if not check(floorplan):
                self.candidates.append(Candidate(source, found, floorplan, found))
                self._follow("seeds")
        if costs:
            made = ", ".join(f"{cost:.5f}" for cost in costs)
            self.notes.append(f"Seeds from {source}: {made} in {self._elapsed() - began:.1f} s.")

    def _by_policy(self) -> Iterator[Floorplan]:
        """The best of the policy's zero-shot floorplans."""
        if self.settings["policy"] < 1:
            return
        from workbench.place.agents.policy_sampling import policy_floorplans

        episodes = int(self.settings["episodes"])
        found = policy_floorplans(self.design, seed=self.seed, episodes=episodes, policy=self.options.policy)
        yield from (sample.floorplan for sample in found[: int(self.settings["policy"])])

    def _by_analysis(self) -> Iterator[Floorplan]:
        for _ in range(int(self.settings["analytical"])):
            yield analytical_floorplan(self.design, self.rng, on_grid=self.options.on_grid, model=self.model)

    def _by_sketch(self) -> Iterator[Floorplan]:
        for _ in range(int(self.settings["sketches"])):
            yield starting_floorplan(self.design.netlist, self.design.canvas, self.rng, None, self.options.on_grid)

    def _race(self) -> bool:
        """Anneal all candidates, drop the worse half, and so on, until one is left; False if interrupted."""
        field = sorted(self.candidates, key=lambda candidate: candidate.costs.proxy)
        rounds = max(0, len(field) - 1).bit_length()
        before = self._elapsed()
        budget = max(0.0, self.settings["race_share"] * self.seconds - before)
        first, again = self.settings["first"], self.settings["again"]
        for number in range(rounds):
            heat = first * (again / first) ** (number / rounds)
            share = budget / rounds / len(field)
            steps = int((self.options.steps or 0) * self.settings["race_share"] / rounds / len(field))
            for candidate in field:
                if not self._improve(candidate, heat, share, steps, f"race, round {number + 1} of {rounds}"):
                    return False
            field.sort(key=lambda candidate: candidate.costs.proxy)
            field = field[: (len(field) + 1) // 2]
        if rounds:
            self.notes.append(
                f"Race of {len(self.candidates)} seeds in {self._elapsed() - before:.1f} s: "
                + ", ".join(f"{c.source} {c.seed.proxy:.5f} to {c.costs.proxy:.5f}" for c in self.candidates) + "."
            )  # fmt: skip
        return True

    def _search(self) -> bool:
        """Anneal the best candidate for the rest of the time; False if interrupted."""
        best = min(self.candidates, key=lambda candidate: candidate.costs.proxy)
        steps = max(1, int((self.options.steps or 0) * (1 - self.settings["race_share"])))
        parts = [("search", HOTTEST, 1.0)]
        if self._moves_left(steps) > LONG_SEARCH:
            parts = [("search", HOTTEST, self.settings["hot_share"]), ("slow search", 1.0, 1.0)]
        for phase, hottest, share in parts:
            before, began, moves = best.costs.proxy, self._elapsed(), self.evaluations
            left, these = share * max(0.0, self.seconds - began), max(1, int(share * steps))
            finished = self._improve(best, self.settings["again"], left, these, phase, hottest)
            steps -= these
            self.notes.append(
                f"The {phase} went from {before:.5f} to {best.costs.proxy:.5f} in {self._elapsed() - began:.1f} s "
                f"({self.evaluations - moves:,} exact trial moves)."
            )
            if not finished:
                return False
        return True

    def _moves_left(self, steps: int) -> float:
        """Trial moves per movable macro that the search has time for, at the rate of what was done so far."""
        netlist = self.design.netlist
        movable = max(1, int(((netlist.kind != ObjectKind.PORT) & ~netlist.is_fixed).sum()))
        if self.options.steps is not None:
            return steps / movable
        done = self._elapsed()
        return self.evaluations / max(done, 1e-6) * max(0.0, self.seconds - done) / movable

    def _improve(
        self, candidate: Candidate, heat: float, seconds: float, steps: int, phase: str, hottest: float = HOTTEST
    ) -> bool:
        """Anneal a candidate, which keeps its floorplan if that is the better one; False if interrupted."""
        run = self._annealing(candidate.floorplan, heat, self.rng, hottest)
        offset, part = self._elapsed(), _Part(self, phase)
        result = run.by_trials(steps, part) if self.options.steps is not None else run.by_time(seconds, part)
        for after, moves, cost in result.history[1:]:
            self._note(offset + after, self.evaluations + min(moves, result.evaluations), cost)
        self.evaluations += result.evaluations
        if result.costs.proxy < candidate.costs.proxy:
            candidate.floorplan, candidate.costs = result.floorplan, result.costs
        self._follow(phase)
        return not result.interrupted

    def _note(self, seconds: float, evaluations: int, cost: float) -> None:
        """Go on with the history of the best cost so far."""
        self.history.append((seconds, evaluations, min(cost, self.history[-1][2]) if self.history else cost))

    def _follow(self, phase: str) -> None:
        """Note the best cost as it stands in the history and on the progress."""
        best = min(candidate.costs.proxy for candidate in self.candidates)
        self._note(self._elapsed(), self.evaluations, best)
        self.progress.update(self.share() * (self.progress.total or 1.0), f"{phase}: best {best:.5f}")

    def share(self) -> float:
        """Share of the whole run that is done."""
        steps = self.options.steps
        return min(1.0, self.evaluations / steps if steps else self._elapsed() / max(self.seconds, 1e-9))


class _Part(Progress):
    """Progress of one annealing among several: what it reports is shown at the place of the whole run."""

    def __init__(self, whole: Hybrid, phase: str) -> None:
        super().__init__(phase, None, quiet=True)
        self.whole, self.phase = whole, phase

    def update(self, done: float, note: str = "") -> None:
        """Pass on."""
        whole = self.whole.progress
        whole.update(self.whole.share() * (whole.total or 1.0), f"{self.phase}: {note}")
