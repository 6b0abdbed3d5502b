"""How images are judged: the networks that look at them, and the metrics."""
