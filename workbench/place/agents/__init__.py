"""Placement agents, one file each, behind one protocol."""
