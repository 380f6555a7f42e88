"""Placement agents compared at equal wall time: the jobs, their results, the statistics, tables, pictures and one page."""
