"""data/statistics and data/relevance: quantile functions, a Parquet file per tap."""

from __future__ import annotations

from pathlib import Path

SCHEMA_VERSION = "2"

N_IMAGES = "n_images"
"""How many images were averaged."""
IMPORTANCE = "importance"
"""The channel's weight in the loss, 0 to 1."""
MEAN = "mean"
"""Over all positions and images."""
STD = "std"
QUANTILES = "quantiles"
"""The mean of the images' sorted values, or some of these."""

_TAPS_FOLDER = "taps"
_SUFFIX = ".parquet"


def taps_folder(folder: Path) -> Path:
    """Holds a file per tap and nothing else, as a tap may have any name."""
    return folder / _TAPS_FOLDER


def tap_file_name(tap: str) -> str:
    """The name of a tap's file, which cannot lead out of its folder."""
    return tap.replace("/", "_").replace("\\", "_").lstrip(".") + _SUFFIX


def tap_file(folder: Path, tap: str) -> Path:
    """Where a tap's statistics lie."""
    return taps_folder(folder) / tap_file_name(tap)


def tap_files(folder: Path) -> list[Path]:
    """Every tap's file, in the order of their names."""
    return sorted(taps_folder(folder).glob(f"*{_SUFFIX}"))
