"""data/report: the names in its folder that are read by others."""

from __future__ import annotations

PAGE = "index.html"
FIGURES_FOLDER = "figures"
