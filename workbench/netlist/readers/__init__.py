"""Readers of netlist formats, one file or family of files each; `formats.READERS` is their table."""
