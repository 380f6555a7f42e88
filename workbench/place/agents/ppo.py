"""The learning agent: trains a policy on the design for a part of the time, then improves its best result by exact search.

The policy (`policy.py`) places the hard macros; it starts from the weights shipped in ``policies/`` (trained on other
designs, see the README there) where they do better than random ones, else from those. The search is the annealing of
`agents.annealing` at its temperature for given placements. The result says what each phase reached, so that neither takes
credit for the other (DESIGN.md §3.9).
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from pathlib import Path

import numpy as np

from workbench.base.errors import InputError
from workbench.base.progress import Progress
from workbench.netlist.design import Design
from workbench.netlist.netlist import Floorplan
from workbench.place.agents.annealing import AnnealingAgent
from workbench.place.agents.base import PlacementOptions, PlacementResult, as_written, read_params
from workbench.place.agents.policy_shipped import SHIPPED_POLICY, load_policy
from workbench.place.agents.training import Stop, Trainer, TrainingConfig
from workbench.place.cost import Costs, evaluate
from workbench.place.environment_problem import make_problem
from workbench.place.legality import check
from workbench.place.vec_env import EpisodeBatch

SETTINGS = {"search_share": 0.8, "shipped_policy": 1.0, "environments": 16.0, "search_moves": 20_000.0}
"""search_share: share of the time for the exact search. shipped_policy: 0 trains from random weights. environments: episodes
that run together. search_moves: trial moves of the search when `steps` (of the environment) stand for the time."""


class PPOAgent:
    """MaskablePPO with an edge-GNN policy, then exact local search.

    Parameters
    ----------
    policy: weights to begin with (a checkpoint of `workbench train`); None for the shipped ones, if wanted.
    """

    def __init__(self, policy: Path | None = None) -> None:
        self.policy = policy

    def place(
        self, design: Design, *, seconds: float, seed: int, progress: Progress, options: PlacementOptions
    ) -> PlacementResult:
        """Place a design; see `Agent`. The clock starts when the kernels are compiled and the network is built."""
        settings = read_params(options.params, SETTINGS)
        if not 0 <= settings["search_share"] < 1 or settings["environments"] < 1:
            raise InputError(
                "--param", "a setting out of range", "0 <= search_share < 1 and environments >= 1", "correct it"
            )
        trainer = Trainer([design], TrainingConfig(seed=seed, environments=int(settings["environments"])))
        shipped = SHIPPED_POLICY if settings["shipped_policy"] and SHIPPED_POLICY.exists() else None
        _compile(design, options)
        run = _Run(design, trainer, seed, progress, options, settings, self.policy or shipped)
        return run.place(seconds)


def _compile(design: Design, options: PlacementOptions) -> None:
    """Play one episode at random and make one move, so that compiling is not counted as learning."""
    batch = EpisodeBatch(make_problem(design.netlist, design.canvas, design.floorplan), 1)
    batch.reset()
    rng = np.random.default_rng(0)
    while batch.mask.any():
        batch.step(np.array([rng.choice(np.flatnonzero(batch.action_masks()[0]))]))
    with contextlib.suppress(InputError):  # a design that annealing finds no room for alone is no error here
        one_move = dataclasses.replace(options, steps=1, params={})
        AnnealingAgent().place(design, seconds=0, seed=0, progress=Progress("", quiet=True), options=one_move)


@dataclasses.dataclass
class _Run:
    """One run of the agent: the learning phase, the search phase and what they reached."""

    design: Design
    trainer: Trainer
    seed: int
    progress: Progress
    options: PlacementOptions
    settings: dict[str, float]
    policy: Path | None
    origin: str = "random weights"

    def place(self, seconds: float) -> PlacementResult:
        """Both phases."""
        self.began, self.history = time.monotonic(), list[tuple[float, int, float]]()
        self.learning_share = 1.0 - self.settings["search_share"]
        interrupted = self._learn(seconds * self.learning_share)
        start = self._start()
        if start is None:
            return self._result(None, None, interrupted)
        learned = time.monotonic() - self.began
        if interrupted or self.settings["search_share"] == 0:
            return self._result(start, None, interrupted)
        return self._result(start, self._search(start[0], seconds - learned), False)

    def _learn(self, seconds: float) -> bool:
        """Measure the policy as it is, train it, and let it place with and without chance; whether Ctrl-C ended it."""
        trainer, steps = self.trainer, self.options.steps
        try:
            self._begin()
            left = None if steps is not None else max(0.0, seconds - (time.monotonic() - self.began))
            self._note(trainer)
            interrupted = trainer.train(Stop(steps, left), self._note)
            if not interrupted:
                trainer.evaluate(deterministic=True, episodes=1)
        except KeyboardInterrupt:
            interrupted = True
        self._note(trainer)
        return interrupted

    def _begin(self) -> None:
        """Take the given weights; the shipped ones only if they place better here than random ones do."""
        trainer, environment = self.trainer, self.trainer.environment
        random = trainer.measure_untrained()
        if self.policy is None:
            return
        before = {name: value.clone() for name, value in trainer.model.policy.state_dict().items()}
        scale, offset = environment.scale.copy(), environment.offset.copy()
        load_policy(self.policy, trainer.model.policy)
        loaded = trainer.measure_untrained()
        if self.policy == SHIPPED_POLICY and not loaded.is_better_than(random):
            trainer.model.policy.load_state_dict(before)
            environment.scale[:], environment.offset[:], trainer.untrained = scale, offset, random
            self.origin = f"random weights (the shipped policy's mean cost is {loaded.mean_cost:.5f} here)"
        else:
            self.origin = "the shipped policy" if self.policy == SHIPPED_POLICY else str(self.policy)

    def _note(self, trainer: Trainer) -> None:
        elapsed, best = time.monotonic() - self.began, trainer.log.best[0]
        if best is not None:
            self.history.append((elapsed, trainer.log.episodes, best[1].proxy))
        total, steps = self.progress.total or 1.0, self.options.steps
        share = elapsed / total if steps is None else trainer.model.num_timesteps / steps
        mean = trainer.curve[-1].mean_cost if trainer.curve else float("nan")
        note = f"policy: mean {mean:.4f}, best {best[1].proxy:.4f}" if best else "policy: no legal floorplan yet"
        self.progress.update(min(share, self.learning_share) * total, note)

    def _start(self) -> tuple[Floorplan, Costs] | None:
        """The best floorplan to search from: the policy's, or the given one if that is better."""
        best, init = self.trainer.log.best[0], self.options.init
        if init is not None and not check(init):
            costs = evaluate(init)
            if best is None or costs.proxy < best[1].proxy:
                return init, costs
        return best

    def _search(self, start: Floorplan, seconds: float) -> PlacementResult:
        steps = None if self.options.steps is None else int(self.settings["search_moves"])
        options = dataclasses.replace(self.options, init=start, steps=steps, params={})
        part = _Part(self.progress, self.learning_share)
        return AnnealingAgent().place(
            self.design, seconds=max(seconds, 0.0), seed=self.seed, progress=part, options=options
        )  # fmt: skip

    def _result(
        self, start: tuple[Floorplan, Costs] | None, search: PlacementResult | None, interrupted: bool
    ) -> PlacementResult:
        if start is None:
            raise InputError(
                self.design.name, "no legal floorplan by the policy", "one", "give more time, or use --agent annealing"
            )
        floorplan, episodes = as_written(start[0]), self.trainer.log.episodes
        costs, offset = evaluate(floorplan), time.monotonic() - self.began
        history, evaluations, notes = list(self.history), episodes, [self._learning_note()]
        if search is not None:
            offset -= search.seconds
            history += [(offset + s, episodes + n, min(cost, costs.proxy)) for s, n, cost in search.history]
            evaluations, interrupted = episodes + search.evaluations, search.interrupted
            notes.append(
                f"The local search went from {costs.proxy:.5f} to {search.costs.proxy:.5f} in {search.seconds:.1f} s "
                f"({search.evaluations:,} exact trial moves)."
            )
            if search.costs.proxy <= costs.proxy:
                floorplan, costs = search.floorplan, search.costs
        else:
            history.append((offset, episodes, costs.proxy))
        seconds = time.monotonic() - self.began
        return PlacementResult(floorplan, costs, tuple(history), evaluations, seconds, interrupted, tuple(notes))

    def _learning_note(self) -> str:
        trainer = self.trainer
        before = trainer.untrained.mean_cost if trainer.untrained else float("nan")
        last = trainer.curve[-1].mean_cost if trainer.curve else before
        found = trainer.log.best[0]
        best = f"{found[1].proxy:.5f}" if found else "none"
        return (
            f"The policy began with {self.origin}: mean cost {before:.5f} at first, {last:.5f} at last, best {best} of "
            f"{trainer.log.episodes} floorplans in {self.history[-1][0] if self.history else 0.0:.1f} s."
        )


class _Part(Progress):
    """The rest of another progress, from a share on."""

    def __init__(self, whole: Progress, share: float) -> None:
        super().__init__(whole.description, whole.total, quiet=True)
        self.whole, self.share = whole, share

    def update(self, done: float, note: str = "") -> None:
        """Pass on, squeezed into the rest."""
        total = self.total or 1.0
        self.whole.update(total * self.share + done * (1 - self.share), f"search: {note}")
