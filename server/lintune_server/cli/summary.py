"""What is said at the end of a check, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.cli.terminal import number
from lintune_server.lint.words import listed

if TYPE_CHECKING:
    from lintune_server.cli.tally import Tally


def summary(tally: Tally) -> str:
    """What was found, what can be done about it, and what was looked at: on two lines, on one when it is nothing."""
    said = [number(tally.severities[severity], severity.label) for severity in sorted(tally.severities, reverse=True)]
    where = number(tally.files_with_findings, "file")
    found = f"Found {listed(said)} in {where}." if said else "Nothing found."
    if tally.fixed:
        found = f"Mended {tally.fixed:,}. {found}"
    if tally.safe:
        found += f" {tally.safe:,} can be mended with --fix"
        found += f", {tally.unsafe:,} more with --fix --unsafe." if tally.unsafe else "."
    elif tally.unsafe:
        found += f" {tally.unsafe:,} can be mended with --fix --unsafe."
    if tally.quiet:
        found += f" {tally.quiet:,} more {'is' if tally.quiet == 1 else 'are'} in the baseline."
    read = f"Checked {number(tally.files, 'file')}, {number(tally.samples, 'sample')}"
    if tally.tokens is not None:
        read += f", {number(tally.tokens, 'token')}"
    return f"{found}{chr(10) if said else ' '}{read}.\n"
