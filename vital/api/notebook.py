"""Pictures in notebooks, without a need for the packages that run them."""

from __future__ import annotations

import base64
import io
import sys

import numpy as np
from PIL import Image


def display_in_notebook(shown: object) -> bool:
    """Display an object if this process is a notebook's; returns whether it is."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if not hasattr(shell, "kernel"):
        return False
    from IPython.display import display

    display(shown)  # type: ignore[no-untyped-call]
    return True


def png(array: np.ndarray) -> bytes:
    """Bytes (H, W, 3) as a PNG."""
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, format="PNG")
    return buffer.getvalue()


def embedded_png(array: np.ndarray) -> str:
    """Bytes (H, W, 3) as the address of a picture that a page holds in itself."""
    return "data:image/png;base64," + base64.b64encode(png(array)).decode()
