"""Traces: the dynamic instructions of one run, recorded once and timed on any core."""
