"""How findings are printed: one module a format, imported when it is asked for.

Each has a class `Writer` that is handed the files one after the other, so that no more than one is in memory.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, TextIO, cast

if TYPE_CHECKING:
    from lintune_server.cli.tally import Tally
    from lintune_server.lint.checking import Checked

SHOWN = 20
"""How many findings of a rule in a file are shown to a person who did not ask for more."""

FORMATS = {
    "full": "for people: each finding with the piece of its line",
    "concise": "one line a finding",
    "json": "one object, by check-report.schema.json",
    "github": "annotations of a GitHub workflow",
    "sarif": "SARIF 2.1.0, as code scanning reads it",
    "html": "one page with plots, to look at and to send around",
}


class Writer(Protocol):
    def add(self, file: Checked) -> None:
        """Print what was found in a file."""

    def end(self, tally: Tally, /) -> None:
        """Print what is said at the end."""


def writer(name: str, out: TextIO, limit: int | None) -> Writer:
    """limit: findings of a rule in a file that are listed; None for as many as fit the format, 0 for all."""
    module = import_module(f"lintune_server.cli.reports.{name}_report")
    return cast("Writer", module.Writer(out, limit))
