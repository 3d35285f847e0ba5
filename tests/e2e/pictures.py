"""Chooses the pictures of the extension's README among the suite's screenshots, and makes them small.

python -m tests.e2e.pictures [FOLDER…]      # screenshots are in build/e2e; `make pictures` takes them first
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

from .code_server import EXTENSION, REPOSITORY

PICTURES = {
    "1-squiggle": "2-problem-light",
    "2-training": "panel-dark",
    "3-answer": "7-asked-light",
    "4-playground": "playground-dark",
    "5-runs": "runs-light",
    "6-sample": "sample-1-open-light",
}
"""A picture's name in the README, and that of the screenshot."""
FOLDER = EXTENSION / "images" / "readme"
_WIDTH = 1_200
_COLOURS = 96
"""Text on plain ground needs few; with 256 a picture is half as large again and looks the same."""


def make(screenshot: Path, picture: Path) -> None:
    """Write a screenshot as a smaller PNG with a palette."""
    with Image.open(screenshot) as image:
        size = (_WIDTH, round(image.height * _WIDTH / image.width))
        small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    picture.parent.mkdir(parents=True, exist_ok=True)
    # Not by how often a colour is there: curves and squiggles are thin.
    small.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(picture, optimize=True)


def main(folders: list[Path]) -> int:
    missing = []
    for name, screenshot in PICTURES.items():
        found = [path for folder in folders if (path := folder / f"{screenshot}.png").exists()]
        if found:
            picture = FOLDER / f"{name}.png"
            make(found[0], picture)
            print(f"{picture.relative_to(REPOSITORY)}: {picture.stat().st_size / 1e3:.0f} KB")
        else:
            missing.append(screenshot)
    if missing:
        print(f"There are no screenshots {', '.join(missing)}: run the suite first, make pictures.", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main([Path(name) for name in sys.argv[1:]] or [REPOSITORY / "build" / "e2e"]))
