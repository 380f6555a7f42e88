"""Writers of netlist formats, one file each; `formats.WRITERS` is their table."""
