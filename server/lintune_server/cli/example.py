"""The example workspace that comes with Lintune."""

from __future__ import annotations

import sysconfig
from pathlib import Path

from lintune_schemas.errors import LintuneError
from lintune_server.cli import new_files

NAME = "smart-home"


def folder() -> Path:
    """Of the checkout that this runs from, or as it was installed. Raises LintuneError when it is not there."""
    checkout = Path(__file__).resolve().parents[3] / "examples" / NAME
    installed = Path(sysconfig.get_path("data"), "share", "lintune", "examples", NAME)
    for place in (checkout, installed):
        if (place / "recipe.yaml").is_file():
            return place
    raise LintuneError(f"The example {NAME} is not there. Install Lintune again, or run this in a checkout.")


def copy(to: Path) -> None:
    """Copy all of it into a folder. Raises LintuneError, with nothing left behind, when a file of it is there."""
    source = folder()
    found = sorted(path for path in source.rglob("*") if path.is_file())
    inside = [path.relative_to(source) for path in found]
    # What runs left in a checkout is no part of it.
    new_files.write([(to / path, (source / path).read_bytes()) for path in inside if path.parts[0] != ".lintune"])
