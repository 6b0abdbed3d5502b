"""What tables of single images call the studied network's own verdicts, by their metrics' names."""

from __future__ import annotations

VERDICTS = {"accuracy_top1": "top1", "accuracy_top5": "top5", "knn_accuracy": "knn_top1"}
