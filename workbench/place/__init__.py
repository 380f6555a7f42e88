"""Placement: cost, environment, search and learning agents, pictures of floorplans.

Importing it enters ``workbench/Placement-v0`` in Gymnasium's registry (the environment itself is imported when it is made).
"""

from __future__ import annotations

ENVIRONMENT_ID = "workbench/Placement-v0"


def register_environment() -> None:
    """Enter the environment in Gymnasium's registry, once."""
    import gymnasium

    if ENVIRONMENT_ID not in gymnasium.registry:
        gymnasium.register(ENVIRONMENT_ID, entry_point="workbench.place.environment:PlacementEnv")


register_environment()
