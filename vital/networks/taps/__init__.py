"""Taps: what of a network is read, and how."""
