"""Builders of known network architectures with seeded weights, and networks by name."""

from workbench.graph.zoo.registry import MODELS, Model, describe_models, load_model

__all__ = ["MODELS", "Model", "describe_models", "load_model"]
