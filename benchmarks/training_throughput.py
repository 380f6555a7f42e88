"""Training throughput on one netlist: our batched trainer beside a straightforward stable-baselines3 set-up, in one run.

    python benchmarks/training_throughput.py NETLIST [--environments 8] [--iterations 2]

Straightforward: MaskablePPO over a DummyVecEnv of single environments with the full observation (the graph repeated at every
step) and a features extractor that computes the published edge-GNN from it, every edge's ends joined and multiplied. Ours:
`Trainer` with the same network, then with our own. All use one torch thread, the same episodes per rollout, minibatches and
epochs. A training step is an environment step with its share of the update; the first iteration warms up and is not counted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import gymnasium
import torch
from sb3_contrib import MaskablePPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import DummyVecEnv
from torch import nn

from workbench.netlist.design import Design
from workbench.netlist.load import load_design
from workbench.place.agents.policy import NetworkConfig
from workbench.place.agents.training import Stop, Trainer, TrainingConfig
from workbench.place.environment import PlacementEnv

WIDTH, LAYERS = 8, 3


class GraphExtractor(BaseFeaturesExtractor):
    """The published network up to its 56 numbers, computed from every sample's own copy of the graph."""

    def __init__(self, space: gymnasium.spaces.Dict, order: torch.Tensor) -> None:
        super().__init__(space, 7 * WIDTH)
        shapes = {name: part.shape or () for name, part in space.spaces.items()}
        self.order = order
        self.node, self.meta = nn.Linear(shapes["nodes"][1], WIDTH), nn.Linear(shapes["metadata"][0], WIDTH)
        self.messages = nn.ModuleList(nn.Linear(2 * WIDTH + 1, WIDTH) for _ in range(LAYERS))
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))

    def forward(self, observation: dict[str, torch.Tensor]) -> torch.Tensor:
        """The features of a batch."""
        nodes = observation["nodes"].clone()
        nodes[:, :, :2] = observation["node_position"]
        edges, weight = observation["edges"].long(), observation["edge_weight"][:, :, None]
        h = torch.relu(self.node(nodes))
        a, b = (edges[:, end, :, None].expand(-1, -1, WIDTH) for end in (0, 1))
        for dense in self.messages:
            at_a, at_b = h.gather(1, a), h.gather(1, b)
            forth, back = (torch.relu(dense(torch.cat([*ends, weight], dim=2))) for ends in ((at_a, at_b), (at_b, at_a)))
            message = 0.5 * (forth + back)
            total = torch.zeros_like(h).scatter_add(1, a, message).scatter_add(1, b, message)
            ones = torch.ones_like(message)
            count = torch.zeros_like(h).scatter_add(1, a, ones).scatter_add(1, b, ones)
            h = h + total / count.clamp(min=1.0)
        step = observation["current_macro"].long().reshape(-1).clamp(max=len(self.order) - 1)
        current = h[torch.arange(len(h)), self.order[step]]
        score = torch.einsum("bd,bnd->bn", self.query(current), self.key(h)).softmax(dim=1)
        attended = torch.einsum("bn,bnd->bd", score, self.value(h))
        summary = [message.mean(dim=1), message.var(dim=1), message.amax(dim=1), message.amin(dim=1)]
        return torch.cat([torch.relu(self.meta(observation["metadata"])), *summary, attended, current], dim=1)


class Deconvolution(nn.Module):
    """The published policy head: 56 numbers to 128 × 128 cells, of which the middle ones are the grid's."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Linear(7 * WIDTH, 2048), nn.ReLU(), nn.Unflatten(1, (32, 8, 8))]
        for before, after in ((32, 16), (16, 8), (8, 4), (4, 2)):
            layers += [nn.ConvTranspose2d(before, after, 3, stride=2, padding=1, output_padding=1), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(2, 1, 3, padding=1))
        self.rows, self.columns = rows, columns

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits of the grid's cells."""
        up, right = (128 - self.rows) // 2, (128 - self.columns) // 2
        return self.layers(features)[:, 0, up : up + self.rows, right : right + self.columns].flatten(1)


class Clock(BaseCallback):
    """Notes when every iteration begins."""

    def __init__(self) -> None:
        super().__init__()
        self.began: list[float] = []

    def _on_rollout_start(self) -> None:
        self.began.append(time.perf_counter())

    def _on_step(self) -> bool:
        return True


def straightforward(design: Design, config: TrainingConfig, iterations: int) -> float:
    """Training steps a second of the straightforward set-up."""
    environment = DummyVecEnv([lambda: PlacementEnv(design)] * config.environments)
    single = PlacementEnv(design)
    steps, canvas = single.problem.steps, design.canvas
    model = MaskablePPO(
        "MultiInputPolicy", environment, n_steps=steps, batch_size=steps * config.environments // config.minibatches,
        n_epochs=config.epochs, gamma=1.0, gae_lambda=1.0, device="cpu",
        policy_kwargs={
            "features_extractor_class": GraphExtractor, "net_arch": {"pi": [], "vf": [32, 8]},
            "features_extractor_kwargs": {"order": torch.from_numpy(single.graph.macro_node)},
        },
    )  # fmt: skip
    model.policy.action_net = Deconvolution(canvas.rows, canvas.columns)
    model.policy.optimizer = torch.optim.Adam(model.policy.parameters(), lr=config.learning_rate)
    clock, rollout = Clock(), steps * config.environments
    model.learn((1 + iterations) * rollout, callback=clock)
    return iterations * rollout / (time.perf_counter() - clock.began[1])


def ours(design: Design, config: TrainingConfig, iterations: int) -> float:
    """Training steps a second of our trainer."""
    trainer = Trainer([design], config)
    trainer.measure_untrained()
    rollout = trainer.environment.steps * config.environments
    trainer.train(Stop(steps=rollout))
    began = time.perf_counter()
    trainer.train(Stop(steps=(1 + iterations) * rollout))
    return iterations * rollout / (time.perf_counter() - began)


def main() -> None:
    """Measure all and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("netlist")
    parser.add_argument("--environments", type=int, default=8)
    parser.add_argument("--iterations", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    design = load_design(arguments.netlist)

    def config(kind: str) -> TrainingConfig:
        return TrainingConfig(environments=arguments.environments, network=NetworkConfig(kind), evaluation_episodes=1)

    rows: list[tuple[str, Callable[[], float]]] = [
        ("stable-baselines3, straightforward", lambda: straightforward(design, config("cells"), arguments.iterations)),
        ("ours, the same network", lambda: ours(design, config("circuit_training"), arguments.iterations)),
        ("ours, our network", lambda: ours(design, config("cells"), arguments.iterations)),
    ]
    base = 0.0
    print(f"{design.name}: {arguments.environments} episodes a rollout, one thread\n{'':36s}{'steps/s':>9s}{'ratio':>8s}")
    for name, measure in rows:
        rate = measure()
        base = base or rate
        print(f"{name:36s}{rate:9.1f}{rate / base:8.2f}", flush=True)


if __name__ == "__main__":
    main()
