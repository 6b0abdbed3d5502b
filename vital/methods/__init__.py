"""Methods: each is a parametrization, an objective and a schedule."""
