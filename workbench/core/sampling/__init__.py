"""Sampled timing: the loops of chosen functions are simulated in windows, and what lies between is extrapolated."""
