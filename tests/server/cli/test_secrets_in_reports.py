from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lintune_server.cli.reports import FORMATS
from lintune_server.lint import checking
from lintune_server.lint.selection import Selection

if TYPE_CHECKING:
    from .command import Command

FIXTURES = Path(__file__).parents[1] / "rules" / "fixtures" / "QL404"


def secrets():
    """What is found in the fixtures, as it stands in the lines."""
    for path in sorted(FIXTURES.glob("bad*.jsonl")):
        lines = path.read_text(encoding="utf-8").splitlines()
        for finding in checking.check(path, None, Selection(("QL404",))).findings:
            yield lines[finding.range.start.line][finding.range.start.column : finding.range.end.column]


@pytest.mark.parametrize("name", FORMATS)
def test_no_report_shows_more_than_four_characters_of_a_secret(run: Command, name: str):
    for path in FIXTURES.glob("bad*.jsonl"):
        (run.folder / path.name).write_bytes(path.read_bytes())
    report = run("check", ".", "--output-format", name, "--select", "QL404", "--max-findings", "0").out
    assert "QL404" in report
    found = list(secrets())
    assert len(found) > 20
    for secret in found:
        for part in re.findall(r"[\w+/@.-]{8,}", secret):
            assert part[:8] not in report
