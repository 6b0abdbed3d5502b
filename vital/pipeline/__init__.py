"""The pipeline as a whole: running, repairing, tracking and estimating it."""
