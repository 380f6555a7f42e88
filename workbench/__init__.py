"""Chip-design and ecosystem simulation workbench: floorplans, cores, networks, and their comparison."""

__version__ = "0.1.0"
