"""Measurements of speed, memory and quality, one command for each."""

import vital  # noqa: F401 (ahead of all that a benchmark imports: it chooses how NumPy sorts)
