"""Builders of known network architectures with seeded weights."""
