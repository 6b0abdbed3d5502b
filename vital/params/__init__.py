"""Typed parameters: one module per block of params.yaml, checked once, unknown keys refused."""
