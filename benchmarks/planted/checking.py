"""Running the real command, and what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Finding:
    path: Path
    line: int
    """1-based."""
    code: str
    severity: str
    message: str


class CheckFailed(Exception):  # noqa: N818
    """`lintune check` gave no report. The text is the last line of what it said instead."""


def check(folder: Path) -> list[Finding]:
    """Check a folder with the command line. Raises CheckFailed."""
    command = [sys.executable, "-m", "lintune_server", "check", str(folder), "--output-format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise CheckFailed(said[-1]) from None
    return [
        Finding(
            Path(found["path"]).resolve(),
            found["range"]["start"]["line"],
            found["code"],
            found["severity"],
            found["message"],
        )
        for found in report["findings"]
    ]


def check_all(root: Path) -> tuple[list[Finding], dict[str, list[str]]]:
    """Check every folder in `root`, all at once if that goes well; else each by itself.

    The second value has what the command said instead, with the names of the folders that it was about.
    """
    try:
        return check(root), {}
    except CheckFailed:
        findings: list[Finding] = []
        failed: dict[str, list[str]] = {}
        for folder in sorted(path for path in root.iterdir() if path.is_dir()):
            try:
                findings += check(folder)
            except CheckFailed as error:
                failed.setdefault(str(error), []).append(folder.name)
        return findings, failed
