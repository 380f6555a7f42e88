"""Makes the policy that is shipped: demonstrations by annealing, behaviour cloning, then PPO on batches of designs.

    python -m workbench.place.agents.pretraining --out runs/pretraining [--designs 28] [--ppo-minutes 20] [--install]

Trained on: designs of every family but the held-out one (`families`), `rvv_npu` with one and with two lanes and `systolic`
with an array of 8 × 8. Never seen: the default `rvv_npu` and `systolic`, the family `noc`, and every netlist from outside.
The folder keeps what is done (demonstrations.pt, cloned.pt, stage_*/checkpoint.pt, policy.pt); run it again to go on.
`--install` copies policy.pt, weights only, into workbench/place/agents/policies/.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from workbench.base.files import make_folder
from workbench.netlist.design import Design
from workbench.netlist.load import load_design
from workbench.place.agents.demonstrations import Demonstration, collect
from workbench.place.agents.imitation import CloningConfig, clone, make_lessons
from workbench.place.agents.policy import NetworkConfig, make_network
from workbench.place.agents.policy_shipped import SHIPPED_POLICY, load_policy, write_policy, write_weights
from workbench.place.agents.training import Stop, Trainer, TrainingConfig, design_identity, one_thread
from workbench.place.agents.training_checkpoint import read_checkpoint, write_checkpoint
from workbench.place.families import FAMILIES, HELD_OUT, family_design

OWN_DESIGNS = (("rvv_npu", {"LANES": 1}), ("rvv_npu", {"LANES": 2}), ("systolic", {"ROWS": 8, "COLS": 8}))
FIRST_SEED = 1000
LARGEST = 90
"""Macros of the largest design that is trained on."""
TEMPERATURE = 0.5
"""The cloned network's logits are divided by it, for labels were blurred and the chances learned from them are too wide; PPO
goes on from the sharper ones. Mean and best of 9 draws at 1, 0.5 and 0.3 on ariane133: .693/.688, .689/.682, .687/.682; on
NVDLA .718/.713, .704/.697, .702/.695 (model: ours; benchmarks/policy_transfer.py)."""
STAGE_DESIGNS, STAGE_MINUTES = 6, 5.0
"""PPO trains on so many designs together for so long, then on the next ones."""
STAGE_MACROS, STAGE_CELLS = 60, 1000
"""Largest design of a stage: episodes of all run at the pace of the largest."""
PPO = TrainingConfig(environments=8, learning_rate=3e-4, entropy=1e-3, evaluation_episodes=8)


def training_designs(count: int) -> list[Design]:
    """Our own designs, then `count` of each family that is trained on."""
    designs = []
    for name, params in OWN_DESIGNS:
        label = "_".join([name, *(f"{key.lower()}{value}" for key, value in params.items())])
        designs.append(dataclasses.replace(load_design(name, params=params), name=label))
    seeds = range(FIRST_SEED, FIRST_SEED + count)
    return designs + [family_design(name, seed, LARGEST) for seed in seeds for name in FAMILIES if name != HELD_OUT]


def pretrain(out: Path, count: int, ppo_minutes: float, cloning: CloningConfig, network: NetworkConfig) -> Path:
    """All steps that are not done yet; returns the file of the final weights."""
    make_folder(out)
    designs = training_designs(count)
    demonstrations = collect(designs, out / "demonstrations.pt", 0, _tell)
    cloned = out / "cloned.pt"
    if not cloned.exists():
        write_weights(cloned, _cloned(demonstrations, cloning, network), network, _identities(demonstrations))
    latest, stages = cloned, round(ppo_minutes / STAGE_MINUTES)
    for stage in range(stages):
        latest = _stage(out / f"stage_{stage}", latest, demonstrations, stage)
    weights = read_checkpoint(latest)["weights"]
    return write_weights(out / "policy.pt", weights, network, _identities(demonstrations))


def _tell(done: Demonstration) -> None:
    print(f"annealed {done.design.name}: {len(done.cells)} macros, cost {done.cost:.4f}", flush=True)


def _identities(demonstrations: Sequence[Demonstration]) -> list[list[object]]:
    return [design_identity(one.design) for one in demonstrations]


def _cloned(
    demonstrations: Sequence[Demonstration], cloning: CloningConfig, config: NetworkConfig
) -> dict[str, torch.Tensor]:  # fmt: skip
    """Weights after behaviour cloning, sharpened."""
    rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    lessons = [make_lessons(one, cloning, rng) for one in demonstrations]
    first = lessons[0].problem
    with one_thread(), torch.random.fork_rng():
        torch.manual_seed(0)
        network = make_network(config, [first], first.canvas.rows, first.canvas.columns)
        clone(network, lessons, cloning, generator, lambda e, loss: print(f"cloning epoch {e}: {loss:.4f}", flush=True))
        network.sharpen(TEMPERATURE)
    return {f"network.{name}": value for name, value in network.state_dict().items()}


def _stage(folder: Path, weights: Path, demonstrations: Sequence[Demonstration], stage: int) -> Path:
    """One stage of PPO; kept as a policy file in its folder."""
    done = folder / "policy.pt"
    if done.exists():
        return done
    make_folder(folder)
    small = [
        one.design for one in demonstrations
        if len(one.cells) <= STAGE_MACROS and one.design.canvas.rows * one.design.canvas.columns <= STAGE_CELLS
    ]  # fmt: skip
    chosen = np.random.default_rng(stage).choice(len(small), min(STAGE_DESIGNS, len(small)), replace=False)
    designs = [small[i] for i in chosen]
    trainer = Trainer(designs, dataclasses.replace(PPO, seed=stage))
    load_policy(weights, trainer.model.policy)
    before = trainer.measure_untrained()
    trainer.train(Stop(seconds=60 * STAGE_MINUTES))
    write_checkpoint(folder / "checkpoint.pt", trainer.state())
    print(f"stage {stage}: mean cost {before.mean_cost:.4f} to {trainer.curve[-1].mean_cost:.4f}", flush=True)
    return write_policy(done, folder / "checkpoint.pt")


def main() -> None:
    """Pretrain, and install if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/pretraining"))
    parser.add_argument("--designs", type=int, default=28, help="of each family")
    parser.add_argument("--epochs", type=int, default=CloningConfig.epochs)
    parser.add_argument("--ppo-minutes", type=float, default=20.0)
    parser.add_argument("--network", default="cells")
    parser.add_argument("--install", action="store_true")
    arguments = parser.parse_args()
    cloning, network = CloningConfig(epochs=arguments.epochs), NetworkConfig(arguments.network)
    policy = pretrain(arguments.out, arguments.designs, arguments.ppo_minutes, cloning, network)
    if arguments.install:
        policy = write_checkpoint(SHIPPED_POLICY, read_checkpoint(policy))
    print(f"written {policy}")


if __name__ == "__main__":
    main()
