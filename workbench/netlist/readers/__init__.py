"""Readers of netlist formats, one file each."""
