"""Metrics: pure functions of features and logits."""
