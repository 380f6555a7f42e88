"""Sweeps: programs, traces and networks on many cores and parameter values at once."""
