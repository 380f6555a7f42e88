"""Ground floor: errors, limits, files, configuration, randomness, JIT, registries, progress. Imports nothing above."""
