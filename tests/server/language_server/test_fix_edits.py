"""Fixes as a client applies them, whose columns count UTF-16, against applying them to the text itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lintune_server.language_server.convert import Converter
from lintune_server.language_server.text import Encoding, Text
from lintune_server.lint import fixing
from lintune_server.lint.context import context_for
from lintune_server.lint.dataset import DatasetLinter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lsprotocol import types

FIXTURES = Path(__file__).parents[1] / "rules" / "fixtures"
BAD = sorted(path for path in FIXTURES.glob("*/bad*.jsonl") if "-fixed" not in path.stem)


def applied(text: str, edits: Sequence[types.TextEdit]) -> str:
    """As the protocol says: all positions are those of the text before any of them."""
    data = text.encode("utf-16-le", "surrogatepass")
    ends = [match.end() for match in re.finditer("\r\n|\n|\r", text)]
    starts = [0, *(len(text[:end].encode("utf-16-le", "surrogatepass")) for end in ends)]

    def offset(position: types.Position) -> int:
        return starts[position.line] + 2 * position.character

    for edit in sorted(edits, key=lambda edit: (edit.range.start.line, edit.range.start.character), reverse=True):
        new = edit.new_text.encode("utf-16-le", "surrogatepass")
        data = data[: offset(edit.range.start)] + new + data[offset(edit.range.end) :]
    return data.decode("utf-16-le", "surrogatepass")


@pytest.mark.parametrize("path", BAD, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_fix_of_every_rule(path: Path) -> None:
    text = path.read_bytes().decode("utf-8", "replace")
    findings = DatasetLinter(path, context_for(path)).check(text)
    converter = Converter(Text(text).lines, Encoding.UTF16)
    for finding in findings:
        if finding.fix:
            edits = sorted(finding.fix.edits, key=lambda edit: edit.range)
            assert applied(text, converter.edits(edits)) == fixing.apply(text, edits), finding.code
    edits = fixing.safe_edits(findings)
    assert applied(text, converter.edits(edits)) == fixing.apply(text, edits)
