"""Logs of a run for other tools: pipelines for Konata and Perfetto, statistics in gem5's text form."""
