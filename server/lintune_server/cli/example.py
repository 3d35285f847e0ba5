"""The example workspace that comes with Lintune."""

from __future__ import annotations

import sysconfig
from pathlib import Path

from lintune_schemas.errors import LintuneError

NAME = "smart-home"


def folder() -> Path:
    """Of the checkout that this runs from, or as it was installed. Raises LintuneError when it is not there."""
    checkout = Path(__file__).resolve().parents[3] / "examples" / NAME
    installed = Path(sysconfig.get_path("data"), "share", "lintune", "examples", NAME)
    for place in (checkout, installed):
        if (place / "recipe.yaml").is_file():
            return place
    raise LintuneError(f"The example {NAME} is not there. Install Lintune again, or run this in a checkout.")
