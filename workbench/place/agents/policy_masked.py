"""The placement network as a policy of sb3-contrib's MaskablePPO."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from sb3_contrib.common.maskable.distributions import MaskableDistribution
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule

from workbench.place.agents.policy import NetworkConfig, make_network
from workbench.place.environment_problem import PlacementProblem

Masks = np.ndarray | torch.Tensor | None


class PlacementPolicy(MaskableActorCriticPolicy):
    """Actor and critic share one PlacementNetwork; observations are compact.

    What the network encodes of the designs is kept while the policy is in evaluation mode (its weights do not change during
    a rollout) and computed anew, with gradients, for every minibatch of an update.
    """

    def __init__(
        self, observation_space: spaces.Dict, action_space: spaces.Discrete, lr_schedule: Schedule, *,
        problems: Sequence[PlacementProblem], network: NetworkConfig = NetworkConfig(), **options: Any,
    ) -> None:  # fmt: skip
        self._problems, self._network_config = tuple(problems), network
        self._encoding: tuple[Any] | None = None
        super().__init__(observation_space, action_space, lr_schedule, net_arch=[], **options)

    def _build(self, lr_schedule: Schedule) -> None:
        _, rows, columns = self.observation_space["images"].shape  # type: ignore[index]
        self.network = make_network(self._network_config, self._problems, rows, columns)
        self.optimizer = self.optimizer_class(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)  # type: ignore[call-arg]

    def set_training_mode(self, mode: bool) -> None:
        """Switch modes; either way the kept encoding is dropped."""
        self._encoding = None
        super().set_training_mode(mode)

    def _evaluate(self, observation: dict[str, torch.Tensor], masks: Masks) -> tuple[MaskableDistribution, torch.Tensor]:
        if self.training or torch.is_grad_enabled():
            encoding = self.network.encode()
        else:
            self._encoding = self._encoding or (self.network.encode(),)
            encoding = self._encoding[0]
        logits, values = self.network(observation, encoding)
        distribution = self.action_dist.proba_distribution(action_logits=logits)
        if masks is not None:
            distribution.apply_masking(masks)
        return distribution, values

    def forward(  # type: ignore[override]
        self, obs: dict[str, torch.Tensor], deterministic: bool = False, action_masks: Masks = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Actions, values and log-probabilities of the actions."""
        distribution, values = self._evaluate(obs, action_masks)
        actions = distribution.get_actions(deterministic=deterministic)
        return actions, values, distribution.log_prob(actions)

    def evaluate_actions(  # type: ignore[override]
        self, obs: dict[str, torch.Tensor], actions: torch.Tensor, action_masks: Masks = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Values, log-probabilities and entropies for given actions."""
        distribution, values = self._evaluate(obs, action_masks)
        return values, distribution.log_prob(actions), distribution.entropy()

    def get_distribution(self, obs: Any, action_masks: Masks = None) -> MaskableDistribution:
        """The distribution over actions."""
        return self._evaluate(obs, action_masks)[0]

    def predict_values(self, obs: Any) -> torch.Tensor:
        """Values alone."""
        return self._evaluate(obs, None)[1]
