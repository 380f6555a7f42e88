"""The hybrid: floorplans of a trained policy and of other sources as seeds, then exact search that goes with the winners.

1. *Seeds*: a policy's zero-shot floorplans (`policy_sampling`), smoothed by a global placement that begins with each as in
   the agent `ppo` (`policy_polish`), the analytical placer's (`analytical_floorplan`), sketches as plain annealing begins
   with them, and the placement that was given, if any.
2. *Field*: as many runs of annealing as can be afforded, by the moves per object that the time allows at the measured speed.
   The best seed enters the cooling late, where little of it is destroyed; the other runs begin hot, from the seeds in turn.
   So a large design has one run, from its best seed; a small one has up to four, all but one from hot.
3. *Cooling*: all runs share one fall of the temperature. In its early part, which decides the arrangement, the worse half
   of the field is dropped again and again, by the mean cost at the same temperature; the last run cools down to the end.

Measured by trial moves on `rvv_npu` and `systolic`: the cost of a run after a third to a half of its cooling tells its final
cost (correlation 0.9 in most of nine settings of three to eight runs), and runs of the same length differ by 0.003 to 0.013,
as much as a run gains from thrice the moves. From an analytical seed, 10,000 moves per object, heat 0.05, 0.15 and 0.45 end
at 0.634, 0.634 and 0.638 on ASAP7 NVDLA, heat 0.05 and 0.15 at 0.590 and 0.596 on ariane133: large designs begin late.
More than four runs take the time that the last one needs: fields of 4 and 16 end at 0.803 and 0.808 on `rvv_npu` in a minute
(four seeds), at 0.7295 and 0.7331 on `systolic` in five (one seed).

The result's notes say what every source and run reached and which seed won, so that none takes credit for another
(DESIGN.md §3.9); `--param policy=0`, `analytical=0`, `sketches=0` switch a source off. Time counts from when the kernels
are compiled and torch is imported; seeds are made within it. With `steps`, trial moves stand for the time of the cooling.
Model: ours; benchmarks/hybrid_against_annealing.py compares it with annealing at equal time.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from workbench.base.errors import InputError
from workbench.base.progress import Progress
from workbench.base.rng import make_rng
from workbench.netlist.design import Design
from workbench.netlist.netlist import Floorplan, ObjectKind
from workbench.place.agents.annealing import Annealing, AnnealingSettings
from workbench.place.agents.base import PlacementOptions, PlacementResult, as_written, read_params
from workbench.place.agents.policy_polish import smoothed
from workbench.place.analytical import AnalyticalSettings, analytical_floorplan
from workbench.place.cost import Costs, evaluate
from workbench.place.cost_model import make_model
from workbench.place.legality import check
from workbench.place.start import starting_floorplan

SETTINGS = {
    "policy": 2.0, "analytical": 4.0, "sketches": 2.0, "seed_share": 0.05, "afford": 25_000.0, "field": 4.0, "late": 0.3,
    "episodes": 4.0,
}  # fmt: skip
"""policy, analytical, sketches: most seeds of each source. seed_share: share of the time after which no more seeds are made.
afford: trial moves per movable object and run that a field must leave. field: most runs. late: share of the cooling that the
best seed leaves out. episodes: floorplans that the policy is asked for."""
THINNING = (0.35, 0.5)
"""Shares of the cooling between which the field becomes a single run (model: ours, measured on our own designs)."""
PACE_SECONDS = 0.25
"""Time for measuring the speed of trial moves."""


@dataclass
class Candidate:
    """A floorplan: the source and costs of its seed, what search has made of it so far, and its run while there is one."""

    source: str
    seed: Costs
    floorplan: Floorplan
    costs: Costs
    share: float = 0.0
    run: Annealing | None = None
    evaluations: int = 0


def field_size(moves: float, afford: float, most: int) -> int:
    """Runs, a power of two, that share so many trial moves per movable object and leave each `afford` of them."""
    size = 1
    while 2 * size <= most and sum(work([0.0] * 2 * size, stages(2 * size))) * afford <= moves:
        size *= 2
    return size


def stages(size: int) -> list[float]:
    """Shares of the cooling at which a field of that size is halved, and its end."""
    return [*np.linspace(*THINNING, 1 + max(0, size - 1).bit_length())[1:].tolist(), 1.0]


def work(shares: list[float], ends: list[float]) -> list[float]:
    """Of each stage, the cooling to be done by runs that have come to these shares, in whole coolings."""
    found = []
    for end in ends:
        found.append(sum(max(0.0, end - share) for share in shares))
        shares = [end] * ((len(shares) + 1) // 2)
    return found


class HybridAgent:
    """Seeds from a policy and others, and runs of annealing from them that share one cooling, the worse ones dropped."""

    def place(
        self, design: Design, *, seconds: float, seed: int, progress: Progress, options: PlacementOptions
    ) -> PlacementResult:
        """Place a design; see `Agent`."""
        settings = read_params(options.params, SETTINGS)
        if not 0 <= settings["late"] <= THINNING[0] or min(settings["afford"], settings["field"]) < 1:
            raise InputError(
                "--param", "a setting out of range", f"0 <= late <= {THINNING[0]}, afford >= 1 and field >= 1", "correct it"
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
            interrupted = bool(self.candidates) and not self._cool(self._field())
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
        self._annealing(start, make_rng(0))
        if max(self.settings["analytical"], self.settings["policy"]) >= 1:
            analytical_floorplan(self.design, make_rng(0), AnalyticalSettings(steps=1, rounds=1), model=self.model)
        if self.settings["policy"] >= 1:
            import torch  # noqa: F401

            from workbench.place.agents.policy_sampling import policy_floorplans

            policy_floorplans(self.design, seed=0, episodes=1, policy=self.options.policy, model=self.model)

    def _annealing(self, start: Floorplan, rng: np.random.Generator) -> Annealing:
        settings, options = AnnealingSettings(), self.options
        return Annealing(start, self.model, settings, rng, options.on_grid, settings.hot, options.soft)

    def _make_seeds(self) -> None:
        """Seeds of every source, in turn, until their share of the time is gone (one seed at least)."""
        if self.options.init is not None:
            self._offer("the given placement", iter([self.options.init]))
        self._offer("the policy" if self.options.soft == "fd" else "the policy, smoothed", self._by_policy())
        self._offer("the analytical placer", self._by_analysis())
        self._offer("a sketch", self._by_sketch())

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
        """The best of the policy's zero-shot floorplans, smoothed unless soft macros follow by force."""
        if self.settings["policy"] < 1:
            return
        from workbench.place.agents.policy_sampling import policy_floorplans

        design, model, options = self.design, self.model, self.options
        episodes = int(self.settings["episodes"])
        found = policy_floorplans(design, seed=self.seed, episodes=episodes, policy=options.policy, model=model)
        for sample in found[: int(self.settings["policy"])]:
            floorplan = sample.floorplan
            yield floorplan if options.soft == "fd" else smoothed(design, floorplan, self.seed, options.on_grid, model)

    def _by_analysis(self) -> Iterator[Floorplan]:
        for _ in range(int(self.settings["analytical"])):
            yield analytical_floorplan(self.design, self.rng, on_grid=self.options.on_grid, model=self.model)

    def _by_sketch(self) -> Iterator[Floorplan]:
        for _ in range(int(self.settings["sketches"])):
            yield starting_floorplan(self.design.netlist, self.design.canvas, self.rng, None, self.options.on_grid)

    def _field(self) -> list[Candidate]:
        """The runs that can be afforded: the best seed late in the cooling, then the seeds in turn from hot."""
        seeds = sorted(self.candidates, key=lambda candidate: candidate.costs.proxy)
        size = field_size(self._moves_per_object(seeds[0].floorplan), self.settings["afford"], int(self.settings["field"]))
        field = [dataclasses.replace(seeds[0], share=self.settings["late"])]
        field += [dataclasses.replace(seeds[i % len(seeds)]) for i in range(size - 1)]
        self.candidates += field
        return field

    def _moves_per_object(self, floorplan: Floorplan) -> float:
        """Trial moves per movable object in what is left, at the speed of a short annealing."""
        netlist = self.design.netlist
        movable = max(1, int(((netlist.kind != ObjectKind.PORT) & ~netlist.is_fixed).sum()))
        if self.options.steps is not None:
            return self.options.steps / movable
        seconds = min(PACE_SECONDS, 0.05 * self.seconds)
        if self._elapsed() + seconds >= self.seconds:
            return 0.0
        run = self._annealing(floorplan, make_rng(0))
        run.by_time(seconds, Progress("", quiet=True))
        return float(run.run["trials"][0]) / seconds * max(0.0, self.seconds - self._elapsed()) / movable

    def _cool(self, field: list[Candidate]) -> bool:
        """Cool all runs, stage by stage, and drop the worse half after each; False if interrupted."""
        ends, size, trials = stages(len(field)), len(field), self.options.steps
        pace = (trials or 0) / max(sum(work([c.share for c in field], ends)), 1e-9)
        for number, end in enumerate(ends):
            left = sum(work([candidate.share for candidate in field], ends[number:]))
            seconds = max(0.0, self.seconds - self._elapsed()) / max(left, 1e-9)
            for candidate in field:
                part, phase = end - candidate.share, f"{len(field)} of {size} runs"
                if not self._advance(candidate, end, part * seconds, max(1, int(part * pace)), phase):
                    return False
            since = (max(THINNING[0], ends[number - 1] if number else 0.0) + end) / 2  # the same for late runs and hot ones
            self._note_stage(field, since, end)
            field.sort(key=lambda candidate: candidate.run.level(since) if candidate.run else np.inf)
            for dropped in field[(len(field) + 1) // 2 :]:
                dropped.run = None
            field = field[: (len(field) + 1) // 2]
        return True

    def _note_stage(self, field: list[Candidate], since: float, end: float) -> None:
        reached = ", ".join(f"{c.source} {c.seed.proxy:.5f} at {c.run.level(since):.5f}" for c in field if c.run)
        done = f"{end:.0%} of the cooling, {self._elapsed():.1f} s and {self.evaluations:,} exact trial moves"
        self.notes.append(f"After {done}: {reached}.")

    def _advance(self, candidate: Candidate, end: float, seconds: float, steps: int, phase: str) -> bool:
        """Cool a candidate's run up to a share, and keep the floorplan if it is better; False if interrupted."""
        run = candidate.run = candidate.run or self._annealing(candidate.floorplan, self.rng)
        offset, part, shares, known = self._elapsed(), _Part(self, phase), (candidate.share, end), len(run.history)
        by_trials = self.options.steps is not None
        result = run.by_trials(steps, part, shares) if by_trials else run.by_time(seconds, part, shares)
        before, made = self.evaluations, result.evaluations - candidate.evaluations
        for after, moves, cost in result.history[known:]:
            self._note(offset + after, before + min(max(0, moves - candidate.evaluations), made), cost)
        self.evaluations += made
        candidate.evaluations, candidate.share = result.evaluations, end
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
