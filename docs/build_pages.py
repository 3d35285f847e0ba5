"""Writes what commands print into the pages in docs/, so that it is what they print.

python docs/build_pages.py           # writes it
python docs/build_pages.py --check   # exit code 1 when a page shows something else

A block of code behind `<!-- $ lintune … -->` is what that command prints in examples/smart-home, in 80 columns.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
from pathlib import Path

from lintune_server.cli.main import main as lintune

FOLDER = Path(__file__).resolve().parent
EXAMPLE = FOLDER.parent / "examples" / "smart-home"

_BLOCK = re.compile(r"(<!-- \$ lintune (?P<words>.+?) -->\n```text\n).*?(```\n)", re.DOTALL)


def pages() -> dict[Path, str]:
    """Every page with its text as it should be."""
    return {path: _BLOCK.sub(_filled, path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.md"))}


def _filled(block: re.Match[str]) -> str:
    return f"{block[1]}{_printed(shlex.split(block['words']))}{block[3]}"


def _printed(words: list[str]) -> str:
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    os.environ |= {"COLUMNS": "80", "NO_COLOR": "1"}
    with contextlib.chdir(EXAMPLE), contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        lintune(words)
    out.flush()
    out.seek(0)
    return out.read().rstrip("\n") + "\n"


def main() -> int:
    built = pages()
    stale = [path for path, text in built.items() if path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        if stale:
            names = ", ".join(path.name for path in stale)
            print(f"Not what the commands print: {names}. Run: make docs", file=sys.stderr)
        return int(bool(stale))
    for path in stale:
        path.write_text(built[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
