"""The learning agent: a policy places the design as it is (zero-shot), is trained on it if there is time, and is polished.

It begins with the weights shipped in ``policies/`` (what they were trained on is in the README there), with those of
`PlacementOptions.policy`, or, with ``shipped_policy=0``, with random ones. A few floorplans are drawn at once. Where the
time allows it, the policy is then trained; in the last part of the time, `polish_share`, or in all that is left where there
is no time to train, the best legal floorplan of all episodes is polished (`policy_polish`), as the published agent's results
are by coordinate descent; with ``polish_share=0`` the result is the policy's own. The notes say what the policy reached as
it was, after training, and after the polish, so that none takes credit for another (DESIGN.md §3.9). The agent that also
begins with other sources is `hybrid`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from pathlib import Path
from typing import cast

import numpy as np
import torch

from workbench.base.errors import InputError
from workbench.base.progress import Progress
from workbench.netlist.design import Design
from workbench.place.agents.annealing import AnnealingAgent
from workbench.place.agents.base import PlacementOptions, PlacementResult, as_written, read_params
from workbench.place.agents.policy import NetworkConfig, PlacementNetwork
from workbench.place.agents.policy_polish import polish
from workbench.place.agents.policy_sampling import BATCH, FEW, play
from workbench.place.agents.policy_shipped import SHIPPED_POLICY, load_policy, network_config
from workbench.place.agents.training import Stop, Trainer, TrainingConfig, one_thread
from workbench.place.agents.training_report import evaluation_of
from workbench.place.analytical import AnalyticalSettings, analytical_floorplan
from workbench.place.cost import evaluate
from workbench.place.environment_problem import make_problem
from workbench.place.vec_env import EpisodeBatch

SETTINGS = {"shipped_policy": 1.0, "environments": 16.0, "learning_rate": 2e-3, "polish_share": 0.6, "polish_moves": 2e4}
"""shipped_policy: 0 begins with random weights. environments: episodes that run together. learning_rate: of the training.
polish_share: last share of the time, for exact annealing. polish_moves: its trial moves when `steps` stand for the time."""

ITERATION = 4.0
"""Time of a training iteration in times of playing its episodes without learning: below two there is no training."""
BATCH_OF_FEW = 3.0
"""Time of playing those in times of playing the few at the beginning (two to five on our designs)."""


class PPOAgent:
    """MaskablePPO on a placement network; see the module."""

    def place(
        self, design: Design, *, seconds: float, seed: int, progress: Progress, options: PlacementOptions
    ) -> PlacementResult:
        """Place a design; see `Agent`. The clock starts when the kernels are compiled and the network is built."""
        settings = read_params(options.params, SETTINGS)
        if not 0 <= settings["polish_share"] < 1 or settings["environments"] < 1 or settings["learning_rate"] <= 0:
            raise InputError(
                "--param", "a setting out of range", "0 <= polish_share < 1, environments >= 1 and learning_rate > 0",
                "correct it",
            )  # fmt: skip
        policy = options.policy or (SHIPPED_POLICY if settings["shipped_policy"] else None)
        config = TrainingConfig(
            seed=seed, environments=int(settings["environments"]), learning_rate=settings["learning_rate"],
            evaluation_episodes=int(settings["environments"]),
            network=NetworkConfig() if policy is None else network_config(policy),
        )  # fmt: skip
        trainer = Trainer([design], config)
        if policy is not None:
            load_policy(policy, trainer.model.policy)
        compile_kernels(design)
        return _Run(design, trainer, seed, progress, options, settings, policy).place(seconds)


def compile_kernels(design: Design) -> None:
    """Play one episode at random and make one move, so that compiling is not counted as playing."""
    batch = EpisodeBatch(make_problem(design.netlist, design.canvas, design.floorplan), 1)
    batch.reset()
    rng = np.random.default_rng(0)
    while batch.mask.any():
        batch.step(np.array([rng.choice(np.flatnonzero(batch.action_masks()[0]))]))
    with contextlib.suppress(InputError):  # a design that annealing finds no room for alone is no error here
        analytical_floorplan(design, rng, AnalyticalSettings(steps=1, rounds=1))
        one_move = PlacementOptions(steps=1)
        AnnealingAgent().place(design, seconds=0, seed=0, progress=Progress("", quiet=True), options=one_move)


@dataclasses.dataclass
class _Run:
    """One run of the agent: zero-shot, training, polish, and what each reached."""

    design: Design
    trainer: Trainer
    seed: int
    progress: Progress
    options: PlacementOptions
    settings: dict[str, float]
    policy: Path | None
    zero_shot: float = math.nan
    zero_shot_mean: float = math.nan
    trained: bool = False
    is_first: bool = True

    def __post_init__(self) -> None:
        self.generator = torch.Generator().manual_seed(self.seed)
        batch = self.trainer.environment.batches[0]  # made with the network, before the clock starts
        self.problem, self.model = batch.problem, batch.cost_model

    def place(self, seconds: float) -> PlacementResult:
        """All phases."""
        self.began, self.history = time.monotonic(), list[tuple[float, int, float]]()
        self.learning_share = 1.0 - self.settings["polish_share"]
        interrupted = self._learn(seconds)
        polished = None
        if not interrupted and self.settings["polish_share"] and self.trainer.log.best[0] is not None:
            polished = self._polish(seconds - (time.monotonic() - self.began))
        return self._result(polished, interrupted)

    def _learn(self, seconds: float) -> bool:
        """Let the policy place as it is, then train it, then let it place without chance; whether Ctrl-C ended it."""
        trainer, steps = self.trainer, self.options.steps
        interrupted = False
        try:
            self._draw(FEW)
            drawing = seconds * self.learning_share if steps is None else 0.0  # steps: training draws more of them
            while trainer.log.best[0] is None and time.monotonic() - self.began < drawing:
                self._draw(BATCH)
            self.zero_shot = trainer.log.best_cost
            if self._has_time_to_train(seconds * self.learning_share):
                left = seconds * self.learning_share - (time.monotonic() - self.began)
                self.trained = True
                interrupted = trainer.train(Stop(steps, None if steps is not None else left), self._note)
                if not interrupted:
                    trainer.evaluate(deterministic=True, episodes=1)
            elif not self.settings["polish_share"]:
                last = 0.0
                while seconds - (began := time.monotonic() - self.began) > last:
                    self._draw(BATCH)
                    last = time.monotonic() - self.began - began
        except KeyboardInterrupt:
            interrupted = True
        self._note(trainer)
        return interrupted

    def _has_time_to_train(self, seconds: float) -> bool:
        """Whether two iterations fit; the first look is at the time of the few episodes, the second at that of a batch."""
        began = time.monotonic()
        drawn = began - self.began
        if self.options.steps is None and seconds - drawn < 2 * ITERATION * BATCH_OF_FEW * drawn:
            return False
        self.trainer.measure_untrained()
        played = time.monotonic() - began
        return self.options.steps is not None or seconds - drawn - played >= 2 * ITERATION * played

    def _draw(self, episodes: int) -> None:
        """Floorplans of the policy as it is, the first time one of the likeliest cells among them."""
        trainer, is_first, self.is_first = self.trainer, self.is_first, False
        with one_thread():
            network = cast(PlacementNetwork, trainer.model.policy.network)
            ends = play(self.problem, network, episodes, self.generator, is_first, self.model)
        for end in ends:
            trainer.log.add(0, end)
        if is_first:
            self.zero_shot_mean = evaluation_of([ends]).mean_cost
        self._note(trainer)

    def _note(self, trainer: Trainer) -> None:
        elapsed, best = time.monotonic() - self.began, trainer.log.best[0]
        if best is not None:
            self.history.append((elapsed, trainer.log.episodes, best[1].proxy))
        total, steps = self.progress.total or 1.0, self.options.steps
        share = elapsed / total if steps is None else trainer.model.num_timesteps / steps
        mean = trainer.curve[-1].mean_cost if trainer.curve else float("nan")
        note = f"policy: mean {mean:.4f}, best {best[1].proxy:.4f}" if best else "policy: no legal floorplan yet"
        self.progress.update(min(share, self.learning_share) * total, note)

    def _polish(self, seconds: float) -> PlacementResult:
        best = self.trainer.log.best[0]
        assert best is not None  # as its caller has seen
        steps = None if self.options.steps is None else int(self.settings["polish_moves"])
        share = self.learning_share if self.trained else 0.0
        options, part = dataclasses.replace(self.options, steps=steps), _Part(self.progress, share)
        return polish(
            self.design, best[0], seconds=seconds, seed=self.seed, options=options, progress=part, model=self.model
        )

    def _result(self, polished: PlacementResult | None, interrupted: bool) -> PlacementResult:
        best = self.trainer.log.best[0]
        if best is None:
            raise InputError(
                self.design.name, "no legal floorplan by the policy", "one", "give more time, or use --agent annealing"
            )
        floorplan, episodes = as_written(best[0]), self.trainer.log.episodes
        costs, history = evaluate(floorplan, self.model), list(self.history)
        evaluations, notes = episodes, [self._learning_note(costs.proxy)]
        seconds = time.monotonic() - self.began
        if polished is not None:
            offset = seconds - polished.seconds
            history += [(offset + s, episodes + n, min(cost, costs.proxy)) for s, n, cost in polished.history]
            evaluations, interrupted = episodes + polished.evaluations, polished.interrupted
            notes.append(
                f"The polish went from {costs.proxy:.5f}, smoothed {polished.history[0][2]:.5f}, to "
                f"{polished.costs.proxy:.5f} in {polished.seconds:.1f} s ({polished.evaluations:,} trial moves)."
            )
            if polished.costs.proxy <= costs.proxy:
                floorplan, costs = polished.floorplan, polished.costs
        else:
            history.append((seconds, episodes, costs.proxy))
        return PlacementResult(floorplan, costs, tuple(history), evaluations, seconds, interrupted, tuple(notes))

    def _learning_note(self, best: float) -> str:
        trainer, seconds = self.trainer, self.history[-1][0] if self.history else 0.0
        origin = {None: "random weights", SHIPPED_POLICY: "the shipped policy"}.get(self.policy, str(self.policy))
        after = ""
        if self.trained:
            last = trainer.curve[-1].mean_cost if trainer.curve else self.zero_shot_mean
            after = f"; trained here for {trainer.model.num_timesteps:,} steps: mean {last:.5f}, best {best:.5f}"
        elif trainer.log.episodes > FEW:
            after = f"; more of them: best {best:.5f}"
        return (
            f"The policy began with {origin}: mean cost {self.zero_shot_mean:.5f} and best {self.zero_shot:.5f} without "
            f"training{after} ({trainer.log.episodes} floorplans in {seconds:.1f} s)."
        )


class _Part(Progress):
    """The rest of another progress, from a share on."""

    def __init__(self, whole: Progress, share: float) -> None:
        super().__init__(whole.description, whole.total, quiet=True)
        self.whole, self.share = whole, share

    def update(self, done: float, note: str = "") -> None:
        """Pass on, squeezed into the rest."""
        total = self.total or 1.0
        self.whole.update(total * self.share + done * (1 - self.share), f"polish: {note}")
