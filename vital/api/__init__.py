"""The library without a pipeline: what ``import vital`` offers."""
