"""Clusters standard cells into soft macros, in two ways for two kinds of design.

- `hierarchy`: elaborated RTL, whose leaves have hierarchical names (`readers/verilog_build.py` uses it on the way in).
- `flat`: gate-level netlists of many thousand cells, by a hypergraph partitioner (`workbench netlist cluster`). In its
  order: `elements` (the hypergraph), `partition` (groups of cells), `regroup` (groups by their places), `soft_macros`
  (the clustered netlist, and its placement mapped back onto the cells), `group_file` (which cell is in which group).

`rules` holds what both share.
"""
