"""Makes the policy that is shipped with the ppo agent: trained on several of our designs, never on the default `rvv_npu`.

    python benchmarks/training_shipped_policy.py [--minutes 20] [--out runs/shipped_policy] [--policy FILE] [--install]

The designs are `systolic`, `rvv_npu` with one and with two lanes, and two synthetic ones; the default `rvv_npu` (four lanes)
is left out so that what the policy does there is transfer. `--install` writes the weights (without the optimiser) into
workbench/place/agents/policies/. Run it again with --resume to go on.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from workbench.netlist.design import Design
from workbench.netlist.load import load_design
from workbench.place.agents.policy_shipped import SHIPPED_POLICY, write_policy
from workbench.place.agents.training_run import TrainingOptions, run_training
from workbench.place.environment_synthetic import synthetic_design

EPISODES_TOGETHER = 8


def training_designs() -> list[Design]:
    """The designs that the shipped policy is trained on."""
    variants = [("rvv_npu", {"LANES": 1}), ("rvv_npu", {"LANES": 2}), ("systolic", {})]
    designs = []
    for name, params in variants:
        design = load_design(name, params=params or None)
        label = "_".join([name, *(f"{key.lower()}{value}" for key, value in params.items())])
        designs.append(dataclasses.replace(design, name=label))
    return [*designs, synthetic_design(101, 24, 30, 26, 0.4), synthetic_design(102, 32, 30, 30, 0.35)]


def main() -> None:
    """Train, and install if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--out", type=Path, default=Path("runs/shipped_policy"))
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--policy", type=Path, help="weights to begin with")
    parser.add_argument("--install", action="store_true")
    arguments = parser.parse_args()
    options = TrainingOptions(
        arguments.out, seconds=60 * arguments.minutes, environments=EPISODES_TOGETHER, resume=arguments.resume,
        policy=arguments.policy,
    )  # fmt: skip
    report = run_training(training_designs(), options)
    print("untrained", report["untrained_policy"])
    print("trained  ", report["trained_policy"])
    if arguments.install:
        print("written  ", write_policy(SHIPPED_POLICY, arguments.out / "checkpoint.pt"))


if __name__ == "__main__":
    main()
