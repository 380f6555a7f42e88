"""Studies: design points by workloads, run on dask, kept in a run store."""
